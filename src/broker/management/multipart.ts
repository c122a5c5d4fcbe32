// Definitions as they are uploaded: JSON as the body, or as a file of an HTML form.
import { badRequest } from '../admin/refusal.ts'
import type { JsonObject } from '../core/json.ts'
import { type ApiRequest, bodyObject } from './request.ts'

export function definitionsOf({ headers, body }: ApiRequest): JsonObject {
  const type = headers['content-type'] ?? ''
  const [, quoted, plain] =
    /^multipart\/form-data\b.*;\s*boundary=(?:"([^"]{1,70})"|([^;\s]{1,70}))/i.exec(type) ?? []
  const boundary = quoted ?? plain
  return bodyObject(boundary === undefined ? body : fileOf(body, boundary))
}

/** The part with a file name. Parts and their heads end in CR LF, as RFC 2046 has it. */
function fileOf(body: Buffer, boundary: string): Buffer {
  const mark = Buffer.from(`--${boundary}`)
  for (let at = body.indexOf(mark); at >= 0; ) {
    const next = body.indexOf(mark, at + mark.length)
    if (next < 0) break
    const part = body.subarray(at + mark.length + 2, next - 2)
    const headEnd = part.indexOf('\r\n\r\n')
    if (headEnd >= 0 && /filename=/i.test(part.subarray(0, headEnd).toString()))
      return part.subarray(headEnd + 4)
    at = next
  }
  throw badRequest('the form has no file')
}

// Placement's errors on the wire: a list with one entry, whose `code` clients read from 1.23 on; as a page or as text for
// those who take no JSON.
import type { CloudError } from '#kit/errors/cloud-error.ts'
import { type FaultFormat, titles } from '#kit/http/fault.ts'
import { malformedJson } from '#kit/http/json.ts'

const withCode = 1023
const undefinedCode = 'placement.undefined_code'

export const placementFaults: FaultFormat = {
  fault(error, at) {
    const { status } = error
    const title = titles[status] ?? 'Error'
    const detail = wordsOf(error, at.method)
    const form = formOf(at.accept)
    if (form !== 'json') {
      const text = `${status} ${title}\n\n${detail}\n`
      if (form === 'text') return { status, body: text, contentType: 'text/plain; charset=UTF-8' }
      const page = `<html><head><title>${status} ${title}</title></head><body><h1>${status} ${title}</h1>${escaped(detail)}</body></html>\n`
      return { status, body: page, contentType: 'text/html; charset=UTF-8' }
    }
    if (status === 401) return { status, body: { message: detail, code: '401 Unauthorized', title } }
    const entry: Record<string, unknown> = { status, title, detail, request_id: at.requestId }
    if (at.version === undefined || at.version >= withCode) entry.code = codeOf(error.type)
    return { status, body: { errors: [{ ...entry, ...error.body }] } }
  },
}

/** What kit/http finds out by itself is said as placement says it. */
function wordsOf({ message, type, status }: CloudError, method: string): string {
  if (type === malformedJson) return `Malformed JSON: ${message}`
  return status === 405 ? `The method ${method} is not allowed for this resource.` : message
}

function codeOf(type: string | undefined): string {
  return type?.startsWith('placement.') ? type : undefinedCode
}

/** JSON wherever it is taken at all; nothing said means all. */
function formOf(accept: string | undefined): 'json' | 'html' | 'text' {
  if (acceptsJson(accept)) return 'json'
  return /\btext\/html\b/.test(accept!) ? 'html' : 'text'
}

export function acceptsJson(accept: string | undefined): boolean {
  return !accept || /(^|[\s,])(application\/json|application\/\*|\*\/\*)\s*($|[,;])/i.test(accept)
}

const escaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

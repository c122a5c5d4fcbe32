// JSON bodies: read only for those who may ask, never more than the limit, and refused where they are no JSON.
import { isUtf8 } from 'node:buffer'
import type { Readable } from 'node:stream'
import { CloudError } from '../errors/cloud-error.ts'

/** 'application/json', 'application/openstack-images-v2.1-json-patch', 'application/merge-patch+json; charset=utf-8'. */
export function isJson(contentType: string | undefined): boolean {
  return contentType !== undefined && /^application\/([\w.+-]*[-+])?json(-patch)?\b/i.test(contentType)
}

/** The type of errors on bodies that are no JSON, for services with words of their own. */
export const malformedJson = 'malformed-json'

/** Deeper than any request of these APIs; walking through much deeper ones ends the stack. */
const deepest = 100

const malformed =
  'The server could not comply with the request since it is either malformed or otherwise incorrect.'

/** Undefined for an empty body. Throws 'tooLarge' as soon as more than `limit` bytes are announced or come. */
export async function readJson(body: Readable, announced: number, limit: number): Promise<unknown> {
  if (announced > limit) throw tooLarge(limit)
  const bytes = await readBody(body, limit)
  if (announced >= 0 && bytes.length !== announced) throw refuse('its length is not the one announced')
  if (bytes.length === 0) return undefined
  if (!isUtf8(bytes)) throw refuse('it is not in UTF-8')
  return parseJson(bytes.toString('utf8'))
}

function parseJson(text: string): unknown {
  const depth = depthOf(text)
  if (depth > deepest) throw refuse(`it is nested ${depth} deep; the most is ${deepest}`)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw refuse('it is no JSON', error)
  }
  // Copied key by key, such a key would set an object's prototype.
  if (/__proto__|\\u00/.test(text) && hasPrototype(value)) throw refuse('it has a key called __proto__')
  return value
}

function refuse(reason: string, cause?: unknown): CloudError {
  return new CloudError('badRequest', malformed, {
    type: malformedJson,
    cause,
    detail: `the body is refused: ${reason}`,
  })
}

function tooLarge(limit: number): CloudError {
  return new CloudError('tooLarge', `The request body is too large: the most is ${limit} bytes`, {
    headers: { connection: 'close' },
  })
}

/**
 * Of any kind, whole; throws `tooLong` as soon as more than `limit` bytes come. Without `for await`, which would end the
 * connection that the answer is to go through.
 */
export function readBody(body: Readable, limit: number, tooLong = tooLarge(limit)): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = []
    let size = 0
    const leave = () => {
      body.off('data', take).off('end', done).off('error', fail).off('close', fail)
    }
    const take = (piece: Buffer | string) => {
      const bytes = typeof piece === 'string' ? Buffer.from(piece) : piece
      size += bytes.length
      if (size <= limit) pieces.push(bytes)
      else {
        leave()
        body.pause()
        reject(tooLong)
      }
    }
    const done = () => {
      leave()
      resolve(pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces, size))
    }
    const fail = () => {
      leave()
      reject(refuse('it broke off'))
    }
    body.on('data', take).on('end', done).on('error', fail).on('close', fail)
  })
}

/** Of brackets in each other, those inside strings not counted; the text need not be JSON. */
function depthOf(text: string): number {
  if (text.length < deepest) return 0
  let depth = 0
  let most = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === 0x22) {
      // To the end of the string; a backslash takes the next character with it.
      for (at++; at < text.length && text.charCodeAt(at) !== 0x22; at++)
        if (text.charCodeAt(at) === 0x5c) at++
    } else if (code === 0x5b || code === 0x7b) {
      depth++
      if (depth > most) most = depth
    } else if (code === 0x5d || code === 0x7d) depth--
  }
  return most
}

function hasPrototype(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return Object.hasOwn(value, '__proto__') || Object.values(value).some(hasPrototype)
}

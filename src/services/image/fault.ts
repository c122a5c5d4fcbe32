// Image's errors on the wire: JSON, HTML or plain text as the client's Accept says; the code is a text.
import type { CloudError } from '#kit/errors/cloud-error.ts'
import type { FaultFormat, FaultReply } from '#kit/http/fault.ts'
import { titles } from '#kit/http/fault.ts'
import { malformedJson } from '#kit/http/json.ts'

export const imageFaults: FaultFormat = {
  fault: (error, at) => reply(error.status, wordsOf(error, at.method), at.accept, error.body),
}

/** What the kit says in general words Glance says in its own. */
function wordsOf({ kind, type, message }: CloudError, method: string): string {
  if (kind === 'methodNotAllowed') return `The method ${method} is not allowed for this resource.`
  return type === malformedJson ? 'Malformed JSON in request body.' : message
}

function reply(
  status: number,
  message: string,
  accept: string | undefined,
  more: Record<string, unknown>,
): FaultReply {
  const title = titles[status] ?? 'Error'
  if (status === 401) return { status, body: { error: { code: 401, title, message } } }
  const text = `${message}<br /><br />\n\n\n`
  if (accept?.includes('json'))
    return { status, body: { message: text, code: `${status} ${title}`, title, ...more } }
  if (accept?.includes('html') || accept?.includes('*/*')) {
    return {
      status,
      contentType: 'text/html; charset=UTF-8',
      body: `<html>\n <head>\n  <title>${status} ${title}</title>\n </head>\n <body>\n  <h1>${status} ${title}</h1>\n  ${asHtml(message)}<br /><br />\n\n\n\n </body>\n</html>`,
    }
  }
  return { status, contentType: 'text/plain; charset=UTF-8', body: `${status} ${title}\n\n${message}\n\n   ` }
}

function asHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

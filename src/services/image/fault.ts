// Image's errors on the wire: JSON, HTML or plain text as the client's Accept says; the code is a text.
import type { FaultFormat, FaultReply } from '#kit/http/fault.ts'
import { titles } from '#kit/http/fault.ts'

export const imageFaults: FaultFormat = {
  fault: (error, at) => reply(error.status, error.message, at.accept, error.body),
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

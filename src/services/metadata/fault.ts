// The metadata service's errors on the wire: a short HTML page, as guests and scripts know it from nova-api-metadata.
import { type FaultContext, type FaultFormat, titles } from '#kit/http/fault.ts'

export const metadataFaults: FaultFormat = {
  fault: (error) => page(error.status, error.message),
  unrouted: (_at: FaultContext) => page(404, 'The resource could not be found.'),
}

function page(status: number, message: string) {
  const heading = `${status} ${titles[status] ?? 'Error'}`
  const body = [
    '<html>',
    ` <head><title>${heading}</title></head>`,
    ` <body><h1>${heading}</h1>${escapeHtml(message)}<br /><br /></body>`,
    '</html>',
    '',
  ].join('\n')
  return { status, contentType: 'text/html; charset=UTF-8', body }
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)
}

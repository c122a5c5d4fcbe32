// Identity's errors on the wire: {"error": {"code", "message", "title"}}; unknown paths answer in HTML as Flask does.
import type { FaultFormat } from '#kit/http/fault.ts'
import { titles } from '#kit/http/fault.ts'

export const identityFaults: FaultFormat = {
  fault: (error) => ({
    status: error.status,
    headers: { vary: 'X-Auth-Token' },
    body: { error: { code: error.status, message: error.message, title: titles[error.status] ?? 'Error', ...error.body } },
  }),
  unrouted: () => ({
    status: 404,
    contentType: 'text/html; charset=utf-8',
    body: '<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n<p>There is no such path here.</p>\n',
  }),
}

// Identity's errors on the wire: {"error": {"code", "message", "title"}}; unknown paths answer in HTML, as Flask does.
import type { FaultFormat } from '#kit/http/fault.ts'
import { titles } from '#kit/http/fault.ts'

const vary = { vary: 'X-Auth-Token' }

/** `methodsOf` gives the methods of a path, for what is asked with another one. */
export function identityFaults(methodsOf: (path: string) => readonly string[]): FaultFormat {
  return {
    fault: (error) => ({
      status: error.status,
      headers: vary,
      body: {
        error: {
          code: error.status,
          message: error.message,
          title: titles[error.status] ?? 'Error',
          ...error.body,
        },
      },
    }),
    unrouted({ path }) {
      const methods = methodsOf(path)
      if (methods.length > 0)
        return {
          status: 405,
          headers: { ...vary, allow: methods.join(', ') },
          body: { message: 'The method is not allowed for the requested URL.' },
        }
      return {
        status: 404,
        headers: vary,
        contentType: 'text/html; charset=utf-8',
        body: '<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n<p>There is no such path here.</p>\n',
      }
    },
  }
}

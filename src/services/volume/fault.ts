// Volume's errors on the wire: one key named by the status. https://docs.openstack.org/api-ref/block-storage/v3/
import { type FaultFormat, retryAfter, titles } from '#kit/http/fault.ts'

const names: Record<number, string> = {
  400: 'badRequest',
  403: 'forbidden',
  404: 'itemNotFound',
  405: 'badMethod',
  409: 'conflictingRequest',
  413: 'overLimit',
  415: 'badMediaType',
  429: 'overLimit',
  501: 'notImplemented',
  503: 'serviceUnavailable',
}

export const volumeFaults: FaultFormat = {
  fault(error) {
    const { status, message } = error
    if (status === 401) return { status, body: { error: { code: 401, title: titles[401], message } } }
    return {
      status,
      body: {
        [names[status] ?? 'computeFault']: { code: status, message, ...retryAfter(error), ...error.body },
      },
    }
  },
  unrouted: () => ({
    status: 404,
    body: {
      message: 'The resource could not be found.<br /><br />\n\n\n',
      code: '404 Not Found',
      title: 'Not Found',
    },
  }),
}

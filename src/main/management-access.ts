// Asks a broker's management API, RabbitMQ's or ours: the next node where one is away.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { HttpClient } from '#kit/http/client.ts'

export type ManagementAccess = {
  http: HttpClient
  /** One or more of 'http://n1:15672'. */
  urls: readonly string[]
  user: string
  password: string
}

/** '/api/queues/%2F/compute': each part is encoded. */
export function apiPath(...parts: string[]): string {
  return `/api/${parts.map(encodeURIComponent).join('/')}`
}

/**
 * The answer's body. What is to be deleted and isn't there is fine. Throws 'forbidden' where the login is wrong, 'badGateway'
 * with the broker's own reason, 'unavailable' where no node answers.
 */
export async function askManagement(
  { http, urls, user, password }: ManagementAccess,
  method: 'GET' | 'PUT' | 'DELETE',
  path: string,
  body?: object,
): Promise<unknown> {
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
  let away: unknown
  for (const url of urls) {
    try {
      const answer = await http.request({ method, url: url + path, headers: { authorization }, body })
      if (answer.status < 300 || (method === 'DELETE' && answer.status === 404)) return answer.body
      const { reason } = (answer.body ?? {}) as { reason?: unknown }
      const why = typeof reason === 'string' ? `: ${reason}` : ''
      throw new CloudError(
        answer.status === 401 ? 'forbidden' : 'badGateway',
        `The broker's management API answered ${answer.status} to ${method} ${path}${why}`,
      )
    } catch (error) {
      if (!(error instanceof CloudError) || error.kind !== 'unavailable') throw error
      away = error
    }
  }
  throw new CloudError('unavailable', "The broker's management API does not answer", { cause: away })
}

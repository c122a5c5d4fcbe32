// What other services ask of compute: above all they tell it of ports and volumes.
import { restClient } from '#kit/http/client.ts'
import type { Journal, Trace } from '#kit/journal/journal.ts'
import type { Platform } from '#kit/service/platform.ts'

export type ExternalEvent = {
  /** 'network-vif-plugged', 'network-changed', 'volume-extended', ... */
  name: string
  serverId: string
  /** The port or volume that it is about. */
  tag?: string
  status?: 'completed' | 'failed' | 'in-progress'
}
/** 404: there is no such server. 422: the server has no host yet; it looks for itself once it has one. */
export type RefusedEvent = { name: string; serverId: string; tag: string | undefined; code: number }

export type ComputeClient = ReturnType<typeof computeClient>

export function computeClient({ platform, journal }: { platform: Platform; journal: Journal }) {
  const rest = restClient({
    http: platform.http,
    journal,
    baseUrl: () => platform.endpoint('compute'),
    peer: 'nova-api',
  })
  return {
    /** Gives those that compute has no use for: each with why. */
    async sendExternalEvents(
      trace: Trace,
      token: string,
      events: readonly ExternalEvent[],
    ): Promise<RefusedEvent[]> {
      type Answered = { events: { name: string; server_uuid: string; tag?: string; code: number }[] }
      const { body } = await rest.request<Answered>(trace, token, 'POST', '/v2.1/os-server-external-events', {
        headers: { 'openstack-api-version': 'compute 2.93' },
        body: {
          events: events.map(({ name, serverId, tag, status }) => ({
            name,
            server_uuid: serverId,
            tag,
            status,
          })),
        },
        subject: events.length === 1 ? `server:${events[0]!.serverId}` : undefined,
      })
      return body.events
        .filter((each) => each.code >= 400)
        .map(({ name, server_uuid, tag, code }) => ({ name, serverId: server_uuid, tag, code }))
    },
  }
}

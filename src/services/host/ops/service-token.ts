// Service tokens of joined hosts: made here and handed over the bus, so that no password lies on a host's disk.

import { CloudError } from '#kit/errors/cloud-error.ts'
import { restClient } from '#kit/http/client.ts'
import type { Trace } from '#kit/journal/journal.ts'
import type { Platform } from '#kit/service/platform.ts'
import type { HostApp } from '../app.ts'
import type { Host } from '../resources/host.ts'
import { servicePassword, serviceUser } from './member.ts'

export type HostTokens = { issue(trace: Trace, host: Host): Promise<{ token: string; expiresAt: number }> }

type Answer = { token: { expires_at: string } }

/** Each question gets a token of its own, which ends with the host's membership: its user is deleted then. */
export function hostTokens(platform: Platform, app: HostApp): HostTokens {
  const { http } = platform
  const baseUrl = () => platform.endpoint('identity')
  const identity = restClient({ http, journal: app.journal, baseUrl, peer: 'keystone' })
  return {
    async issue(trace, host) {
      const domain = { id: 'default' }
      const user = { name: serviceUser(host.name), domain, password: servicePassword(app, host.name) }
      const auth = {
        identity: { methods: ['password'], password: { user } },
        scope: { project: { name: 'service', domain } },
      }
      const answer = await identity.request<Answer>(trace, undefined, 'POST', '/v3/auth/tokens', {
        query: { nocatalog: '' },
        body: { auth },
      })
      const token = answer.headers['x-subject-token']
      if (!token) throw new CloudError('badGateway', 'Identity gave no token')
      return { token, expiresAt: Date.parse(answer.body.token.expires_at) }
    },
  }
}

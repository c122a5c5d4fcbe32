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
type Issued = { token: string; expiresAt: number; userId: string; joinedAt: number; until: number }

/** A login costs a fifth of a second of hashing on purpose: a host that asks and asks must not cost one each time. */
const sameForMs = 60_000

/** They end with the host's membership at the latest: its user is deleted then. */
export function hostTokens(platform: Platform, app: HostApp): HostTokens {
  const { http } = platform
  const { clock } = app.world
  const baseUrl = () => platform.endpoint('identity')
  const identity = restClient({ http, journal: app.journal, baseUrl, peer: 'keystone' })
  const issued = new Map<string, Issued>()

  async function logIn(trace: Trace, { name, userId, joinedAt }: Host): Promise<Issued> {
    const domain = { id: 'default' }
    const user = { name: serviceUser(name), domain, password: servicePassword(app, name) }
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
    const expiresAt = Date.parse(answer.body.token.expires_at)
    return { token, expiresAt, userId, joinedAt, until: clock.now() + sameForMs }
  }

  return {
    async issue(trace, host) {
      const kept = issued.get(host.name)
      // Joining again voids the tokens of before.
      const holds = kept && kept.userId === host.userId && kept.joinedAt === host.joinedAt
      if (kept && holds && kept.until > clock.now()) return { token: kept.token, expiresAt: kept.expiresAt }
      if (!kept)
        await app.peers.limitServiceUser({ trace, token: await app.serviceToken(trace) }, host.userId)
      const fresh = await logIn(trace, host)
      issued.set(host.name, fresh)
      return { token: fresh.token, expiresAt: fresh.expiresAt }
    },
  }
}

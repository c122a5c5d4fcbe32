// The list of what was revoked. https://docs.openstack.org/api-ref/identity/v3-ext/#os-revoke-api
import { CloudError } from '#kit/errors/cloud-error.ts'
import { route } from '../app.ts'
import { revocationRules, revocationView } from '../resources/revocation.ts'
import { listRevocationsSince } from '../store/revocation.ts'
import { listing } from './listing.ts'

export const revocationRoutes = [
  route('GET', '/OS-REVOKE/events', {
    policy: revocationRules.list,
    handle: async (context, { query }) => {
      const since = query.get('since')
      const from = since === undefined ? 0 : Date.parse(since)
      if (Number.isNaN(from)) throw new CloudError('badRequest', `'since' is no time: ${since}`)
      const rows = await listRevocationsSince(context.app.db, from)
      return listing(context, '/OS-REVOKE/events', query, 'events', rows.map(revocationView))
    },
  }),
]

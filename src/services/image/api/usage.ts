// The route of a project's quotas and what it uses of them.
import { route } from '../app.ts'
import { listUsage } from '../ops/quota.ts'

export const usageRoutes = [
  route('GET', '/info/usage', {
    policy: 'token',
    handle: async (context) => ({ usage: await listUsage(context) }),
  }),
]

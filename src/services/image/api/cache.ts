// Routes of the cache.
import { answer } from '#kit/http/route.ts'
import { route } from '../app.ts'
import * as ops from '../ops/cache.ts'

export const cacheRoutes = [
  route('GET', '/cache', { policy: 'token', handle: (context) => ops.showCache(context) }),
  route('DELETE', '/cache', {
    policy: 'token',
    handle: (context, { headers }) => ops.clearCache(context, headers['x-image-cache-clear-target']),
  }),
  route('PUT', '/cache/:id', {
    policy: 'token',
    handle: async (context, { params }) => {
      await ops.queueImage(context, params.id!)
      return answer({ status: 202 })
    },
  }),
  route('DELETE', '/cache/:id', {
    policy: 'token',
    handle: (context, { params }) => ops.dropImage(context, params.id!),
  }),
  route('POST', '/cache/clean', {
    policy: 'token',
    handle: async (context) => {
      await ops.cleanCache(context)
      return answer({ status: 200 })
    },
  }),
  route('POST', '/cache/prune', { policy: 'token', handle: (context) => ops.pruneCache(context) }),
]

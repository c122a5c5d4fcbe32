// Who vouches for a caller: every service hands on the token of the service that asks for a user.
import { expect, it } from 'vitest'
import { CloudError } from '../errors/cloud-error.ts'
import { openPolicy } from '../policy/engine.ts'
import { callsTo, testCaller, testPlatform } from '../service/test-platform.ts'
import { routeOf } from './route.ts'
import { httpService } from './server.ts'

it('a request with an expired token and that of a service is served, for the user', async () => {
  const platform = testPlatform()
  const route = routeOf<null>()
  const http = await httpService({
    name: 'thing-api',
    app: null,
    ...platform,
    routes: [
      route('GET', '/mine', { policy: 'token', handle: async ({ caller }) => [caller.userId] }),
      route('GET', '/peer', { policy: 'public', handle: async (_, { from }) => ({ from }) }),
    ],
    prefixes: ['/v1'],
    faults: { fault: (error) => ({ status: error.status, body: {} }) },
    types: ['things'],
    policy: openPolicy({ rules: [] }),
    authenticate: async (token, { serviceToken }) => {
      if (token === 'expired' && serviceToken === 'of a service')
        return testCaller({ userId: 'u1', roles: ['member'] })
      throw new CloudError('unauthorized', 'No.')
    },
    authUri: () => 'http://identity.test',
  })
  const ask = async (headers: Record<string, string>) => {
    const answer = await callsTo(http, 'expired', headers)('GET', '/v1/mine')
    return answer.status === 200 ? answer.body[0] : answer.status
  }
  expect(await ask({})).toBe(401)
  expect(await ask({ 'x-service-token': 'of nobody' })).toBe(401)
  expect(await ask({ 'x-service-token': 'of a service' })).toBe('u1')
  // Requests within the process come from no address that a header could be believed for.
  expect((await callsTo(http, undefined)('GET', '/v1/peer')).body).toEqual({ from: 'local' })
  await http.close()
})

// What tests ask of servers through compute's API, as a member unless another is named.
import type { TestCompute } from './test-compute.ts'

type Listed = { body: { servers: { id: string }[] } }
export const ids = (answer: Listed) => answer.body.servers.map((each) => each.id)

/** `compute` is asked for at each call: a test file opens it before its first test. */
export function serverCalls(compute: () => TestCompute) {
  return {
    show: async (id: string, version = '2.93', token = 'member') =>
      (await compute().as(token, version)('GET', `/v2.1/servers/${id}`)).body.server,
    act: (id: string, body: unknown, token = 'member', version?: string) =>
      compute().as(token, version)('POST', `/v2.1/servers/${id}/action`, body),
    async create(given: object = {}, token = 'member', version = '2.93') {
      const server = {
        name: 'vm',
        flavorRef: await compute().flavor(),
        imageRef: compute().image(),
        networks: 'none',
        ...given,
      }
      return compute().as(token, version)('POST', '/v2.1/servers', { server })
    },
  }
}

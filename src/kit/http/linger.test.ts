import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { CloudError } from '../errors/cloud-error.ts'
import { openPolicy } from '../policy/engine.ts'
import { authenticateBy, testPlatform } from '../service/test-platform.ts'
import { lingerMs } from './linger.ts'
import { routeOf } from './route.ts'
import { type HttpService, httpService } from './server.ts'

const mib = 1024 * 1024
const route = routeOf<null>()
const routes = [
  route('PUT', '/refused', {
    policy: 'public',
    body: 'stream',
    handle: async () => {
      throw new CloudError('tooLarge', 'That is too much.')
    },
  }),
  route('GET', '/there', { policy: 'public', handle: async () => ({ there: true }) }),
]
const open: { http: HttpService; client: Socket }[] = []

afterEach(async () => {
  for (const { http, client } of open.splice(0)) {
    client.destroy()
    await http.close()
  }
})

async function begin() {
  const platform = testPlatform()
  const http = await httpService({
    name: 'thing-api',
    app: null,
    ...platform,
    routes,
    prefixes: [''],
    faults: { fault: (error) => ({ status: error.status, body: { message: error.message } }) },
    policy: openPolicy({ rules: [] }),
    authenticate: authenticateBy({}),
    authUri: () => 'http://identity.test',
  })
  const { port } = await http.listen({ host: '127.0.0.1', port: 0 })
  const client = connect({ host: '127.0.0.1', port })
  // Being cut off is what is wanted.
  client.on('error', () => {})
  open.push({ http, client })
  let answers = ''
  client.on('data', (part) => {
    answers += part
  })
  return {
    world: platform.world,
    client,
    /** Status and body of each answer so far, once there are so many. */
    async answers(count: number) {
      const whole = () => [...answers.matchAll(/HTTP\/1\.1 (\d+).*?\r\n\r\n(\{.*?\})/gs)]
      while (whole().length < count) await once(client, 'data')
      return whole().map(([, status, body]) => [Number(status), JSON.parse(body!)])
    },
  }
}

const head = (framing: string) => `PUT /refused HTTP/1.1\r\nhost: x\r\n${framing}\r\n\r\n`

describe('a request that is refused before its body has come', () => {
  it('is answered, and cut off where its client goes on and on, without taking memory', async () => {
    const { world, client, answers } = await begin()
    const chunk = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(65_536), Buffer.from('\r\n')])
    client.write(head('transfer-encoding: chunked'))
    const before = process.memoryUsage().arrayBuffers
    let sent = 0
    while (sent < 256 * mib) {
      if (!client.write(chunk)) await once(client, 'drain')
      sent += chunk.length
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(128 * mib)
    expect(await answers(1)).toEqual([[413, { message: 'That is too much.' }]])
    await world.advance(lingerMs - 1)
    expect(client.readyState).toBe('open')
    // Not `once`: where bytes were still on their way it is a reset, which would be taken for a failure.
    const closed = new Promise((resolve) => client.once('close', resolve))
    await world.advance(1)
    await closed
  })

  it('leaves the connection to the next one where its client comes to an end', async () => {
    const { world, client, answers } = await begin()
    client.write(head('content-length: 4'))
    await answers(1)
    client.write('body')
    const ask = 'GET /there HTTP/1.1\r\nhost: x\r\n\r\n'
    client.write(ask)
    await answers(2)
    await world.advance(lingerMs)
    client.write(ask)
    expect((await answers(3)).map(([status]) => status)).toEqual([413, 200, 200])
  })
})

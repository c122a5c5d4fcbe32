// For tests: a broker with its management API on virtual time, asked by Node's own HTTP client over in-memory sockets.
import * as http from 'node:http'
import { onTestFinished } from 'vitest'
import { silentLog } from '#kit/log/log.ts'
import { virtualWorld } from '#kit/world/virtual.ts'
import type { Address } from '#kit/world/world.ts'
import { newPassword, putUser, setPermission } from '../admin/set-user.ts'
import type { BrokerOptions } from '../broker.ts'
import { everything, type TestBroker, testBroker } from '../test-broker.ts'
import { openManagement } from './management.ts'

export type Answer = {
  status: number
  headers: http.IncomingHttpHeaders
  text: string
  /** Of a JSON body, for tests to look into. */
  // biome-ignore lint/suspicious/noExplicitAny: what an API answers is for its test to know
  json: any
}
export type Ask = (
  method: string,
  path: string,
  body?: unknown,
  options?: { user?: string; password?: string; headers?: Record<string, string>; anonymous?: boolean },
) => Promise<Answer>

export type TestManagement = TestBroker & {
  /** `path` below /api/, by user 'nimbo', an administrator, unless told otherwise. Strings and buffers go as they are. */
  ask: Ask
  /** The same with any path. */
  askAt(address: Address, path: string, options?: { headers?: Record<string, string> }): Promise<Answer>
  /** A user with the password 'secret', who has all rights in '/'. */
  addUser(name: string, ...tags: string[]): void
  metricsAddress: Address
  address: Address
}

export async function testManagement(
  options: Omit<Partial<BrokerOptions>, 'world'> & { now?: number } = {},
): Promise<TestManagement> {
  const it = await testBroker({
    ...options,
    world: virtualWorld({ now: options.now }),
    users: {
      nimbo: { password: 'secret', permissions: { '/': everything }, tags: ['administrator'] },
      ...options.users,
    },
  })
  const { broker, world } = it
  const management = openManagement({
    world,
    log: options.log ?? silentLog,
    broker,
    version: '1.2.3',
  })
  const { address } = await management.listen({ host: '127.0.0.1', port: 15672 })
  const { address: metricsAddress } = await management.listen(
    { host: '127.0.0.1', port: 15692 },
    { protocol: 'http/prometheus' },
  )
  onTestFinished(() => management.close())
  const send = async (
    at: Address,
    request: { method: string; path: string; headers: Record<string, string>; body?: string | Buffer },
  ): Promise<Answer> => {
    const stream = await world.sockets.connect(at)
    return new Promise((resolve, reject) => {
      const { method, path, headers, body } = request
      const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
      const sent = http.request({
        createConnection: () => stream as never,
        method,
        path,
        headers: { ...headers, ...length },
      })
      sent.on('error', reject)
      sent.on('response', (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString()
          const isJson = response.headers['content-type'] === 'application/json'
          resolve({
            status: response.statusCode!,
            headers: response.headers,
            text,
            json: isJson && text !== '' ? JSON.parse(text) : undefined,
          })
        })
      })
      sent.end(body)
    })
  }
  return {
    ...it,
    address,
    metricsAddress,
    askAt: (at, path, { headers = {} } = {}) => send(at, { method: 'GET', path, headers }),
    ask(method, path, body, { user = 'nimbo', password = 'secret', headers, anonymous } = {}) {
      const isRaw = typeof body === 'string' || Buffer.isBuffer(body)
      const login = Buffer.from(`${user}:${password}`).toString('base64')
      return send(address, {
        method,
        path: `/api/${path}`,
        headers: { ...(!anonymous && { authorization: `Basic ${login}` }), ...headers },
        body: body === undefined || isRaw ? body : JSON.stringify(body),
      })
    },
    addUser(name, ...tags) {
      const { registry } = broker
      putUser(registry, name, { tags, password: newPassword(registry, 'secret') })
      setPermission(registry, '/', name, everything)
    },
  }
}

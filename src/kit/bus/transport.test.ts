// Transport URLs as operators write them, and the way from a broker that is away to the next one.
import { expect, test } from 'vitest'
import { virtualWorld } from '../world/virtual.ts'
import { connectToAny, parseTransportUrl } from './transport.ts'

test.each([
  ['rabbit://ann:pw@n1:5672,n2:5673/cloud', ['n1:5672', 'n2:5673'], { vhost: 'cloud', secure: false }],
  ['rabbit://ann:pw@n1,n2', ['n1:5672', 'n2:5672'], { vhost: '/' }],
  ['rabbit://ann:pw@n1/', ['n1:5672'], { vhost: '/' }],
  ['rabbit://ann:pw@n1:1,ann:pw@n2:2//', ['n1:1', 'n2:2'], { vhost: '/' }],
  ['rabbit://ann:pw@n1/%2F', ['n1:5672'], { vhost: '/' }],
  ['rabbit+tls://ann:pw@n1', ['n1:5671'], { secure: true }],
  ['amqps://ann:pw@n1:5672', ['n1:5672'], { secure: true }],
  ['rabbit://ann:pw@n1/v?ssl=1', ['n1:5671'], { secure: true, vhost: 'v' }],
  ['rabbit://ann:pw@[fd00::1]:5672,[fd00::2]', ['fd00::1:5672', 'fd00::2:5672'], {}],
  ['rabbit://ann:p%40s%2Fs%3A%2C@n1/a%2Fb', ['n1:5672'], { password: 'p@s/s:,', vhost: 'a/b' }],
])('reads %s', (url, addresses, rest) => {
  const transport = parseTransportUrl(url)
  expect(transport.addresses.map(({ host, port }) => `${host}:${port}`)).toEqual(addresses)
  expect(transport).toMatchObject({ user: 'ann', password: 'pw', ...rest })
})

test.each([
  ['http://ann:hidden@n1/', 'scheme'],
  ['rabbit:/ann:hidden@n1', 'form'],
  ['rabbit://n1:5672/', 'a user and a password'],
  ['rabbit://ann@n1/', 'a password'],
  ['rabbit://ann:hidden@n1:5672,bob:hidden@n2/', 'one user'],
  ['rabbit://ann:hidden@n1:70000/', 'HOST:PORT'],
  ['rabbit://ann:hidden@n1,/', 'HOST:PORT'],
  ['rabbit://ann:hidden%@n1/', 'percent-encoded'],
])('refuses %s, and does not repeat its password', (url, words) => {
  expect(() => parseTransportUrl(url)).toThrow(words)
  expect(() => parseTransportUrl(url)).toThrow(expect.not.stringContaining('hidden'))
})

test('goes from a broker that is away to the next, and after a loss on from there', async () => {
  const world = virtualWorld()
  const addresses = [1, 2, 3].map((port) => ({ host: 'n', port }))
  const seen: number[] = []
  const listen = (port: number) => world.sockets.listen({ host: 'n', port }, () => void seen.push(port))
  const listeners = [await listen(1), await listen(3)]
  const connect = connectToAny(world, { addresses, secure: false })
  for (let turn = 0; turn < 4; turn++) await connect()
  expect(seen.toSorted()).toEqual([1, 1, 3, 3])
  expect(seen[0]).not.toBe(seen[1])
  await listeners[0]!.close()
  await connect()
  await connect()
  expect(seen.slice(4)).toEqual([3, 3])
  await listeners[1]!.close()
  await expect(connect()).rejects.toMatchObject({ kind: 'unavailable', message: /n:1: .*n:/ })
})

test('processes begin at different brokers', async () => {
  const addresses = [1, 2, 3].map((port) => ({ host: 'n', port }))
  const first = new Set<number>()
  for (let seed = 1; seed <= 20; seed++) {
    const world = virtualWorld({ seed })
    for (const { port } of addresses)
      await world.sockets.listen({ host: 'n', port }, () => void first.add(port))
    await connectToAny(world, { addresses, secure: false })()
  }
  expect(first.size).toBe(3)
})

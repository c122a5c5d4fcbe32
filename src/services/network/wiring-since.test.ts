// What a host is told that knows something already: what came, what changed and what went, and nothing else.
import { Check } from 'typebox/value'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type WiringKnown, type WiringNews, WiringNewsSchema } from '#contracts/network-agent.ts'
import { type Json, type TestNetwork, testNetwork } from './test-network.ts'

let net: TestNetwork
beforeEach(async () => {
  net = await testNetwork()
  await join('one', '10.255.0.1')
  await join('two', '10.255.0.2')
})
afterEach(() => net.close())

const join = (host: string, ip: string) =>
  net.beat(host, 'l2', { bridge_mappings: {}, tunnel_types: ['vxlan'], tunneling_ip: ip })
const made = async (kind: string, body: object): Promise<Json> => {
  const { status, body: answer } = await net.admin('POST', `/v2.0/${kind.replace('_', '-')}s`, {
    [kind]: body,
  })
  expect(status, JSON.stringify(answer)).toBe(201)
  return answer[kind]
}
const network = async (): Promise<string> => {
  const { id } = await made('network', { name: 'n' })
  await made('subnet', { network_id: id, ip_version: 4, cidr: '10.0.0.0/24' })
  return id
}
const guest = (networkId: string, host: string, more: object = {}) =>
  made('port', { network_id: networkId, device_owner: 'compute:nova', 'binding:host_id': host, ...more })
const nudged = () => net.casts.filter(({ method }) => method === 'wiringChanged').map(({ host }) => host)

/** A host that remembers what it was told. */
function asker(host: string) {
  const known: WiringKnown = { host, generation: 0, networks: {}, groups: {} }
  return async (): Promise<WiringNews> => {
    const news = await net.plugin.wiringSince(structuredClone(known), net.incoming)
    expect(Check(WiringNewsSchema, news)).toBe(true)
    known.generation = news.generation
    for (const { networkId, version } of news.networks) known.networks[networkId] = version
    for (const { groupId, version } of news.groups) known.groups[groupId] = version
    return news
  }
}

test('all is told at first, and then nothing until something changes', async () => {
  const networkId = await network()
  const [own, far] = [await guest(networkId, 'one'), await guest(networkId, 'two')]
  const ask = asker('one')
  const first = await ask()
  expect(first.ports!.map(({ portId }) => portId)).toEqual([own.id])
  expect(first.networks).toMatchObject([{ networkId, whole: true }])
  expect(first.networks[0]!.ports).toContainEqual({
    portId: far.id,
    mac: far.mac_address,
    ipAddresses: [far.fixed_ips[0].ip_address],
    host: 'two',
    peer: '10.255.0.2',
  })
  // The default group lets its members in.
  expect(first.groups[0]!.ports.map(({ portId }) => portId).toSorted()).toEqual([own.id, far.id].toSorted())
  expect(await ask()).toEqual({ generation: first.generation, networks: [], groups: [] })
})

test('a port elsewhere that comes, changes its address or goes is told of alone', async () => {
  const networkId = await network()
  await guest(networkId, 'one')
  for (let index = 0; index < 5; index++) await guest(networkId, 'two')
  const ask = asker('one')
  await ask()
  const far = await guest(networkId, 'two')
  const news = async () => {
    const { ports, networks } = await ask()
    expect(ports).toBeUndefined()
    expect(networks).toMatchObject([{ whole: false }])
    return { came: networks[0]!.ports.map(({ ipAddresses }) => ipAddresses[0]), gone: networks[0]!.gone }
  }
  expect(await news()).toEqual({ came: [far.fixed_ips[0].ip_address], gone: [] })
  const fixedIps = { fixed_ips: [{ ip_address: '10.0.0.77' }] }
  expect((await net.admin('PUT', `/v2.0/ports/${far.id}`, { port: fixedIps })).status).toBe(200)
  expect(await news()).toEqual({ came: ['10.0.0.77'], gone: [] })
  expect((await net.admin('DELETE', `/v2.0/ports/${far.id}`)).status).toBe(204)
  expect(await news()).toEqual({ came: [], gone: [far.id] })
})

test('a host that knows a version of which nothing is remembered is told the whole network', async () => {
  const networkId = await network()
  await guest(networkId, 'one')
  await guest(networkId, 'two')
  const asked = (version: number) =>
    net.plugin.wiringSince(
      { host: 'one', generation: 0, networks: { [networkId]: version }, groups: {} },
      net.incoming,
    )
  const { version } = (await asked(0)).networks[0]!
  expect((await asked(version - 1_000_000)).networks).toMatchObject([{ version, whole: true }])
  // From a database that has lost its last changes since.
  expect((await asked(version + 5)).networks).toMatchObject([{ version, whole: true }])
})

test('of many hosts those that serve the network are told at once, and the others little by little', async () => {
  const networkId = await network()
  const names = Array.from({ length: 70 }, (_, index) => `host${index}`)
  for (const [index, name] of names.entries()) {
    await join(name, `10.254.0.${index}`)
    await guest(networkId, name)
  }
  await guest(networkId, 'host69', { device_owner: 'network:dhcp' })
  await net.world.advance(60_000)
  net.casts.length = 0
  await guest(networkId, 'one')
  expect(nudged()).toEqual(expect.arrayContaining(['one', 'host69']))
  expect(nudged().length).toBeLessThan(30)
  await net.world.advance(10_000)
  expect(new Set(nudged())).toEqual(new Set(['one', ...names]))
})

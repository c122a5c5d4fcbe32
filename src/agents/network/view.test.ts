import { expect, test } from 'vitest'
import type { LocatedPort, PortWiring, WiringNews } from '#contracts/network-agent.ts'
import { openWiringShare } from './share.ts'
import { openWiringView } from './view.ts'

const rule = (remoteGroupId: string | null) => ({
  direction: 'ingress' as const,
  ethertype: 'IPv4' as const,
  protocol: null,
  portMin: null,
  portMax: null,
  remotePrefix: null,
  remoteGroupId,
})
const own = (portId: string, networkId: string): PortWiring => ({
  portId,
  networkId,
  mac: 'fa:16:3e:00:00:01',
  fixedIps: [],
  mtu: 1450,
  networkType: 'vxlan',
  physicalNetwork: null,
  segmentationId: 7,
  adminUp: true,
  deviceOwner: 'compute:nova',
  deviceId: 'server-1',
  portSecurityEnabled: true,
  allowedAddressPairs: [],
  securityRules: [rule('friends')],
  tunnelPeers: [],
  generation: 1,
})
const at = (portId: string, host: string, ip: string): LocatedPort => ({
  portId,
  mac: `mac of ${portId}`,
  ipAddresses: [ip],
  host,
  peer: `tunnel of ${host}`,
})
const networkNews = (version: number, change: Partial<WiringNews['networks'][number]>) => ({
  networkId: 'n',
  version,
  whole: false,
  ports: [],
  gone: [],
  ...change,
})
const first: WiringNews = {
  generation: 5,
  ports: [own('mine', 'n')],
  networks: [
    networkNews(10, { whole: true, ports: [at('mine', 'one', '10.0.0.1'), at('far', 'two', '10.0.0.2')] }),
  ],
  groups: [
    {
      groupId: 'friends',
      version: 3,
      whole: true,
      ports: [{ portId: 'far', addresses: ['10.0.0.2'] }],
      gone: [],
    },
  ],
}

test('puts together what the driver is to make: the ports, their peers, and whom their rules let in', () => {
  const view = openWiringView('one', openWiringShare())
  expect(view.take(first)).toMatchObject({
    generation: 5,
    ports: [{ portId: 'mine', tunnelPeers: ['tunnel of two'] }],
    tunnelPeers: [{ host: 'two', ip: 'tunnel of two' }],
    remotePorts: [{ networkId: 'n', mac: 'mac of far', ipAddresses: ['10.0.0.2'], peer: 'tunnel of two' }],
    remoteGroups: { friends: ['10.0.0.2'] },
  })
  expect(view.known()).toEqual({ host: 'one', generation: 5, networks: { n: 10 }, groups: { friends: 3 } })
})

test('follows what changes, and forgets what its ports no longer need', () => {
  const view = openWiringView('one', openWiringShare())
  view.take(first)
  const change = networkNews(12, { ports: [at('new', 'three', '10.0.0.3')], gone: ['far'] })
  expect(view.take({ generation: 5, networks: [change], groups: [] })).toMatchObject({
    ports: [{ tunnelPeers: ['tunnel of three'] }],
    remotePorts: [{ mac: 'mac of new' }],
  })
  const none = view.take({ generation: 6, ports: [], networks: [], groups: [] })
  expect(none).toMatchObject({ ports: [], remotePorts: [], tunnelPeers: [], remoteGroups: {} })
  expect(view.known()).toMatchObject({ networks: {}, groups: {} })
})

test('nothing new gives the same wiring again; something older gives none', () => {
  const view = openWiringView('one', openWiringShare())
  const before = view.take(first)
  expect(view.take({ generation: 5, networks: [], groups: [] })).toBe(before)
  expect(view.take({ generation: 4, ports: [], networks: [], groups: [] })).toBeUndefined()
  const older = networkNews(9, { whole: true })
  expect(view.take({ generation: 5, networks: [older], groups: [] })).toMatchObject({ remotePorts: [{}] })
})

test("hosts of one process share what is the same for all: what one was told, the others needn't ask for", () => {
  const share = openWiringShare()
  const [one, two] = [openWiringView('one', share), openWiringView('two', share)]
  const a = one.take(first)!
  expect(two.known()).toMatchObject({
    networks: {},
    others: { networks: { n: 10 }, groups: { friends: 3 } },
  })
  const b = two.take({ generation: 7, ports: [own('far', 'n')], networks: [], groups: [] })!
  expect(b.remoteGroups.friends).toBe(a.remoteGroups.friends)
  expect(b.remotePorts).toMatchObject([{ mac: 'mac of mine' }])
  const change = networkNews(11, { ports: [at('new', 'three', '10.0.0.3')] })
  two.known()
  expect(two.take({ generation: 7, networks: [change], groups: [] })!.remotePorts).toHaveLength(2)
  expect(one.known()).toMatchObject({ networks: { n: 11 } })
  expect(one.take({ generation: 5, networks: [], groups: [] })!.remotePorts).toHaveLength(2)
  expect(a.remotePorts).toHaveLength(1)
})

test('of many hosts that doubt what they know one reads it whole, and a host alone always does', () => {
  const share = openWiringShare()
  const [one, two] = [openWiringView('one', share), openWiringView('two', share)]
  one.take(first)
  two.take({ ...first, networks: [], groups: [] })
  one.forget()
  expect(one.known()).toMatchObject({ generation: 0, networks: { n: 0 }, groups: { friends: 0 } })
  one.take(first)
  two.forget()
  expect(two.known()).toMatchObject({ generation: 0, networks: { n: 10 } })
  two.take({ ...first, networks: [], groups: [] })
  two.forget()
  expect(two.known()).toMatchObject({ networks: { n: 0 } })
})

test('takes what it is told where it doubted what it knew, though that be older than what was lost', () => {
  const share = openWiringShare()
  const view = openWiringView('one', share)
  view.take(first)
  view.forget()
  view.known()
  const ports = [at('mine', 'one', '10.0.0.1'), at('other', 'three', '10.0.0.3')]
  const older = networkNews(9, { whole: true, ports })
  expect(view.take({ ...first, networks: [older] })!.remotePorts).toMatchObject([{ mac: 'mac of other' }])
  expect(view.known()).toMatchObject({ networks: { n: 9 } })

  // What came late for another and wasn't taken is nothing to rely on.
  const two = openWiringView('two', share)
  two.take({ ...first, networks: [networkNews(8, { whole: true, ports })] })
  view.forget()
  expect(view.known()).toMatchObject({ networks: { n: 0 } })
})

test('asks anew where nobody knows any more what the answer builds upon', () => {
  const share = openWiringShare()
  const [one, two] = [openWiringView('one', share), openWiringView('two', share)]
  one.take(first)
  two.known()
  one.take({ generation: 6, ports: [], networks: [], groups: [] })
  const needs = { generation: 7, ports: [own('far', 'n')], networks: [], groups: [] }
  expect(two.take(needs)).toBeUndefined()
  expect(two.known()).toEqual({ host: 'two', generation: 0, networks: {}, groups: {} })
  expect(two.take({ ...needs, networks: first.networks, groups: first.groups })!.remotePorts).toMatchObject([
    { mac: 'mac of mine' },
  ])
})

test('a group keeps its addresses in one order, each once, whoever comes and goes', () => {
  const view = openWiringView('one', openWiringShare())
  const friends = (version: number, ports: [string, string[]][], gone: string[] = [], whole = false) => ({
    generation: 5,
    networks: [],
    groups: [
      {
        groupId: 'friends',
        version,
        whole,
        ports: ports.map(([portId, addresses]) => ({ portId, addresses })),
        gone,
      },
    ],
  })
  const addresses = (news: WiringNews) => view.take(news)!.remoteGroups.friends
  view.take({ ...first, groups: [] })
  expect(
    addresses(
      friends(
        1,
        [
          ['a', ['10.0.0.9']],
          ['b', ['10.0.0.1', '10.0.0.5']],
        ],
        [],
        true,
      ),
    ),
  ).toEqual(['10.0.0.1', '10.0.0.5', '10.0.0.9'])
  const shared: WiringNews = friends(2, [['c', ['10.0.0.5', '10.0.0.3']]], ['b'])
  expect(addresses(shared)).toEqual(['10.0.0.3', '10.0.0.5', '10.0.0.9'])
  expect(addresses(friends(3, [['a', ['10.0.0.4']]], ['c']))).toEqual(['10.0.0.4'])
  expect(addresses(friends(4, [], ['a']))).toEqual([])
})

// What agents get and tell over the bus, and what compute hears of it.
import { Check } from 'typebox/value'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { HostWiringSchema, networkPlugin } from '#contracts/network-agent.ts'
import { type Json, type TestNetwork, testNetwork } from './test-network.ts'

type Plugin = TestNetwork['plugin']
let net: TestNetwork
let plugin: { [M in keyof Plugin]: (params: Parameters<Plugin[M]>[0]) => ReturnType<Plugin[M]> }
beforeEach(async () => {
  net = await testNetwork()
  plugin = new Proxy({} as typeof plugin, {
    get: (_, method: keyof Plugin) => (params: never) => net.plugin[method](params, net.incoming),
  })
  await host('one', '10.255.0.1')
  await host('two', '10.255.0.2')
})
afterEach(() => net.close())

/** With an L2 agent that can do everything. */
const host = (name: string, tunnelIp: string) =>
  net.beat(name, 'l2', {
    bridge_mappings: { public: 'br-ex', physnet1: 'br-vlan' },
    tunnel_types: ['vxlan', 'gre'],
    tunneling_ip: tunnelIp,
  })

const server = '11111111-2222-4333-8444-555555555555'

async function make(kind: string, body: object, path = `/v2.0/${kind}s`): Promise<Json> {
  const made = await net.admin('POST', path, { [kind]: body })
  expect(made.status, JSON.stringify(made.body)).toBe(201)
  return made.body[kind]
}
async function makeNetwork(cidr = '10.0.0.0/24', more: object = {}, networkMore: object = {}): Promise<Json> {
  const network = await make('network', { name: 'n', ...networkMore })
  await make('subnet', { network_id: network.id, ip_version: 4, cidr, ...more })
  return network
}
const guestPort = (networkId: string, host: string, more: object = {}) =>
  make('port', {
    network_id: networkId,
    device_id: server,
    device_owner: 'compute:nova',
    'binding:host_id': host,
    ...more,
  })
const put = async (id: string, port: object) => {
  const answer = await net.admin('PUT', `/v2.0/ports/${id}`, { port })
  expect(answer.status, JSON.stringify(answer.body)).toBe(200)
  return answer.body.port
}
const show = async (id: string) => (await net.admin('GET', `/v2.0/ports/${id}`)).body.port
const wiring = async (host: string) => {
  const answer = await plugin.hostWiring({ host })
  expect(Check(HostWiringSchema, answer)).toBe(true)
  return answer
}
const wiringOf = async (host: string, portId: string) =>
  (await wiring(host)).ports.find((each) => each.portId === portId)
const up = async (host: string, portId: string) => {
  const { generation } = (await wiringOf(host, portId))!
  return plugin.portUp({ host, portId, generation })
}
const nudged = () => net.casts.filter((each) => each.method === 'wiringChanged').map((each) => each.host)

describe('binding', () => {
  test('a port bound to a host is in its wiring, with all that the host needs', async () => {
    const network = await makeNetwork()
    const port = await guestPort(network.id, 'one', { allowed_address_pairs: [{ ip_address: '10.0.0.99' }] })
    expect(port).toMatchObject({
      'binding:vif_type': 'ovs',
      'binding:vif_details': { port_filter: true },
      status: 'DOWN',
    })
    expect(await wiringOf('one', port.id)).toMatchObject({
      networkId: network.id,
      mac: port.mac_address,
      fixedIps: [{ ipAddress: '10.0.0.2' }],
      networkType: 'vxlan',
      segmentationId: network['provider:segmentation_id'],
      mtu: 1450,
      adminUp: true,
      deviceId: server,
      deviceOwner: 'compute:nova',
      portSecurityEnabled: true,
      allowedAddressPairs: [{ ipAddress: '10.0.0.99', macAddress: port.mac_address }],
      tunnelPeers: [],
    })
    expect(nudged()).toContain('one')
    expect(await wiringOf('two', port.id)).toBeUndefined()
    const details = await plugin.portDetails({ host: 'one', portIds: [port.id, server] })
    expect(details.ports.map((each) => each.portId)).toEqual([port.id])
  })

  test('a host without an agent, or without the physical network, can not have it', async () => {
    const network = await makeNetwork()
    expect((await guestPort(network.id, 'nowhere'))['binding:vif_type']).toBe('binding_failed')
    const flat = await makeNetwork(
      '10.1.0.0/24',
      {},
      {
        'provider:network_type': 'flat',
        'provider:physical_network': 'elsewhere',
      },
    )
    const port = await guestPort(flat.id, 'one')
    expect(port['binding:vif_type']).toBe('binding_failed')
    await net.beat('one', 'l2', { bridge_mappings: { elsewhere: 'br-x' }, tunnel_types: ['vxlan'] })
    expect((await show(port.id))['binding:vif_type']).toBe('ovs')
  })

  test('a port that could not be bound is, once its host has wired it', async () => {
    const network = await makeNetwork()
    await net.world.advance(90_000)
    const port = await guestPort(network.id, 'one')
    expect(port['binding:vif_type']).toBe('binding_failed')
    expect(await up('one', port.id)).toEqual({ accepted: true })
    expect(await show(port.id)).toMatchObject({ 'binding:vif_type': 'ovs', status: 'ACTIVE' })
  })

  test('it becomes ACTIVE when its host has wired its newest generation, and compute is told once', async () => {
    const network = await makeNetwork()
    const port = await guestPort(network.id, 'one')
    const { generation } = (await wiringOf('one', port.id))!
    expect(await plugin.portUp({ host: 'two', portId: port.id, generation })).toEqual({ accepted: false })
    expect(await plugin.portUp({ host: 'one', portId: port.id, generation: generation - 1 })).toEqual({
      accepted: false,
    })
    expect((await show(port.id)).status).toBe('DOWN')
    expect(await up('one', port.id)).toEqual({ accepted: true })
    expect(await up('one', port.id)).toEqual({ accepted: true })
    expect((await show(port.id)).status).toBe('ACTIVE')
    await net.world.settle()
    expect(net.told).toEqual([{ name: 'network-vif-plugged', serverId: server, tag: port.id }])
  })

  test('compute is told even if it was away for a while', async () => {
    const network = await makeNetwork()
    const port = await guestPort(network.id, 'one')
    net.setComputeAway(true)
    await up('one', port.id)
    await net.world.advance(60_000)
    expect(net.told).toEqual([])
    net.setComputeAway(false)
    await net.world.advance(120_000)
    expect(net.told.map((each) => [each.name, each.tag])).toEqual([['network-vif-plugged', port.id]])
  })

  test('unplugged, moved or deleted, it leaves the wiring and goes DOWN', async () => {
    const network = await makeNetwork()
    const port = await guestPort(network.id, 'one')
    await up('one', port.id)
    await plugin.portDown({ host: 'one', portId: port.id })
    expect((await show(port.id)).status).toBe('DOWN')
    await up('one', port.id)
    const before = await wiring('one')
    await put(port.id, { 'binding:host_id': 'two' })
    expect((await show(port.id)).status).toBe('DOWN')
    const after = await wiring('one')
    expect(after.ports).toEqual([])
    expect(after.generation).toBeGreaterThan(before.generation)
    expect(await wiringOf('two', port.id)).toBeDefined()
    expect((await net.admin('DELETE', `/v2.0/ports/${port.id}`)).status).toBe(204)
    expect((await wiring('two')).ports).toEqual([])
    await net.world.settle()
    expect(net.told.map((each) => each.name)).toEqual([
      'network-vif-plugged',
      'network-vif-unplugged',
      'network-vif-plugged',
      'network-vif-unplugged',
      'network-vif-deleted',
    ])
  })

  test('unbound by compute, it is nobody’s', async () => {
    const network = await makeNetwork()
    const port = await guestPort(network.id, 'one')
    await up('one', port.id)
    const free = await put(port.id, { device_id: '', device_owner: '', 'binding:host_id': '' })
    expect(free).toMatchObject({ status: 'DOWN', 'binding:vif_type': 'unbound', 'binding:host_id': '' })
    expect((await wiring('one')).ports).toEqual([])
  })
})

describe('generations', () => {
  test('rise with what the host must change, and with nothing else', async () => {
    const network = await makeNetwork()
    const port = await guestPort(network.id, 'one')
    await up('one', port.id)
    const generation = async () => (await wiringOf('one', port.id))!.generation
    let last = await generation()
    const rises = async (port: object) => {
      await put(id, port)
      const now = await generation()
      const risen = now > last
      last = now
      return risen
    }
    const { id } = port
    expect(await rises({ name: 'other' })).toBe(false)
    expect(await rises({ fixed_ips: [{ ip_address: '10.0.0.77' }] })).toBe(true)
    expect(await rises({ admin_state_up: false })).toBe(true)
    expect((await wiringOf('one', id))!.adminUp).toBe(false)
    expect((await show(id)).status).toBe('DOWN')
    expect(await rises({ admin_state_up: true })).toBe(true)
    await up('one', id)
    expect((await show(id)).status).toBe('ACTIVE')
  })

  test('what was ACTIVE stays so while its host follows a change', async () => {
    const network = await makeNetwork()
    const port = await guestPort(network.id, 'one')
    await up('one', port.id)
    await put(port.id, { fixed_ips: [{ ip_address: '10.0.0.77' }] })
    expect((await show(port.id)).status).toBe('ACTIVE')
  })

  test('a network that reaches another host changes who gets its floods', async () => {
    const network = await makeNetwork()
    const port = await guestPort(network.id, 'one')
    const before = (await wiringOf('one', port.id))!
    const other = await guestPort(network.id, 'two')
    const after = (await wiringOf('one', port.id))!
    expect(after.tunnelPeers).toEqual(['10.255.0.2'])
    // It stays ACTIVE meanwhile, and need not be told to be up again.
    expect(after.generation).toBe(before.generation)
    await guestPort(network.id, 'two')
    await put(other.id, { 'binding:host_id': '' })
    expect((await wiringOf('one', port.id))!.tunnelPeers).toEqual(['10.255.0.2'])
    expect((await wiring('one')).tunnelPeers).toEqual([{ host: 'two', ip: '10.255.0.2' }])
  })
})

describe('security', () => {
  test('rules reach the host as numbers, changed at once, with the members of remote groups', async () => {
    const network = await makeNetwork()
    const group = await make('security_group', { name: 'web' }, '/v2.0/security-groups')
    const friends = await make('security_group', { name: 'friends' }, '/v2.0/security-groups')
    const port = await guestPort(network.id, 'one', { security_groups: [group.id] })
    const before = (await wiringOf('one', port.id))!
    const rule = (more: object) =>
      make(
        'security_group_rule',
        { security_group_id: group.id, direction: 'ingress', ...more },
        '/v2.0/security-group-rules',
      )
    await rule({ protocol: 'tcp', port_range_min: 22, port_range_max: 22, remote_ip_prefix: '192.0.2.0/24' })
    await rule({ protocol: 'icmp', ethertype: 'IPv6' })
    const named = await rule({ remote_group_id: friends.id })
    const after = await wiring('one')
    expect(after.ports[0]!.generation).toBeGreaterThan(before.generation)
    expect(after.ports[0]!.securityRules).toContainEqual({
      direction: 'ingress',
      ethertype: 'IPv4',
      protocol: 6,
      portMin: 22,
      portMax: 22,
      remotePrefix: '192.0.2.0/24',
      remoteGroupId: null,
    })
    expect(after.ports[0]!.securityRules.map((each) => each.protocol)).toContain(58)
    expect(after.remoteGroups).toEqual({ [friends.id]: [] })

    const friend = await guestPort(network.id, 'two', { security_groups: [friends.id] })
    const joined = await wiring('one')
    expect(joined.remoteGroups).toEqual({ [friends.id]: [friend.fixed_ips[0].ip_address] })
    await put(friend.id, { allowed_address_pairs: [{ ip_address: '10.0.0.128/25' }] })
    expect((await wiring('one')).remoteGroups[friends.id]).toEqual([
      '10.0.0.128/25',
      friend.fixed_ips[0].ip_address,
    ])
    await net.admin('DELETE', `/v2.0/ports/${friend.id}`)
    expect((await wiring('one')).remoteGroups).toEqual({ [friends.id]: [] })
    await net.admin('DELETE', `/v2.0/security-group-rules/${named.id}`)
    expect((await wiring('one')).remoteGroups).toEqual({})
  })

  test('a group that is deleted takes the rules that name it with it', async () => {
    const network = await makeNetwork()
    const group = await make('security_group', { name: 'a' }, '/v2.0/security-groups')
    const named = await make('security_group', { name: 'b' }, '/v2.0/security-groups')
    const port = await guestPort(network.id, 'one', { security_groups: [group.id] })
    await make(
      'security_group_rule',
      { security_group_id: group.id, direction: 'ingress', remote_group_id: named.id },
      '/v2.0/security-group-rules',
    )
    const before = (await wiringOf('one', port.id))!
    await net.admin('DELETE', `/v2.0/security-groups/${named.id}`)
    const after = (await wiringOf('one', port.id))!
    expect(after.generation).toBeGreaterThan(before.generation)
    expect(after.securityRules.filter((each) => each.direction === 'ingress')).toEqual([])
  })
})

describe('DHCP', () => {
  test('one agent serves a network, with a port of its own', async () => {
    await net.beat('one', 'dhcp')
    const network = await makeNetwork('10.0.0.64/26', {
      gateway_ip: '10.0.0.126',
      dns_nameservers: ['192.0.2.1'],
    })
    const [served] = (await plugin.hostDhcp({ host: 'one' })).networks
    expect(served).toMatchObject({
      networkId: network.id,
      port: null,
      dnsDomain: 'openstacklocal',
      hosts: [],
    })
    const { port } = await plugin.ensureDhcpPort({ host: 'one', networkId: network.id })
    expect(port.fixedIps).toMatchObject([{ ipAddress: '10.0.0.65', prefix: 26 }])
    const again = await plugin.ensureDhcpPort({ host: 'one', networkId: network.id })
    expect(again.port.portId).toBe(port.portId)
    expect(await show(port.portId)).toMatchObject({
      device_owner: 'network:dhcp',
      'binding:host_id': 'one',
      'binding:vif_type': 'ovs',
      security_groups: [],
      project_id: net.projects.admin,
    })
    expect(await wiringOf('one', port.portId)).toBeDefined()
    const guest = await guestPort(network.id, 'two', { dns_name: 'web' })
    const result = await plugin.hostDhcp({ host: 'one' })
    expect(Check(networkPlugin.methods.hostDhcp.result, result)).toBe(true)
    expect(result.networks[0]).toMatchObject({
      port: { portId: port.portId },
      subnets: [{ gatewayIp: '10.0.0.126', dnsNameservers: ['192.0.2.1'], hasRouter: false }],
      hosts: [{ portId: guest.id, mac: guest.mac_address, hostname: 'web' }],
    })
    expect(net.casts).toContainEqual(expect.objectContaining({ method: 'networkChanged', host: 'one' }))
    expect((await plugin.hostDhcp({ host: 'two' })).networks).toEqual([])
    expect((await net.admin('DELETE', `/v2.0/ports/${guest.id}`)).status).toBe(204)
    expect((await net.admin('DELETE', `/v2.0/networks/${network.id}`)).status).toBe(204)
    expect((await wiring('one')).ports).toEqual([])
  })

  test('a guest waits until the agent knows it', async () => {
    await net.beat('one', 'dhcp')
    const network = await makeNetwork()
    const guest = await guestPort(network.id, 'two')
    await up('two', guest.id)
    expect((await show(guest.id)).status).toBe('BUILD')
    const [served] = (await plugin.hostDhcp({ host: 'one' })).networks
    const { generation } = served!
    await plugin.dhcpReady({ host: 'two', networkId: network.id, generation })
    await plugin.dhcpReady({ host: 'one', networkId: network.id, generation: generation - 1 })
    expect((await show(guest.id)).status).toBe('BUILD')
    await plugin.dhcpReady({ host: 'one', networkId: network.id, generation })
    expect((await show(guest.id)).status).toBe('ACTIVE')
  })

  test('nobody waits for an agent that died, and another takes the network over with its address', async () => {
    await net.beat('one', 'dhcp')
    const network = await makeNetwork()
    const { port } = await plugin.ensureDhcpPort({ host: 'one', networkId: network.id })
    const guest = await guestPort(network.id, 'two')
    await up('two', guest.id)
    expect((await show(guest.id)).status).toBe('BUILD')
    await net.world.advance(90_000)
    expect((await show(guest.id)).status).toBe('ACTIVE')
    await host('two', '10.255.0.2')
    await net.beat('two', 'dhcp')
    await net.world.advance(20_000)
    expect((await plugin.hostDhcp({ host: 'one' })).networks).toEqual([])
    const [served] = (await plugin.hostDhcp({ host: 'two' })).networks
    expect(served!.port).toMatchObject({ portId: port.portId, fixedIps: port.fixedIps })
    expect(await show(port.portId)).toMatchObject({ 'binding:host_id': 'two', 'binding:vif_type': 'ovs' })
  })

  test('whoever takes over a network whose DHCP was switched off meanwhile hears of the port to give back', async () => {
    await net.beat('one', 'dhcp')
    const network = await makeNetwork()
    const { port } = await plugin.ensureDhcpPort({ host: 'one', networkId: network.id })
    const [subnet] = (await net.admin('GET', '/v2.0/subnets')).body.subnets
    await net.admin('PUT', `/v2.0/subnets/${subnet.id}`, { subnet: { enable_dhcp: false } })
    await net.world.advance(90_000)
    await host('two', '10.255.0.2')
    await net.beat('two', 'dhcp')
    await net.world.advance(20_000)
    expect((await plugin.hostDhcp({ host: 'two' })).networks.map((each) => each.port?.portId)).toEqual([
      port.portId,
    ])
    await plugin.releaseDhcpPort({ host: 'two', networkId: network.id })
    expect((await plugin.hostDhcp({ host: 'two' })).networks).toEqual([])
  })

  test('a network made before any agent is served when one comes', async () => {
    const network = await makeNetwork()
    await net.beat('two', 'dhcp')
    expect((await plugin.hostDhcp({ host: 'two' })).networks.map((each) => each.networkId)).toEqual([
      network.id,
    ])
  })
})

test('metadata is for exactly one port of the network', async () => {
  const network = await makeNetwork()
  const other = await makeNetwork()
  const port = await guestPort(network.id, 'one')
  await guestPort(other.id, 'one')
  const ip = port.fixed_ips[0].ip_address
  const ask = async (networkId: string | null, address: string) =>
    (await plugin.metadataPort({ networkId, routerId: null, ip: address })).port
  expect(await ask(network.id, ip)).toEqual({
    portId: port.id,
    instanceId: server,
    tenantId: net.projects.admin,
  })
  expect(await ask(network.id, '10.0.0.200')).toBeNull()
  expect(await ask(null, ip)).toBeNull()
  expect(await ask(network.id, 'nonsense')).toBeNull()
})

describe('ports on other hosts', () => {
  const remotes = async (host: string) =>
    (await wiring(host)).remotePorts!.map(({ mac, ipAddresses, peer }) => [mac, ...ipAddresses, peer])

  test('a host knows where those of its networks are, when one comes, changes its address or goes', async () => {
    const network = await makeNetwork()
    await guestPort(network.id, 'one')
    net.casts.length = 0
    const far = await guestPort(network.id, 'two', { fixed_ips: [{ ip_address: '10.0.0.70' }] })
    await guestPort((await makeNetwork('10.1.0.0/24')).id, 'two')
    await net.world.settle()
    expect(nudged()).toContain('one')
    expect(await remotes('one')).toEqual([[far.mac_address, '10.0.0.70', '10.255.0.2']])

    net.casts.length = 0
    await put(far.id, { fixed_ips: [{ ip_address: '10.0.0.77' }] })
    await net.world.settle()
    expect(nudged()).toContain('one')
    expect(await remotes('one')).toEqual([[far.mac_address, '10.0.0.77', '10.255.0.2']])

    net.casts.length = 0
    expect((await net.admin('DELETE', `/v2.0/ports/${far.id}`)).status).toBe(204)
    await net.world.settle()
    expect(nudged()).toContain('one')
    expect(await remotes('one')).toEqual([])
  })

  test('a host that comes later learns of all there are, and they of it', async () => {
    const network = await makeNetwork()
    const [a, b] = [await guestPort(network.id, 'one'), await guestPort(network.id, 'two')]
    await host('three', '10.255.0.3')
    expect(await remotes('three')).toEqual([])
    const c = await guestPort(network.id, 'three')
    expect(new Set((await remotes('three')).map(([mac]) => mac))).toEqual(
      new Set([a.mac_address, b.mac_address]),
    )
    for (const host of ['one', 'two'])
      expect((await remotes(host)).map(([mac]) => mac)).toContain(c.mac_address)
  })

  test('a host that is gone for good is no peer any more, and the others are told', async () => {
    const network = await makeNetwork()
    await guestPort(network.id, 'one')
    await guestPort(network.id, 'two')
    const { agents } = (await net.admin('GET', '/v2.0/agents?host=two')).body
    await net.world.advance(80_000)
    await host('one', '10.255.0.1')
    expect((await wiring('one')).tunnelPeers).toEqual([{ host: 'two', ip: '10.255.0.2' }])
    net.casts.length = 0
    expect((await net.admin('DELETE', `/v2.0/agents/${agents[0].id}`)).status).toBe(204)
    await net.world.settle()
    expect(nudged()).toContain('one')
    expect((await wiring('one')).tunnelPeers).toEqual([])
  })

  test('a network on a wire has none: its switch knows', async () => {
    const flat = await makeNetwork(
      '10.2.0.0/24',
      {},
      { 'provider:network_type': 'flat', 'provider:physical_network': 'physnet1' },
    )
    await guestPort(flat.id, 'one')
    await guestPort(flat.id, 'two')
    expect(await remotes('one')).toEqual([])
  })
})

test('a new agent is new until its heart-beat goes on, and again when it comes back', async () => {
  expect(await net.beat('one', 'metadata')).toBe('new')
  expect(await net.beat('one', 'metadata')).toBe('alive')
  await net.world.advance(80_000)
  expect(await net.beat('one', 'metadata')).toBe('new')
})

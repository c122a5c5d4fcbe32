// What agents of switches get and tell over the bus, and what compute hears of it.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { server, type TestWiring, testWiring } from './test-wiring.ts'

let rig: TestWiring
beforeEach(async () => {
  rig = await testWiring()
})
afterEach(() => rig.net.close())

describe('binding', () => {
  test('a port bound to a host is in its wiring, with all that the host needs', async () => {
    const network = await rig.makeNetwork()
    const port = await rig.guestPort(network.id, 'one', {
      allowed_address_pairs: [{ ip_address: '10.0.0.99' }],
    })
    expect(port).toMatchObject({
      'binding:vif_type': 'ovs',
      'binding:vif_details': { port_filter: true },
      status: 'DOWN',
    })
    expect(await rig.wiringOf('one', port.id)).toMatchObject({
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
    expect(rig.nudged()).toContain('one')
    expect(await rig.wiringOf('two', port.id)).toBeUndefined()
    const details = await rig.plugin.portDetails({ host: 'one', portIds: [port.id, server] })
    expect(details.ports.map((each) => each.portId)).toEqual([port.id])
  })

  test('a host without an agent, or without the physical network, can not have it', async () => {
    const network = await rig.makeNetwork()
    expect((await rig.guestPort(network.id, 'nowhere'))['binding:vif_type']).toBe('binding_failed')
    const flat = await rig.makeNetwork(
      '10.1.0.0/24',
      {},
      {
        'provider:network_type': 'flat',
        'provider:physical_network': 'elsewhere',
      },
    )
    const port = await rig.guestPort(flat.id, 'one')
    expect(port['binding:vif_type']).toBe('binding_failed')
    await rig.net.beat('one', 'l2', { bridge_mappings: { elsewhere: 'br-x' }, tunnel_types: ['vxlan'] })
    expect((await rig.show(port.id))['binding:vif_type']).toBe('ovs')
  })

  test('a port that could not be bound is, once its host has wired it', async () => {
    const network = await rig.makeNetwork()
    await rig.net.world.advance(90_000)
    const port = await rig.guestPort(network.id, 'one')
    expect(port['binding:vif_type']).toBe('binding_failed')
    expect(await rig.up('one', port.id)).toEqual({ accepted: true })
    expect(await rig.show(port.id)).toMatchObject({ 'binding:vif_type': 'ovs', status: 'ACTIVE' })
  })

  test('it becomes ACTIVE when its host has wired its newest generation, and compute is told once', async () => {
    const network = await rig.makeNetwork()
    const port = await rig.guestPort(network.id, 'one')
    const { generation } = (await rig.wiringOf('one', port.id))!
    expect(await rig.plugin.portUp({ host: 'two', portId: port.id, generation })).toEqual({ accepted: false })
    expect(await rig.plugin.portUp({ host: 'one', portId: port.id, generation: generation - 1 })).toEqual({
      accepted: false,
    })
    expect((await rig.show(port.id)).status).toBe('DOWN')
    expect(await rig.up('one', port.id)).toEqual({ accepted: true })
    expect(await rig.up('one', port.id)).toEqual({ accepted: true })
    expect((await rig.show(port.id)).status).toBe('ACTIVE')
    await rig.net.world.settle()
    expect(rig.net.told).toEqual([{ name: 'network-vif-plugged', serverId: server, tag: port.id }])
  })

  test('compute is told even if it was away for a while', async () => {
    const network = await rig.makeNetwork()
    const port = await rig.guestPort(network.id, 'one')
    rig.net.setComputeAway(true)
    await rig.up('one', port.id)
    await rig.net.world.advance(60_000)
    expect(rig.net.told).toEqual([])
    rig.net.setComputeAway(false)
    await rig.net.world.advance(120_000)
    expect(rig.net.told.map((each) => [each.name, each.tag])).toEqual([['network-vif-plugged', port.id]])
  })

  test('unplugged, moved or deleted, it leaves the wiring and goes DOWN', async () => {
    const network = await rig.makeNetwork()
    const port = await rig.guestPort(network.id, 'one')
    await rig.up('one', port.id)
    await rig.plugin.portDown({ host: 'one', portId: port.id })
    expect((await rig.show(port.id)).status).toBe('DOWN')
    await rig.up('one', port.id)
    const before = await rig.wiring('one')
    await rig.put(port.id, { 'binding:host_id': 'two' })
    expect((await rig.show(port.id)).status).toBe('DOWN')
    const after = await rig.wiring('one')
    expect(after.ports).toEqual([])
    expect(after.generation).toBeGreaterThan(before.generation)
    expect(await rig.wiringOf('two', port.id)).toBeDefined()
    expect((await rig.net.admin('DELETE', `/v2.0/ports/${port.id}`)).status).toBe(204)
    expect((await rig.wiring('two')).ports).toEqual([])
    await rig.net.world.settle()
    expect(rig.net.told.map((each) => each.name)).toEqual([
      'network-vif-plugged',
      'network-vif-unplugged',
      'network-vif-plugged',
      'network-vif-unplugged',
      'network-vif-deleted',
    ])
  })

  test('unbound by compute, it is nobody’s', async () => {
    const network = await rig.makeNetwork()
    const port = await rig.guestPort(network.id, 'one')
    await rig.up('one', port.id)
    const free = await rig.put(port.id, { device_id: '', device_owner: '', 'binding:host_id': '' })
    expect(free).toMatchObject({ status: 'DOWN', 'binding:vif_type': 'unbound', 'binding:host_id': '' })
    expect((await rig.wiring('one')).ports).toEqual([])
  })
})

describe('generations', () => {
  test('rise with what the host must change, and with nothing else', async () => {
    const network = await rig.makeNetwork()
    const port = await rig.guestPort(network.id, 'one')
    await rig.up('one', port.id)
    const generation = async () => (await rig.wiringOf('one', port.id))!.generation
    let last = await generation()
    const rises = async (port: object) => {
      await rig.put(id, port)
      const now = await generation()
      const risen = now > last
      last = now
      return risen
    }
    const { id } = port
    expect(await rises({ name: 'other' })).toBe(false)
    expect(await rises({ fixed_ips: [{ ip_address: '10.0.0.77' }] })).toBe(true)
    expect(await rises({ admin_state_up: false })).toBe(true)
    expect((await rig.wiringOf('one', id))!.adminUp).toBe(false)
    expect((await rig.show(id)).status).toBe('DOWN')
    expect(await rises({ admin_state_up: true })).toBe(true)
    await rig.up('one', id)
    expect((await rig.show(id)).status).toBe('ACTIVE')
  })

  test('what was ACTIVE stays so while its host follows a change', async () => {
    const network = await rig.makeNetwork()
    const port = await rig.guestPort(network.id, 'one')
    await rig.up('one', port.id)
    await rig.put(port.id, { fixed_ips: [{ ip_address: '10.0.0.77' }] })
    expect((await rig.show(port.id)).status).toBe('ACTIVE')
  })

  test('a network that reaches another host changes who gets its floods', async () => {
    const network = await rig.makeNetwork()
    const port = await rig.guestPort(network.id, 'one')
    const before = (await rig.wiringOf('one', port.id))!
    const other = await rig.guestPort(network.id, 'two')
    const after = (await rig.wiringOf('one', port.id))!
    expect(after.tunnelPeers).toEqual(['10.255.0.2'])
    // It stays ACTIVE meanwhile, and need not be told to be up again.
    expect(after.generation).toBe(before.generation)
    await rig.guestPort(network.id, 'two')
    await rig.put(other.id, { 'binding:host_id': '' })
    expect((await rig.wiringOf('one', port.id))!.tunnelPeers).toEqual(['10.255.0.2'])
    expect((await rig.wiring('one')).tunnelPeers).toEqual([{ host: 'two', ip: '10.255.0.2' }])
  })
})

describe('security', () => {
  test('rules reach the host as numbers, changed at once, with the members of remote groups', async () => {
    const network = await rig.makeNetwork()
    const group = await rig.make('security_group', { name: 'web' }, '/v2.0/security-groups')
    const friends = await rig.make('security_group', { name: 'friends' }, '/v2.0/security-groups')
    const port = await rig.guestPort(network.id, 'one', { security_groups: [group.id] })
    const before = (await rig.wiringOf('one', port.id))!
    const rule = (more: object) =>
      rig.make(
        'security_group_rule',
        { security_group_id: group.id, direction: 'ingress', ...more },
        '/v2.0/security-group-rules',
      )
    await rule({ protocol: 'tcp', port_range_min: 22, port_range_max: 22, remote_ip_prefix: '192.0.2.0/24' })
    await rule({ protocol: 'icmp', ethertype: 'IPv6' })
    const named = await rule({ remote_group_id: friends.id })
    const after = await rig.wiring('one')
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

    const friend = await rig.guestPort(network.id, 'two', { security_groups: [friends.id] })
    const joined = await rig.wiring('one')
    expect(joined.remoteGroups).toEqual({ [friends.id]: [friend.fixed_ips[0].ip_address] })
    await rig.put(friend.id, { allowed_address_pairs: [{ ip_address: '10.0.0.128/25' }] })
    expect((await rig.wiring('one')).remoteGroups[friends.id]).toEqual([
      '10.0.0.128/25',
      friend.fixed_ips[0].ip_address,
    ])
    await rig.net.admin('DELETE', `/v2.0/ports/${friend.id}`)
    expect((await rig.wiring('one')).remoteGroups).toEqual({ [friends.id]: [] })
    await rig.net.admin('DELETE', `/v2.0/security-group-rules/${named.id}`)
    expect((await rig.wiring('one')).remoteGroups).toEqual({})
  })

  test('a group that is deleted takes the rules that name it with it', async () => {
    const network = await rig.makeNetwork()
    const group = await rig.make('security_group', { name: 'a' }, '/v2.0/security-groups')
    const named = await rig.make('security_group', { name: 'b' }, '/v2.0/security-groups')
    const port = await rig.guestPort(network.id, 'one', { security_groups: [group.id] })
    await rig.make(
      'security_group_rule',
      { security_group_id: group.id, direction: 'ingress', remote_group_id: named.id },
      '/v2.0/security-group-rules',
    )
    const before = (await rig.wiringOf('one', port.id))!
    await rig.net.admin('DELETE', `/v2.0/security-groups/${named.id}`)
    const after = (await rig.wiringOf('one', port.id))!
    expect(after.generation).toBeGreaterThan(before.generation)
    expect(after.securityRules.filter((each) => each.direction === 'ingress')).toEqual([])
  })
})

describe('ports on other hosts', () => {
  const remotes = async (host: string) =>
    (await rig.wiring(host)).remotePorts!.map(({ mac, ipAddresses, peer }) => [mac, ...ipAddresses, peer])

  test('a host knows where those of its networks are, when one comes, changes its address or goes', async () => {
    const network = await rig.makeNetwork()
    await rig.guestPort(network.id, 'one')
    rig.net.casts.length = 0
    const far = await rig.guestPort(network.id, 'two', { fixed_ips: [{ ip_address: '10.0.0.70' }] })
    await rig.guestPort((await rig.makeNetwork('10.1.0.0/24')).id, 'two')
    await rig.net.world.settle()
    expect(rig.nudged()).toContain('one')
    expect(await remotes('one')).toEqual([[far.mac_address, '10.0.0.70', '10.255.0.2']])

    rig.net.casts.length = 0
    await rig.put(far.id, { fixed_ips: [{ ip_address: '10.0.0.77' }] })
    await rig.net.world.settle()
    expect(rig.nudged()).toContain('one')
    expect(await remotes('one')).toEqual([[far.mac_address, '10.0.0.77', '10.255.0.2']])

    rig.net.casts.length = 0
    expect((await rig.net.admin('DELETE', `/v2.0/ports/${far.id}`)).status).toBe(204)
    await rig.net.world.settle()
    expect(rig.nudged()).toContain('one')
    expect(await remotes('one')).toEqual([])
  })

  test('a host that comes later learns of all there are, and they of it', async () => {
    const network = await rig.makeNetwork()
    const [a, b] = [await rig.guestPort(network.id, 'one'), await rig.guestPort(network.id, 'two')]
    await rig.host('three', '10.255.0.3')
    expect(await remotes('three')).toEqual([])
    const c = await rig.guestPort(network.id, 'three')
    expect(new Set((await remotes('three')).map(([mac]) => mac))).toEqual(
      new Set([a.mac_address, b.mac_address]),
    )
    for (const host of ['one', 'two'])
      expect((await remotes(host)).map(([mac]) => mac)).toContain(c.mac_address)
  })

  test('a host that is gone for good is no peer any more, and the others are told', async () => {
    const network = await rig.makeNetwork()
    await rig.guestPort(network.id, 'one')
    await rig.guestPort(network.id, 'two')
    const { agents } = (await rig.net.admin('GET', '/v2.0/agents?host=two')).body
    await rig.net.world.advance(80_000)
    await rig.host('one', '10.255.0.1')
    expect((await rig.wiring('one')).tunnelPeers).toEqual([{ host: 'two', ip: '10.255.0.2' }])
    rig.net.casts.length = 0
    expect((await rig.net.admin('DELETE', `/v2.0/agents/${agents[0].id}`)).status).toBe(204)
    await rig.net.world.settle()
    expect(rig.nudged()).toContain('one')
    expect((await rig.wiring('one')).tunnelPeers).toEqual([])
  })

  test('a network on a wire has none: its switch knows', async () => {
    const flat = await rig.makeNetwork(
      '10.2.0.0/24',
      {},
      { 'provider:network_type': 'flat', 'provider:physical_network': 'physnet1' },
    )
    await rig.guestPort(flat.id, 'one')
    await rig.guestPort(flat.id, 'two')
    expect(await remotes('one')).toEqual([])
  })
})

test('a new agent is new until its heart-beat goes on, and again when it comes back', async () => {
  expect(await rig.net.beat('one', 'metadata')).toBe('new')
  expect(await rig.net.beat('one', 'metadata')).toBe('alive')
  await rig.net.world.advance(80_000)
  expect(await rig.net.beat('one', 'metadata')).toBe('new')
})

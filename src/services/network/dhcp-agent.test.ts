// What DHCP agents get and tell over the bus, who serves which network, and whom metadata is for.
import { Check } from 'typebox/value'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { networkPlugin } from '#contracts/network-agent.ts'
import { server, type TestWiring, testWiring } from './test-wiring.ts'

let rig: TestWiring
beforeEach(async () => {
  rig = await testWiring()
})
afterEach(() => rig.net.close())

describe('DHCP', () => {
  test('one agent serves a network, with a port of its own', async () => {
    await rig.net.beat('one', 'dhcp')
    const network = await rig.makeNetwork('10.0.0.64/26', {
      gateway_ip: '10.0.0.126',
      dns_nameservers: ['192.0.2.1'],
    })
    const [served] = (await rig.plugin.hostDhcp({ host: 'one' })).networks
    expect(served).toMatchObject({
      networkId: network.id,
      port: null,
      dnsDomain: 'openstacklocal',
      hosts: [],
    })
    const { port } = await rig.plugin.ensureDhcpPort({ host: 'one', networkId: network.id })
    expect(port.fixedIps).toMatchObject([{ ipAddress: '10.0.0.65', prefix: 26 }])
    const again = await rig.plugin.ensureDhcpPort({ host: 'one', networkId: network.id })
    expect(again.port.portId).toBe(port.portId)
    expect(await rig.show(port.portId)).toMatchObject({
      device_owner: 'network:dhcp',
      'binding:host_id': 'one',
      'binding:vif_type': 'ovs',
      security_groups: [],
      project_id: rig.net.projects.admin,
    })
    expect(await rig.wiringOf('one', port.portId)).toBeDefined()
    const guest = await rig.guestPort(network.id, 'two', { dns_name: 'web' })
    const result = await rig.plugin.hostDhcp({ host: 'one' })
    expect(Check(networkPlugin.methods.hostDhcp.result, result)).toBe(true)
    expect(result.networks[0]).toMatchObject({
      port: { portId: port.portId },
      subnets: [{ gatewayIp: '10.0.0.126', dnsNameservers: ['192.0.2.1'], hasRouter: false }],
      hosts: [{ portId: guest.id, mac: guest.mac_address, hostname: 'web' }],
    })
    expect(rig.net.casts).toContainEqual(expect.objectContaining({ method: 'networkChanged', host: 'one' }))
    expect((await rig.plugin.hostDhcp({ host: 'two' })).networks).toEqual([])
    expect((await rig.net.admin('DELETE', `/v2.0/ports/${guest.id}`)).status).toBe(204)
    expect((await rig.net.admin('DELETE', `/v2.0/networks/${network.id}`)).status).toBe(204)
    expect((await rig.wiring('one')).ports).toEqual([])
  })

  test('a guest waits until the agent knows it', async () => {
    await rig.net.beat('one', 'dhcp')
    const network = await rig.makeNetwork()
    const guest = await rig.guestPort(network.id, 'two')
    await rig.up('two', guest.id)
    expect((await rig.show(guest.id)).status).toBe('BUILD')
    const [served] = (await rig.plugin.hostDhcp({ host: 'one' })).networks
    const { generation } = served!
    await rig.plugin.dhcpReady({ host: 'two', networkId: network.id, generation })
    await rig.plugin.dhcpReady({ host: 'one', networkId: network.id, generation: generation - 1 })
    expect((await rig.show(guest.id)).status).toBe('BUILD')
    await rig.plugin.dhcpReady({ host: 'one', networkId: network.id, generation })
    expect((await rig.show(guest.id)).status).toBe('ACTIVE')
  })

  test('nobody waits for an agent that died, and another takes the network over with its address', async () => {
    await rig.net.beat('one', 'dhcp')
    const network = await rig.makeNetwork()
    const { port } = await rig.plugin.ensureDhcpPort({ host: 'one', networkId: network.id })
    const guest = await rig.guestPort(network.id, 'two')
    await rig.up('two', guest.id)
    expect((await rig.show(guest.id)).status).toBe('BUILD')
    await rig.net.world.advance(90_000)
    expect((await rig.show(guest.id)).status).toBe('ACTIVE')
    await rig.host('two', '10.255.0.2')
    await rig.net.beat('two', 'dhcp')
    await rig.net.world.advance(20_000)
    expect((await rig.plugin.hostDhcp({ host: 'one' })).networks).toEqual([])
    const [served] = (await rig.plugin.hostDhcp({ host: 'two' })).networks
    expect(served!.port).toMatchObject({ portId: port.portId, fixedIps: port.fixedIps })
    expect(await rig.show(port.portId)).toMatchObject({ 'binding:host_id': 'two', 'binding:vif_type': 'ovs' })
  })

  test('whoever takes over a network whose DHCP was switched off meanwhile hears of the port to give back', async () => {
    await rig.net.beat('one', 'dhcp')
    const network = await rig.makeNetwork()
    const { port } = await rig.plugin.ensureDhcpPort({ host: 'one', networkId: network.id })
    const [subnet] = (await rig.net.admin('GET', '/v2.0/subnets')).body.subnets
    await rig.net.admin('PUT', `/v2.0/subnets/${subnet.id}`, { subnet: { enable_dhcp: false } })
    await rig.net.world.advance(90_000)
    await rig.host('two', '10.255.0.2')
    await rig.net.beat('two', 'dhcp')
    await rig.net.world.advance(20_000)
    expect((await rig.plugin.hostDhcp({ host: 'two' })).networks.map((each) => each.port?.portId)).toEqual([
      port.portId,
    ])
    await rig.plugin.releaseDhcpPort({ host: 'two', networkId: network.id })
    expect((await rig.plugin.hostDhcp({ host: 'two' })).networks).toEqual([])
  })

  test('a network made before any agent is served when one comes', async () => {
    const network = await rig.makeNetwork()
    await rig.net.beat('two', 'dhcp')
    expect((await rig.plugin.hostDhcp({ host: 'two' })).networks.map((each) => each.networkId)).toEqual([
      network.id,
    ])
  })
})

test('metadata is for exactly one port of the network', async () => {
  const network = await rig.makeNetwork()
  const other = await rig.makeNetwork()
  const port = await rig.guestPort(network.id, 'one')
  await rig.guestPort(other.id, 'one')
  const ip = port.fixed_ips[0].ip_address
  const ask = async (networkId: string | null, address: string) =>
    (await rig.plugin.metadataPort({ networkId, routerId: null, ip: address })).port
  expect(await ask(network.id, ip)).toEqual({
    portId: port.id,
    instanceId: server,
    tenantId: rig.net.projects.admin,
  })
  expect(await ask(network.id, '10.0.0.200')).toBeNull()
  expect(await ask(null, ip)).toBeNull()
  expect(await ask(network.id, 'nonsense')).toBeNull()
})

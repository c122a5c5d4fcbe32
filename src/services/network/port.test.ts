// Ports, as their users see them.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Json, type TestNetwork, testNetwork } from './test-network.ts'
import { lan, make, refusal } from './test-object.ts'

let net: TestNetwork
beforeAll(async () => {
  net = await testNetwork({ quotaSecurityGroup: 100, quotaPort: 5000 })
})
afterAll(() => net.close())

describe('ports', () => {
  test('get a MAC, an address and the default group', async () => {
    const { network: own, subnet: sub } = await lan(net.alice, '10.5.0.0/24')
    const made = await make(net.alice, 'port', { network_id: own.id, name: 'p' })
    expect(made.mac_address).toMatch(/^fa:16:3e:/)
    expect(made).toMatchObject({
      status: 'DOWN',
      device_id: '',
      device_owner: '',
      fixed_ips: [{ subnet_id: sub.id, ip_address: '10.5.0.2' }],
      'binding:vnic_type': 'normal',
      port_security_enabled: true,
      dns_assignment: [
        { ip_address: '10.5.0.2', hostname: 'host-10-5-0-2', fqdn: 'host-10-5-0-2.openstacklocal.' },
      ],
    })
    const [group] = (await net.alice('GET', '/v2.0/security-groups?name=default')).body.security_groups
    expect(made.security_groups).toEqual([group.id])
    expect(made).not.toHaveProperty('binding:host_id')
    const asAdmin = (await net.admin('GET', `/v2.0/ports/${made.id}`)).body.port
    expect(asAdmin).toMatchObject({ 'binding:host_id': '', 'binding:vif_type': 'unbound' })
  })

  test('never the same address twice, however many are made at once', async () => {
    const { network: own } = await lan(net.alice, '10.6.0.0/25')
    const answers = await Promise.all(
      Array.from({ length: 130 }, () => net.alice('POST', '/v2.0/ports', { port: { network_id: own.id } })),
    )
    const made = answers
      .filter((each) => each.status === 201)
      .map((each) => each.body.port.fixed_ips[0].ip_address)
    expect(made).toHaveLength(125)
    expect(new Set(made).size).toBe(125)
    const refused = answers.filter((each) => each.status !== 201)
    expect(new Set(refused.map((each) => refusal(each).join()))).toEqual(
      new Set(['409,IpAddressGenerationFailure']),
    )
  })

  test('get an address that was given back only when no other is free', async () => {
    const { network: own } = await lan(net.alice, '10.14.0.0/29')
    const add = async () =>
      (await make(net.alice, 'port', { network_id: own.id })) as { id: string; fixed_ips: Json[] }
    const first = await add()
    await net.alice('DELETE', `/v2.0/ports/${first.id}`)
    const rest = [await add(), await add(), await add(), await add(), await add()]
    expect(rest.map((each) => each.fixed_ips[0].ip_address)).toEqual([
      '10.14.0.3',
      '10.14.0.4',
      '10.14.0.5',
      '10.14.0.6',
      '10.14.0.2',
    ])
    expect(refusal(await net.alice('POST', '/v2.0/ports', { port: { network_id: own.id } }))).toEqual([
      409,
      'IpAddressGenerationFailure',
    ])
  })

  test('ask for addresses by name: inside the network, and free', async () => {
    const { network: own, subnet: sub } = await lan(net.alice, '10.7.0.0/24')
    const ask = (fixed_ips: unknown) =>
      net.alice('POST', '/v2.0/ports', { port: { network_id: own.id, fixed_ips } })
    const made = await ask([{ ip_address: '10.7.0.50' }])
    expect(made.body.port.fixed_ips).toEqual([{ subnet_id: sub.id, ip_address: '10.7.0.50' }])
    expect(refusal(await ask([{ ip_address: '10.7.0.50' }]))).toEqual([409, 'IpAddressAlreadyAllocated'])
    expect(refusal(await ask([{ ip_address: '10.8.0.50' }]))).toEqual([400, 'InvalidIpForNetwork'])
    expect(refusal(await ask([{ ip_address: '10.7.0.255' }]))).toEqual([400, 'InvalidIpForSubnet'])
    expect(refusal(await ask([{ subnet_id: own.id }]))).toEqual([400, 'InvalidInput'])
    expect((await ask([])).body.port.fixed_ips).toEqual([])
    const id = made.body.port.id
    const moved = await net.alice('PUT', `/v2.0/ports/${id}`, {
      port: { fixed_ips: [{ ip_address: '10.7.0.50' }, { ip_address: '10.7.0.60' }] },
    })
    expect(moved.body.port.fixed_ips.map((each: Json) => each.ip_address).sort()).toEqual([
      '10.7.0.50',
      '10.7.0.60',
    ])
    const found = await net.alice('GET', `/v2.0/ports?fixed_ips=ip_address=10.7.0.60&network_id=${own.id}`)
    expect(found.body.ports.map((each: Json) => each.id)).toEqual([id])
  })

  test('on an IPv6 network make their address of their MAC', async () => {
    const { network: own } = await lan(net.alice, 'fd00:1::/64', {
      ip_version: 6,
      ipv6_ra_mode: 'slaac',
      ipv6_address_mode: 'slaac',
    })
    const made = await make(net.admin, 'port', { network_id: own.id, mac_address: 'fa:16:3e:b3:e8:38' })
    expect(made.fixed_ips[0].ip_address).toBe('fd00:1::f816:3eff:feb3:e838')
  })

  test('of another project are not there, and a shared network takes ports of all', async () => {
    const { network: own } = await lan(net.admin, '10.10.0.0/24', {}, { shared: true })
    const made = await make(net.alice, 'port', { network_id: own.id })
    expect(refusal(await net.bob('GET', `/v2.0/ports/${made.id}`))).toEqual([404, 'PortNotFound'])
    const { network: hidden } = await lan(net.alice, '10.11.0.0/24')
    expect(refusal(await net.bob('POST', '/v2.0/ports', { port: { network_id: hidden.id } }))).toEqual([
      404,
      'NetworkNotFound',
    ])
    const byAddress = { port: { network_id: own.id, fixed_ips: [{ ip_address: '10.10.0.99' }] } }
    expect((await net.bob('POST', '/v2.0/ports', byAddress)).status).toBe(403)
    expect(
      (await net.bob('POST', '/v2.0/ports', { port: { network_id: own.id, device_owner: 'network:dhcp' } }))
        .status,
    ).toBe(403)
  })

  test('keep pairs, options and security apart as Neutron does', async () => {
    const { network: own } = await lan(net.alice, '10.12.0.0/24')
    const made = await make(net.alice, 'port', {
      network_id: own.id,
      allowed_address_pairs: [{ ip_address: '10.12.0.200' }],
      extra_dhcp_opts: [{ opt_name: 'tftp-server', opt_value: '10.0.0.1' }],
    })
    expect(made.allowed_address_pairs).toEqual([{ ip_address: '10.12.0.200', mac_address: made.mac_address }])
    expect(made.extra_dhcp_opts).toEqual([{ opt_name: 'tftp-server', opt_value: '10.0.0.1', ip_version: 4 }])
    const put = (port: object) => net.alice('PUT', `/v2.0/ports/${made.id}`, { port })
    expect(refusal(await put({ port_security_enabled: false }))).toEqual([
      409,
      'PortSecurityPortHasSecurityGroup',
    ])
    expect(refusal(await put({ port_security_enabled: false, security_groups: [] }))).toEqual([
      409,
      'AddressPairAndPortSecurityRequired',
    ])
    const open = await put({ port_security_enabled: false, security_groups: [], allowed_address_pairs: [] })
    expect(open.body.port).toMatchObject({ port_security_enabled: false, security_groups: [] })
  })
})

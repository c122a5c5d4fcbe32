// Networks, subnets, ports and security groups, as their users see them.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { schemaDifferences } from '#kit/db/schema.ts'
import { agent, hostWiring, networkDhcpAgent } from './resources/agent.ts'
import { computeEvent } from './resources/event.ts'
import { network, segment } from './resources/network.ts'
import { port } from './resources/port.ts'
import { quota } from './resources/quota.ts'
import { floatingIp, router, routerL3Agent } from './resources/router.ts'
import {
  defaultGroup,
  portSecurityGroup,
  securityGroup,
  securityGroupRule,
} from './resources/security-group.ts'
import { allocation, allocationPool, subnet } from './resources/subnet.ts'
import { type Json, type TestNetwork, testNetwork } from './test-network.ts'

let net: TestNetwork
beforeAll(async () => {
  net = await testNetwork({ quotaSecurityGroup: 100, quotaPort: 5000 })
})
afterAll(() => net.close())

type Calls = TestNetwork['admin']
const make = async (as: Calls, kind: string, body: object, path = `/v2.0/${kind}s`) => {
  const made = await as('POST', path, { [kind]: body })
  expect(made.status, JSON.stringify(made.body)).toBe(201)
  return made.body[kind]
}
const network4 = async (as: Calls, cidr: string, more: object = {}, networkMore: object = {}) => {
  const made = await make(as, 'network', { name: 'n', ...networkMore })
  const sub = await make(as, 'subnet', { network_id: made.id, ip_version: 4, cidr, ...more })
  return { network: made, subnet: sub }
}
const refusal = (answer: { status: number; body: Json }) => [answer.status, answer.body.NeutronError?.type]

describe('network', () => {
  test('its migrations make the tables that it declares', async () => {
    const tables = [
      network,
      segment,
      subnet,
      allocationPool,
      allocation,
      port,
      securityGroup,
      defaultGroup,
      securityGroupRule,
      portSecurityGroup,
      agent,
      networkDhcpAgent,
      router,
      routerL3Agent,
      floatingIp,
      hostWiring,
      computeEvent,
      quota,
    ]
    expect(await schemaDifferences(net.service.app.db, tables)).toEqual([])
  })

  test('tells its version to anybody, and anything else to those with a token', async () => {
    const { stranger } = net
    expect((await stranger('GET', '/')).body.versions[0]).toMatchObject({ id: 'v2.0', status: 'CURRENT' })
    expect((await stranger('GET', '/v2.0/networks')).status).toBe(401)
    expect((await net.alice('GET', '/v2.0/')).body.resources.map((each: Json) => each.name)).toContain('port')
  })

  describe('networks', () => {
    test('a user gets one of the configured type, and does not see of what kind it is', async () => {
      const made = await make(net.alice, 'network', { name: 'private' })
      expect(made).toMatchObject({
        name: 'private',
        status: 'ACTIVE',
        admin_state_up: true,
        shared: false,
        'router:external': false,
        mtu: 1450,
        subnets: [],
        tenant_id: net.projects.alice,
        project_id: net.projects.alice,
        revision_number: 1,
        tags: [],
        port_security_enabled: true,
      })
      expect(made).not.toHaveProperty('provider:network_type')
      const asAdmin = (await net.admin('GET', `/v2.0/networks/${made.id}`)).body.network
      expect(asAdmin).toMatchObject({ 'provider:network_type': 'vxlan', 'provider:physical_network': null })
      expect(asAdmin['provider:segmentation_id']).toBeGreaterThan(0)
    })

    test('provider networks are for administrators', async () => {
      const body = { network: { 'provider:network_type': 'flat', 'provider:physical_network': 'p' } }
      expect(refusal(await net.alice('POST', '/v2.0/networks', body))).toEqual([403, 'PolicyNotAuthorized'])
      const shared = { network: { shared: true } }
      expect((await net.alice('POST', '/v2.0/networks', shared)).status).toBe(403)
    })

    test('one flat network for each physical network', async () => {
      const body = { network: { 'provider:network_type': 'flat', 'provider:physical_network': 'flat1' } }
      const made = await net.admin('POST', '/v2.0/networks', body)
      expect(made.body.network.mtu).toBe(1500)
      expect(refusal(await net.admin('POST', '/v2.0/networks', body))).toEqual([409, 'FlatNetworkInUse'])
      expect((await net.admin('DELETE', `/v2.0/networks/${made.body.network.id}`)).status).toBe(204)
      expect((await net.admin('POST', '/v2.0/networks', body)).status).toBe(201)
    })

    test('VLAN ids are 1 to 4094, each once on a physical network but again on another', async () => {
      const vlan = (id: number, physnet = 'physnet1') =>
        net.admin('POST', '/v2.0/networks', {
          network: {
            'provider:network_type': 'vlan',
            'provider:physical_network': physnet,
            'provider:segmentation_id': id,
          },
        })
      expect(refusal(await vlan(0))).toEqual([400, 'InvalidInput'])
      expect(refusal(await vlan(4095))).toEqual([400, 'InvalidInput'])
      expect((await vlan(100)).status).toBe(201)
      expect(refusal(await vlan(100))).toEqual([409, 'VlanIdInUse'])
      expect((await vlan(100, 'public')).status).toBe(201)
      expect(refusal(await vlan(100, 'nowhere'))).toEqual([400, 'InvalidInput'])
    })

    test('tunnels count their headers into the MTU, and a bigger one is refused', async () => {
      const gre = await make(net.admin, 'network', {
        'provider:network_type': 'gre',
        'provider:segmentation_id': 7,
      })
      expect(gre.mtu).toBe(1458)
      expect((await net.admin('POST', '/v2.0/networks', { network: { mtu: 9000 } })).status).toBe(400)
      const local = await make(net.admin, 'network', { 'provider:network_type': 'local' })
      expect(local['provider:segmentation_id']).toBeNull()
    })

    test('a pool of two ids serves two networks, and again when one is gone', async () => {
      const small = await testNetwork({ vniRanges: ['5:6'] })
      const ids = [0, 1].map(() => make(small.alice, 'network', {}))
      const [one] = await Promise.all(ids)
      expect(refusal(await small.alice('POST', '/v2.0/networks', { network: {} }))).toEqual([
        503,
        'NoNetworkAvailable',
      ])
      await small.alice('DELETE', `/v2.0/networks/${one.id}`)
      expect((await small.alice('POST', '/v2.0/networks', { network: {} })).status).toBe(201)
      await small.close()
    })

    test('of another project is not there, unless it is shared or external', async () => {
      const own = await make(net.alice, 'network', { name: 'own' })
      expect(refusal(await net.bob('GET', `/v2.0/networks/${own.id}`))).toEqual([404, 'NetworkNotFound'])
      expect((await net.bob('DELETE', `/v2.0/networks/${own.id}`)).status).toBe(404)
      const shared = await make(net.admin, 'network', { name: 'for all', shared: true })
      expect((await net.bob('GET', `/v2.0/networks/${shared.id}`)).status).toBe(200)
      const change = { network: { name: 'mine' } }
      expect((await net.bob('PUT', `/v2.0/networks/${shared.id}`, change)).status).toBe(404)
      const listed = (await net.bob('GET', '/v2.0/networks')).body.networks.map((each: Json) => each.id)
      expect(listed).toContain(shared.id)
      expect(listed).not.toContain(own.id)
      expect((await net.reader('PUT', `/v2.0/networks/${own.id}`, change)).status).toBe(403)
    })

    test('refuses what it does not know, in the words that clients expect', async () => {
      const post = async (body: unknown) =>
        (await net.alice('POST', '/v2.0/networks', body)).body.NeutronError.message
      expect(await post({ network: { colour: 'red' } })).toBe("Unrecognized attribute(s) 'colour'")
      expect(await post({ network: { status: 'ACTIVE' } })).toBe("Attribute 'status' not allowed in POST")
      expect(await post({ network: { name: 'x'.repeat(256) } })).toMatch(
        /^Invalid input for name\. Reason: .* exceeds maximum length of 255/,
      )
      expect(await post({ net: {} })).toBe("Unable to find 'network' in request body")
      expect((await net.alice('POST', '/v2.0/networks', { network: { name: 'x'.repeat(255) } })).status).toBe(
        201,
      )
      const made = await make(net.alice, 'network', {})
      const put = await net.alice('PUT', `/v2.0/networks/${made.id}`, { network: { id: 'x' } })
      expect(put.body.NeutronError.message).toBe('Cannot update read-only attribute id')
      const other = { network: { tenant_id: net.projects.bob } }
      expect((await net.alice('POST', '/v2.0/networks', other)).status).toBe(400)
    })

    test('a change raises the revision, and one made for an older revision is refused', async () => {
      const made = await make(net.alice, 'network', { name: 'a' })
      const put = (name: string, revision: number) =>
        net.alice(
          'PUT',
          `/v2.0/networks/${made.id}`,
          { network: { name } },
          { 'if-match': `revision_number=${revision}` },
        )
      expect((await put('b', 1)).body.network).toMatchObject({ name: 'b', revision_number: 2 })
      expect(refusal(await put('c', 1))).toEqual([412, 'RevisionNumberConstraintFailed'])
    })

    test('several at once are made all or none', async () => {
      const names = ['bulk-1', 'bulk-2']
      const made = await net.alice('POST', '/v2.0/networks', { networks: names.map((name) => ({ name })) })
      expect(made.status).toBe(201)
      expect(made.body.networks.map((each: Json) => each.name)).toEqual(names)
      const bad = { networks: [{ name: 'bulk-3' }, { name: 'bulk-4', mtu: 60_000 }] }
      expect((await net.alice('POST', '/v2.0/networks', bad)).status).toBe(400)
      expect((await net.alice('GET', '/v2.0/networks?name=bulk-3')).body.networks).toEqual([])
    })

    test('lists are filtered, sorted, narrowed and paged both ways', async () => {
      const fresh = await testNetwork()
      for (const name of ['c', 'a', 'b', 'e', 'd']) await make(fresh.alice, 'network', { name })
      const get = async (query: string) => (await fresh.alice('GET', `/v2.0/networks?${query}`)).body
      const names = (body: Json) => body.networks.map((each: Json) => each.name).join('')
      expect(names(await get('sort_key=name'))).toBe('abcde')
      expect(names(await get('sort_key=name&sort_dir=desc'))).toBe('edcba')
      expect(names(await get('name=a&name=c&sort_key=name'))).toBe('ac')
      expect((await get('fields=name&name=a')).networks).toEqual([{ name: 'a' }])
      expect(names(await get('admin_state_up=False'))).toBe('')
      const page = await get('sort_key=name&limit=2')
      expect(names(page)).toBe('ab')
      const next = page.networks_links.find((each: Json) => each.rel === 'next').href
      const second = (await fresh.alice('GET', new URL(next).pathname + new URL(next).search)).body
      expect(names(second)).toBe('cd')
      const back = new URL(second.networks_links.find((each: Json) => each.rel === 'previous').href)
      expect(names((await fresh.alice('GET', back.pathname + back.search)).body)).toBe('ab')
      expect((await fresh.alice('GET', '/v2.0/networks?colour=red')).status).toBe(400)
      expect((await fresh.alice('GET', '/v2.0/networks?sort_key=colour')).status).toBe(400)
      await fresh.close()
    })

    test('tags are set, found and taken away', async () => {
      const made = await make(net.alice, 'network', { name: 'tagged' })
      const path = `/v2.0/networks/${made.id}/tags`
      expect((await net.alice('PUT', path, { tags: ['red', 'a"b'] })).body.tags).toEqual(['red', 'a"b'])
      expect((await net.alice('PUT', `${path}/blue`)).status).toBe(201)
      const find = async (query: string) =>
        (await net.alice('GET', `/v2.0/networks?name=tagged&${query}`)).body.networks.length
      expect(await find('tags=red,blue')).toBe(1)
      expect(await find('tags=red,green')).toBe(0)
      expect(await find('tags-any=green,blue')).toBe(1)
      expect(await find('not-tags=red')).toBe(0)
      expect(await find('tags=re')).toBe(0)
      expect((await net.alice('GET', `${path}/blue`)).status).toBe(204)
      expect((await net.alice('DELETE', `${path}/blue`)).status).toBe(204)
      expect(refusal(await net.alice('GET', `${path}/blue`))).toEqual([404, 'TagNotFound'])
    })

    test('a quota holds however many ask at once', async () => {
      const small = await testNetwork({ quotaNetwork: 3 })
      const answers = await Promise.all(
        Array.from({ length: 10 }, () => small.alice('POST', '/v2.0/networks', { network: {} })),
      )
      expect(answers.filter((each) => each.status === 201)).toHaveLength(3)
      expect(refusal(answers.find((each) => each.status !== 201)!)).toEqual([409, 'OverQuota'])
      await small.close()
    })
  })

  describe('subnets', () => {
    test('without a word get the first address as gateway and all others as pool', async () => {
      const { subnet: made } = await network4(net.alice, '10.0.0.5/26')
      expect(made).toMatchObject({
        cidr: '10.0.0.0/26',
        gateway_ip: '10.0.0.1',
        enable_dhcp: true,
        ip_version: 4,
        allocation_pools: [{ start: '10.0.0.2', end: '10.0.0.62' }],
      })
    })

    test('a gateway at the end leaves a pool at the beginning', async () => {
      const { subnet: made } = await network4(net.alice, '10.0.0.64/26', { gateway_ip: '10.0.0.126' })
      expect(made.allocation_pools).toEqual([{ start: '10.0.0.65', end: '10.0.0.125' }])
      const none = await network4(net.alice, '10.1.0.0/24', { gateway_ip: null })
      expect(none.subnet.gateway_ip).toBeNull()
      expect(none.subnet.allocation_pools).toEqual([{ start: '10.1.0.1', end: '10.1.0.254' }])
    })

    test('may have several pools, added later too, that never overlap; addresses come from each', async () => {
      const { network: own, subnet: made } = await network4(net.alice, '192.168.56.0/24', {
        allocation_pools: [{ start: '192.168.56.50', end: '192.168.56.50' }],
      })
      const pools = [
        { start: '192.168.56.50', end: '192.168.56.50' },
        { start: '192.168.56.100', end: '192.168.56.200' },
      ]
      const put = (allocation_pools: unknown) =>
        net.alice('PUT', `/v2.0/subnets/${made.id}`, { subnet: { allocation_pools } })
      expect((await put(pools)).body.subnet.allocation_pools).toEqual(pools)
      const overlapping = [...pools, { start: '192.168.56.150', end: '192.168.56.160' }]
      expect(refusal(await put(overlapping))).toEqual([409, 'OverlappingAllocationPools'])
      expect(refusal(await put([{ start: '192.168.57.1', end: '192.168.57.2' }]))).toEqual([
        400,
        'OutOfBoundsAllocationPool',
      ])
      expect(refusal(await put([{ start: '192.168.56.1', end: '192.168.56.9' }]))).toEqual([
        409,
        'GatewayConflictWithAllocationPools',
      ])
      const addresses = [0, 1].map(
        async () => (await make(net.alice, 'port', { network_id: own.id })).fixed_ips[0].ip_address,
      )
      // Of two at once, one may have to ask again, and the address that it was first given is left out.
      expect((await Promise.all(addresses)).sort()).toEqual([
        expect.stringMatching(/^192\.168\.56\.10[01]$/),
        '192.168.56.50',
      ])
      const rows = await net.service.app.db.sql
        .selectFrom('ipallocationpools')
        .select(['first_ip', 'last_ip'])
        .where('subnet_id', '=', made.id)
        .execute()
      expect(rows).toHaveLength(2)
    })

    test('of one network never overlap; of two they may', async () => {
      const { network: own } = await network4(net.alice, '10.9.0.0/24')
      const body = { subnet: { network_id: own.id, ip_version: 4, cidr: '10.9.0.128/25' } }
      expect(refusal(await net.alice('POST', '/v2.0/subnets', body))).toEqual([400, 'InvalidInput'])
      expect((await network4(net.bob, '10.9.0.0/24')).subnet.cidr).toBe('10.9.0.0/24')
    })

    test('stay while a port has an address of them', async () => {
      const { network: own, subnet: made } = await network4(net.alice, '10.2.0.0/24')
      const made1 = await make(net.alice, 'port', { network_id: own.id })
      expect(refusal(await net.alice('DELETE', `/v2.0/subnets/${made.id}`))).toEqual([409, 'SubnetInUse'])
      expect(refusal(await net.alice('DELETE', `/v2.0/networks/${own.id}`))).toEqual([409, 'NetworkInUse'])
      await net.alice('DELETE', `/v2.0/ports/${made1.id}`)
      expect((await net.alice('DELETE', `/v2.0/subnets/${made.id}`)).status).toBe(204)
      expect((await net.alice('DELETE', `/v2.0/networks/${own.id}`)).status).toBe(204)
    })

    test('never a 500 for a body that makes no sense', async () => {
      const { network: own } = await network4(net.alice, '10.3.0.0/24')
      const bodies = [
        { cidr: 'x' },
        { cidr: '10.0.0.0/33' },
        { cidr: 7 },
        { cidr: '::/0', ip_version: 6 },
        { cidr: 'fd00::/64', ip_version: 4 },
        { cidr: '10.4.0.0/24', gateway_ip: '10.4.0.255' },
        { cidr: '10.4.0.0/24', allocation_pools: [{ start: 'a', end: 'b' }] },
        { cidr: '10.4.0.0/24', allocation_pools: 'x' },
        { cidr: '10.4.0.0/24', host_routes: [{}] },
        { cidr: '10.4.0.0/24', dns_nameservers: ['x'] },
        { cidr: '10.4.0.0/24', ip_version: 5 },
        { cidr: '224.0.0.0/24' },
        { cidr: '10.4.0.0/24', ipv6_ra_mode: 'slaac' },
        { cidr: '10.4.0.0/24', gateway_ip: 'fd00::1' },
        {},
      ]
      for (const body of bodies) {
        const answer = await net.alice('POST', '/v2.0/subnets', {
          subnet: { network_id: own.id, ip_version: 4, ...body },
        })
        expect(answer.status, JSON.stringify([body, answer.body])).toBe(400)
      }
    })
  })

  describe('ports', () => {
    test('get a MAC, an address and the default group', async () => {
      const { network: own, subnet: sub } = await network4(net.alice, '10.5.0.0/24')
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
      const { network: own } = await network4(net.alice, '10.6.0.0/25')
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
      const { network: own } = await network4(net.alice, '10.14.0.0/29')
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
      const { network: own, subnet: sub } = await network4(net.alice, '10.7.0.0/24')
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
      const { network: own } = await network4(net.alice, 'fd00:1::/64', {
        ip_version: 6,
        ipv6_ra_mode: 'slaac',
        ipv6_address_mode: 'slaac',
      })
      const made = await make(net.admin, 'port', { network_id: own.id, mac_address: 'fa:16:3e:b3:e8:38' })
      expect(made.fixed_ips[0].ip_address).toBe('fd00:1::f816:3eff:feb3:e838')
    })

    test('of another project are not there, and a shared network takes ports of all', async () => {
      const { network: own } = await network4(net.admin, '10.10.0.0/24', {}, { shared: true })
      const made = await make(net.alice, 'port', { network_id: own.id })
      expect(refusal(await net.bob('GET', `/v2.0/ports/${made.id}`))).toEqual([404, 'PortNotFound'])
      const { network: hidden } = await network4(net.alice, '10.11.0.0/24')
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
      const { network: own } = await network4(net.alice, '10.12.0.0/24')
      const made = await make(net.alice, 'port', {
        network_id: own.id,
        allowed_address_pairs: [{ ip_address: '10.12.0.200' }],
        extra_dhcp_opts: [{ opt_name: 'tftp-server', opt_value: '10.0.0.1' }],
      })
      expect(made.allowed_address_pairs).toEqual([
        { ip_address: '10.12.0.200', mac_address: made.mac_address },
      ])
      expect(made.extra_dhcp_opts).toEqual([
        { opt_name: 'tftp-server', opt_value: '10.0.0.1', ip_version: 4 },
      ])
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

  describe('security groups', () => {
    test('each project has a default one that lets its members reach each other', async () => {
      const [group] = (await net.bob('GET', '/v2.0/security-groups')).body.security_groups
      expect(group.name).toBe('default')
      const rules = group.security_group_rules.map((each: Json) => [
        each.direction,
        each.ethertype,
        each.remote_group_id,
      ])
      expect(rules.sort()).toEqual([
        ['egress', 'IPv4', null],
        ['egress', 'IPv6', null],
        ['ingress', 'IPv4', group.id],
        ['ingress', 'IPv6', group.id],
      ])
      expect(refusal(await net.bob('DELETE', `/v2.0/security-groups/${group.id}`))).toEqual([
        409,
        'SecurityGroupCannotRemoveDefault',
      ])
    })

    test('no other takes the name of the default one, neither at first nor later', async () => {
      const group = await make(net.alice, 'security_group', { name: 'web' }, '/v2.0/security-groups')
      const named = { security_group: { name: 'Default' } }
      const taken = [409, 'SecurityGroupDefaultAlreadyExists']
      expect(refusal(await net.alice('POST', '/v2.0/security-groups', named))).toEqual(taken)
      expect(refusal(await net.alice('PUT', `/v2.0/security-groups/${group.id}`, named))).toEqual(taken)
    })

    test('rules are checked, and the same rule is refused however it is written', async () => {
      const group = await make(net.alice, 'security_group', { name: 'web' }, '/v2.0/security-groups')
      const ask = (rule: object) =>
        net.alice('POST', '/v2.0/security-group-rules', {
          security_group_rule: { security_group_id: group.id, direction: 'ingress', ...rule },
        })
      const made = await ask({
        protocol: 'tcp',
        port_range_min: 80,
        port_range_max: 80,
        remote_ip_prefix: '0.0.0.0/0',
      })
      expect(made.body.security_group_rule).toMatchObject({
        protocol: 'tcp',
        ethertype: 'IPv4',
        remote_ip_prefix: '0.0.0.0/0',
      })
      expect(refusal(await ask({ protocol: '6', port_range_min: 80, port_range_max: 80 }))).toEqual([
        409,
        'SecurityGroupRuleExists',
      ])
      expect(refusal(await ask({ port_range_min: 1, port_range_max: 2 }))).toEqual([
        400,
        'SecurityGroupProtocolRequiredWithPorts',
      ])
      expect(refusal(await ask({ protocol: 'tcp', port_range_min: 9, port_range_max: 2 }))).toEqual([
        400,
        'SecurityGroupInvalidPortRange',
      ])
      expect(refusal(await ask({ protocol: 'icmp', port_range_min: 256 }))).toEqual([
        400,
        'SecurityGroupInvalidIcmpValue',
      ])
      expect(refusal(await ask({ remote_ip_prefix: 'fd00::/64' }))).toEqual([
        400,
        'SecurityGroupRuleParameterConflict',
      ])
      expect(refusal(await ask({ remote_group_id: 'nothing' }))).toEqual([404, 'SecurityGroupNotFound'])
      expect((await ask({ protocol: 'nonsense' })).status).toBe(400)
      expect((await ask({ protocol: 'tcp', port_range_min: 2 ** 40, port_range_max: 2 ** 40 })).status).toBe(
        400,
      )
      const id = made.body.security_group_rule.id
      expect((await net.bob('DELETE', `/v2.0/security-group-rules/${id}`)).status).toBe(404)
      expect((await net.alice('DELETE', `/v2.0/security-group-rules/${id}`)).status).toBe(204)
    })

    test('stay while a port is in them', async () => {
      const group = await make(net.alice, 'security_group', { name: 'db' }, '/v2.0/security-groups')
      const { network: own } = await network4(net.alice, '10.13.0.0/24')
      const made = await make(net.alice, 'port', { network_id: own.id, security_groups: [group.id] })
      expect(refusal(await net.alice('DELETE', `/v2.0/security-groups/${group.id}`))).toEqual([
        409,
        'SecurityGroupInUse',
      ])
      await net.alice('DELETE', `/v2.0/ports/${made.id}`)
      expect((await net.alice('DELETE', `/v2.0/security-groups/${group.id}`)).status).toBe(204)
    })
  })
})

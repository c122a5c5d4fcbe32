// Subnets, as their users see them.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type TestNetwork, testNetwork } from './test-network.ts'
import { lan, make, refusal } from './test-object.ts'

let net: TestNetwork
beforeAll(async () => {
  net = await testNetwork({ quotaSecurityGroup: 100, quotaPort: 5000 })
})
afterAll(() => net.close())

describe('subnets', () => {
  test('without a word get the first address as gateway and all others as pool', async () => {
    const { subnet: made } = await lan(net.alice, '10.0.0.5/26')
    expect(made).toMatchObject({
      cidr: '10.0.0.0/26',
      gateway_ip: '10.0.0.1',
      enable_dhcp: true,
      ip_version: 4,
      allocation_pools: [{ start: '10.0.0.2', end: '10.0.0.62' }],
    })
  })

  test('a gateway at the end leaves a pool at the beginning', async () => {
    const { subnet: made } = await lan(net.alice, '10.0.0.64/26', { gateway_ip: '10.0.0.126' })
    expect(made.allocation_pools).toEqual([{ start: '10.0.0.65', end: '10.0.0.125' }])
    const none = await lan(net.alice, '10.1.0.0/24', { gateway_ip: null })
    expect(none.subnet.gateway_ip).toBeNull()
    expect(none.subnet.allocation_pools).toEqual([{ start: '10.1.0.1', end: '10.1.0.254' }])
  })

  test('may have several pools, added later too, that never overlap; addresses come from each', async () => {
    const { network: own, subnet: made } = await lan(net.alice, '192.168.56.0/24', {
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
    const { network: own } = await lan(net.alice, '10.9.0.0/24')
    const body = { subnet: { network_id: own.id, ip_version: 4, cidr: '10.9.0.128/25' } }
    expect(refusal(await net.alice('POST', '/v2.0/subnets', body))).toEqual([400, 'InvalidInput'])
    expect((await lan(net.bob, '10.9.0.0/24')).subnet.cidr).toBe('10.9.0.0/24')
  })

  test('stay while a port has an address of them', async () => {
    const { network: own, subnet: made } = await lan(net.alice, '10.2.0.0/24')
    const made1 = await make(net.alice, 'port', { network_id: own.id })
    expect(refusal(await net.alice('DELETE', `/v2.0/subnets/${made.id}`))).toEqual([409, 'SubnetInUse'])
    expect(refusal(await net.alice('DELETE', `/v2.0/networks/${own.id}`))).toEqual([409, 'NetworkInUse'])
    await net.alice('DELETE', `/v2.0/ports/${made1.id}`)
    expect((await net.alice('DELETE', `/v2.0/subnets/${made.id}`)).status).toBe(204)
    expect((await net.alice('DELETE', `/v2.0/networks/${own.id}`)).status).toBe(204)
  })

  test('never a 500 for a body that makes no sense', async () => {
    const { network: own } = await lan(net.alice, '10.3.0.0/24')
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

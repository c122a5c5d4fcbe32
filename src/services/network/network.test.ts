// Networks, as their users see them, and the tables of all that belongs to them.
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
import { make, refusal } from './test-object.ts'

let net: TestNetwork
beforeAll(async () => {
  net = await testNetwork({ quotaSecurityGroup: 100, quotaPort: 5000 })
})
afterAll(() => net.close())

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

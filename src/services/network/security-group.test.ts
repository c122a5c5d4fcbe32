// Security groups, as their users see them.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Json, type TestNetwork, testNetwork } from './test-network.ts'
import { lan, make, refusal } from './test-object.ts'

let net: TestNetwork
beforeAll(async () => {
  net = await testNetwork({ quotaSecurityGroup: 100, quotaPort: 5000 })
})
afterAll(() => net.close())

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
    const { network: own } = await lan(net.alice, '10.13.0.0/24')
    const made = await make(net.alice, 'port', { network_id: own.id, security_groups: [group.id] })
    expect(refusal(await net.alice('DELETE', `/v2.0/security-groups/${group.id}`))).toEqual([
      409,
      'SecurityGroupInUse',
    ])
    await net.alice('DELETE', `/v2.0/ports/${made.id}`)
    expect((await net.alice('DELETE', `/v2.0/security-groups/${group.id}`)).status).toBe(204)
  })
})

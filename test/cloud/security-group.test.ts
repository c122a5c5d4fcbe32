import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Session } from '#cli/openstack.ts'
import { type TestCloud, testCloud } from './test-cloud.ts'

let cloud: TestCloud
beforeAll(async () => {
  cloud = await testCloud({ hosts: 0 })
})
afterAll(() => cloud?.stop())

const at = (version: string) => ({
  'openstack-api-version': `compute ${version}`,
  'x-openstack-nova-api-version': version,
})
const ask = (session: Session, path: string, version = '2.1') =>
  session.call<{ security_group: Record<string, unknown>; security_groups: { name: string }[] }>('compute', {
    path: `/os-security-groups${path}`,
    headers: at(version),
  })

test('old clients look security groups up in compute, by name or id, until 2.35', async () => {
  const member = await cloud.project()
  const { security_group: group } = await member.call<{ security_group: { id: string } }>('network', {
    method: 'POST',
    path: '/v2.0/security-groups',
    body: { security_group: { name: 'web', description: 'Lets the web in' } },
  })
  await member.call('network', {
    method: 'POST',
    path: '/v2.0/security-group-rules',
    body: {
      security_group_rule: {
        ...{ security_group_id: group.id, direction: 'ingress', ethertype: 'IPv4', protocol: 'tcp' },
        ...{ port_range_min: 80, port_range_max: 80, remote_ip_prefix: '10.0.0.0/8' },
      },
    },
  })
  const { security_group: shown } = await ask(member, '/web')
  expect(shown).toEqual({
    id: group.id,
    name: 'web',
    description: 'Lets the web in',
    tenant_id: member.projectId,
    rules: [
      expect.objectContaining({
        ...{ ip_protocol: 'tcp', from_port: 80, to_port: 80, parent_group_id: group.id },
        ...{ ip_range: { cidr: '10.0.0.0/8' }, group: {} },
      }),
    ],
  })
  expect((await ask(member, `/${group.id}`)).security_group).toEqual(shown)
  expect((await ask(member, '')).security_groups.map(({ name }) => name).sort()).toEqual(['default', 'web'])
  await expect(ask(member, '', '2.36')).rejects.toMatchObject({ kind: 'notFound' })

  const stranger = await cloud.project()
  await expect(ask(stranger, `/${group.id}`)).rejects.toMatchObject({ kind: 'notFound' })
  await expect(ask(stranger, '/web')).rejects.toMatchObject({ kind: 'notFound' })
})

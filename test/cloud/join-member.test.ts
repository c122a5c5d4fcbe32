// What a host that joined may do, and nothing else: run servers, have tokens for them, renew its certificate.
import { X509Certificate } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hosts as hostsContract } from '#contracts/host.ts'
import { silentLog } from '#kit/log/log.ts'
import { virtualWorld } from '#kit/world/virtual.ts'
import { renewIfDue } from '#main/host-certificate.ts'
import { bootServer, prepareBoot } from './test-boot.ts'
import { type TestJoin, testJoin } from './test-join.ts'

let site: TestJoin
beforeAll(async () => {
  site = await testJoin()
  await site.cloud.startJoined('node2', (await site.joinAnew('node2')).bus)
})
afterAll(() => site.stop())

describe('a member', () => {
  test('runs servers, with service tokens that come over the bus', async () => {
    const user = await site.cloud.project()
    const parts = await prepareBoot(site.cloud, user)
    await site.put('/hosts/node1/disable', { reason: 'so that the other one is taken' })
    try {
      const server = await bootServer(site.cloud, user, parts)
      expect(server).toMatchObject({ status: 'ACTIVE' })
      expect(await site.shown('node2')).toMatchObject({ servers: 1 })
      // With a volume of the host's own and a further card, each fetched with its token.
      const { volume } = await user.call<{ volume: { id: string } }>('block-storage', {
        method: 'POST',
        path: '/volumes',
        body: { volume: { size: 1, imageRef: parts.imageId } },
      })
      await site.cloud.settle()
      const attach = (path: string, body: object) =>
        user.call('compute', { method: 'POST', path: `/servers/${server.id}/${path}`, body })
      await attach('os-volume_attachments', { volumeAttachment: { volumeId: volume.id } })
      await attach('os-interface', { interfaceAttachment: { net_id: parts.networkId } })
      await site.cloud.settle()
      expect(await user.call('block-storage', { path: `/volumes/${volume.id}` })).toMatchObject({
        volume: { status: 'in-use' },
      })
      const guests = site.cloud.hosts.find(({ name }) => name === 'node2')!.virt
      expect((await guests.list()).map(({ id }) => id)).toContain(server.id)
      const { interfaceAttachments: cards } = await user.call<{
        interfaceAttachments: { port_state: string }[]
      }>('compute', { path: `/servers/${server.id}/os-interface` })
      expect(cards.map(({ port_state }) => port_state)).toEqual(['ACTIVE', 'ACTIVE'])
      await expect(site.remove('node2')).rejects.toMatchObject({
        kind: 'conflict',
        message: expect.stringContaining('1 server, 2 ports'),
      })
      // As it was before: it takes servers again.
      expect(await site.shown('node2')).toMatchObject({ status: 'enabled', state: 'up' })
      await user.call('compute', { method: 'DELETE', path: `/servers/${server.id}` })
      await site.cloud.settle()
      expect(await site.shown('node2')).toMatchObject({ servers: 0 })
    } finally {
      await site.put('/hosts/node1/enable')
    }
  })

  test('has a token for what its servers need, and for nothing else', async () => {
    const { bus: login } = await site.joinAnew('node21')
    const bus = await site.busOf(login)
    const trace = site.cloud.platform.journal.newTrace()
    const { token } = await bus.caller(hostsContract, 'test').serviceToken({ host: 'node21' }, { trace })
    const member = await site.cloud.project()
    const parts = await prepareBoot(site.cloud, member)
    const { volume } = await member.call<{ volume: { id: string } }>('block-storage', {
      method: 'POST',
      path: '/volumes',
      body: { volume: { size: 1 } },
    })
    await site.cloud.settle()
    const { attachment } = await member.call<{ attachment: { id: string } }>('block-storage', {
      method: 'POST',
      path: '/attachments',
      headers: { 'openstack-api-version': 'volume 3.44' },
      body: { attachment: { volume_uuid: volume.id, instance_uuid: '00000000-0000-4000-8000-000000000001' } },
    })
    const paths = {
      identity: '/v3',
      compute: '/v2.1',
      volume: '/v3',
      image: '',
      network: '',
      placement: '',
      hosts: '/v1',
    }
    const ask = async (type: keyof typeof paths, method: string, path: string, body?: object) => {
      const headers = { 'x-auth-token': token, 'openstack-api-version': 'volume 3.44' }
      const url = site.cloud.platform.endpoint(type) + paths[type] + path
      return (await site.cloud.http.request({ method, url, headers, body })).status
    }
    expect(await ask('image', 'GET', `/v2/images/${parts.imageId}/file`)).toBe(200)
    expect(await ask('network', 'GET', `/v2.0/networks/${parts.networkId}`)).toBe(200)
    const connect = (host: string) =>
      ask('volume', 'PUT', `/attachments/${attachment.id}`, { attachment: { connector: { host } } })
    expect(await connect('node1')).toBe(403)
    expect(await connect('node21')).toBe(200)

    const user = { name: 'intruder', domain_id: 'default' }
    const closed = [
      ['identity', 'GET', '/users'],
      ['identity', 'POST', '/users', { user }],
      ['compute', 'GET', '/servers/detail?all_tenants=1'],
      ['compute', 'POST', '/flavors', { flavor: { name: 'x', ram: 1, vcpus: 1, disk: 1 } }],
      ['compute', 'GET', '/os-services'],
      ['volume', 'GET', `/volumes/${volume.id}`],
      ['volume', 'DELETE', `/volumes/${volume.id}`],
      ['volume', 'DELETE', `/attachments/${attachment.id}`],
      ['image', 'DELETE', `/v2/images/${parts.imageId}`],
      ['image', 'POST', `/v2/images/${parts.imageId}/actions/deactivate`],
      ['network', 'DELETE', `/v2.0/networks/${parts.networkId}`],
      ['network', 'PUT', `/v2.0/networks/${parts.networkId}`, { network: { name: 'x' } }],
      ['placement', 'GET', '/resource_providers'],
      ['hosts', 'POST', '/join-tokens', { join_token: {} }],
    ] as const
    for (const [type, method, path, body] of closed)
      expect([403, 404], `${method} ${type} ${path}`).toContain(await ask(type, method, path, body))
    await bus.close()
    await site.remove('node21')
  })

  test('loses at its next token what hosts of earlier releases might do', async () => {
    const { bus: login } = await site.joinAnew('node22')
    const of = async <K extends 'users' | 'projects' | 'roles'>(kind: K, name: string) => {
      const found = await site.cloud.admin.call<Record<K, { id: string }[]>>('identity', {
        path: `/${kind}?name=${name}`,
      })
      return found[kind][0]!.id
    }
    const [user, project] = [await of('users', 'agent-node22'), await of('projects', 'service')]
    const roles = async () => {
      const path = `/role_assignments?user.id=${user}&scope.project.id=${project}&include_names=1`
      const found = await site.cloud.admin.call<{ role_assignments: { role: { name: string } }[] }>(
        'identity',
        {
          path,
        },
      )
      return found.role_assignments.map(({ role }) => role.name)
    }
    expect(await roles()).toEqual(['nimbo_host'])
    const path = `/projects/${project}/users/${user}/roles/${await of('roles', 'admin')}`
    await site.cloud.admin.call('identity', { method: 'PUT', path })
    const bus = await site.busOf(login)
    const trace = site.cloud.platform.journal.newTrace()
    await bus.caller(hostsContract, 'test').serviceToken({ host: 'node22' }, { trace })
    expect(await roles()).toEqual(['nimbo_host'])
    await bus.close()
    await site.remove('node22')
  })

  test('asks in its own name alone', async () => {
    const { bus: login } = await site.joinAnew('node10')
    const bus = await site.busOf(login)
    const ask = bus.caller(hostsContract, 'test')
    const trace = site.cloud.platform.journal.newTrace()
    expect(await ask.serviceToken({ host: 'node10' }, { trace })).toMatchObject({ token: expect.any(String) })
    for (const host of ['node2', 'node1']) {
      await expect(ask.serviceToken({ host }, { trace })).rejects.toMatchObject({ kind: 'forbidden' })
      await expect(ask.leave({ host, force: true }, { trace })).rejects.toMatchObject({ kind: 'forbidden' })
    }
    await bus.close()
    await site.remove('node10')
  })

  test('renews its certificate before it ends, with its own key', async () => {
    const joined = await site.joinAnew('node11')
    const { world } = site.cloud
    const files = {
      member: '',
      authority: `${site.folder}/node11-ca.pem`,
      certificate: `${site.folder}/node11.pem`,
      key: `${site.folder}/node11.key`,
    }
    await world.files.write(files.certificate, joined.certificate)
    const bus = await site.busOf(joined.bus)
    const journal = site.cloud.platform.journal
    const renewAfter = (days: number) => {
      const later = virtualWorld({ now: world.clock.now() + days * 86_400_000 })
      return renewIfDue({ world: later, log: silentLog, journal, bus, host: 'node11', files })
    }
    await renewAfter(59)
    expect(await world.files.readText(files.certificate)).toBe(joined.certificate)
    await renewAfter(61)
    const [before, after] = [joined.certificate, await world.files.readText(files.certificate)].map(
      (pem) => new X509Certificate(pem),
    )
    expect(after!.serialNumber).not.toBe(before!.serialNumber)
    expect(after!.publicKey.equals(before!.publicKey)).toBe(true)
    expect(after!.subject).toBe('CN=node11')
    await bus.close()
    await site.remove('node11')
  })
})

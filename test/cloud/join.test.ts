// Hosts that join over the API: tokens good and bad, what a member may do, and that a removed one is out at once.
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Session } from '#cli/openstack.ts'
import { hosts as hostsContract } from '#contracts/host.ts'
import { openBus } from '#kit/bus/client.ts'
import { fingerprintOf } from '#kit/certificate/authority.ts'
import { makeKey, makeRequest } from '#kit/certificate/openssl.ts'
import { silentLog } from '#kit/log/log.ts'
import { virtualWorld } from '#kit/world/virtual.ts'
import type { BusLogin } from '#main/bus-access.ts'
import { renewIfDue } from '#main/host-certificate.ts'
import { fingerprintIn } from '#main/join-token.ts'
import { askForServer, type Parts, prepareBoot, type Server } from './test-boot.ts'
import { type TestCloud, testCloud } from './test-cloud.ts'

type Joined = { status: number; certificate: string; authority: string; bus: BusLogin; message: string }
type Shown = {
  name: string
  address: string
  state: string
  status: string
  servers: number
  own: boolean
  services: unknown[]
}

let cloud: TestCloud
let folder: string
beforeAll(async () => {
  cloud = await testCloud({ hosts: 1 })
  folder = mkdtempSync(`${tmpdir()}/nimbo-join-`)
})
afterAll(async () => {
  await cloud.stop()
  rmSync(folder, { recursive: true })
})

async function createToken(wish: { ttl?: number; host?: string } = {}) {
  const answer = await cloud.admin.call<{ join_token: { id: string; token: string } }>('hosts', {
    method: 'POST',
    path: '/join-tokens',
    body: { join_token: wish },
  })
  return answer.join_token
}

async function requestOf(name: string): Promise<string> {
  const key = `${folder}/${name}.key`
  if (!(await cloud.world.files.exists(key))) await makeKey(cloud.world, key)
  return makeRequest(cloud.world, key, name)
}

async function join(token: string, name: string, change: Record<string, unknown> = {}): Promise<Joined> {
  const fields = { token, name, request: await requestOf(name), address: '192.0.2.7', version: '0.1.0' }
  const url = `${cloud.platform.endpoint('hosts')}/v1/hosts`
  const answer = await cloud.http.request({ method: 'POST', url, body: { join: { ...fields, ...change } } })
  const body = answer.body as Joined & { error?: { message: string } }
  return { ...body, status: answer.status, message: body.error?.message ?? '' }
}

async function listHosts(): Promise<Shown[]> {
  return (await cloud.admin.call<{ hosts: Shown[] }>('hosts', { path: '/hosts' })).hosts
}
const shown = async (name: string) => (await listHosts()).find((each) => each.name === name)

const put = (path: string, body?: object) => cloud.admin.call('hosts', { method: 'PUT', path, body })
const remove = (name: string, force = false) =>
  cloud.admin.call('hosts', { method: 'DELETE', path: `/hosts/${name}${force ? '?force=true' : ''}` })

/** A line of one's own to the bus, as whoever has these words would have it. */
async function busOf(login: BusLogin, patienceMs?: number) {
  const journal = cloud.platform.journal
  const options = { world: cloud.world, log: silentLog, journal, name: 'test', patienceMs }
  return openBus({ ...options, ...cloud.lineOf(login) })
}

async function expectNoWayIn(login: BusLogin): Promise<void> {
  const refused = expect(busOf(login, 2_000)).rejects.toMatchObject({ kind: 'unavailable' })
  await cloud.world.advance(3_000)
  await refused
}

async function boot(user: Session, parts: Parts): Promise<Server> {
  const id = await askForServer(user, parts)
  await cloud.settle()
  return (await user.call<{ server: Server }>('compute', { path: `/servers/${id}` })).server
}

describe('a join token', () => {
  test('lets one host in, which is then up with all its services', async () => {
    const { token, id } = await createToken()
    const joined = await join(token, 'node2')
    expect(joined.status).toBe(201)
    expect(fingerprintOf(joined.authority)).toBe(fingerprintIn(token))
    const certificate = new X509Certificate(joined.certificate)
    expect(certificate.subject).toBe('CN=node2')
    expect(certificate.subjectAltName).toBe('DNS:node2')
    expect(certificate.verify(new X509Certificate(joined.authority).publicKey)).toBe(true)
    await cloud.startJoined('node2', joined.bus)
    expect(await shown('node2')).toMatchObject({ state: 'up', status: 'enabled', own: false, servers: 0 })
    expect((await shown('node2'))!.services).toHaveLength(6)
    expect((await shown('node2'))!.address).toBe('10.9.0.1')
    expect(await shown('node1')).toMatchObject({ state: 'up', own: true })
    const { join_tokens: tokens } = await cloud.admin.call<{ join_tokens: { id: string }[] }>('hosts', {
      path: '/join-tokens',
    })
    const listed = tokens.find((each) => each.id === id)
    expect(listed).toMatchObject({ status: 'used', used_by: 'node2' })
    // The secret is told once.
    expect(JSON.stringify(tokens)).not.toContain(token.split('.')[2])
  })

  test('is kept as a hash, and told to no journal', async () => {
    const { token } = await createToken()
    const secret = token.split('.')[2]!
    await join(token, 'node-journal')
    await cloud.settle()
    expect(JSON.stringify(cloud.events())).not.toContain(secret)
    await remove('node-journal')
  })

  test('holds once: not for another host, nor for another key under the same name', async () => {
    const { token } = await createToken()
    expect((await join(token, 'node3')).status).toBe(201)
    expect(await join(token, 'node4')).toMatchObject({ status: 401 })
    expect(await join(token, 'node3', { request: await requestOf('other-key') })).toMatchObject({
      status: 401,
    })
    // The same host may ask again: the first answer may have been lost.
    const again = await join(token, 'node3')
    expect(again).toMatchObject({ status: 201, bus: { user: 'agent@node3' } })
    await remove('node3')
  })

  test('of two hosts that use it at the same time, lets in one', async () => {
    const { token } = await createToken()
    const both = await Promise.all([join(token, 'node5'), join(token, 'node6')])
    expect(both.map(({ status }) => status).sort()).toEqual([201, 401])
    await remove(both[0].status === 201 ? 'node5' : 'node6')
  })

  test('is refused when forged, unknown, revoked, malformed or for another host', async () => {
    const { token, id } = await createToken()
    const [, , secret, fingerprint] = token.split('.')
    const forged = [`nimbo1.${id}.${secret!.replace(/^./, (c) => (c === 'A' ? 'B' : 'A'))}.${fingerprint}`]
    const unknown = [
      `nimbo1.0000000000.${secret}.${fingerprint}`,
      'nimbo1',
      `${id}.${secret}`,
      'x'.repeat(200),
    ]
    for (const bad of [...forged, ...unknown])
      expect(await join(bad, 'node7'), bad).toMatchObject({ status: 401 })
    const meant = await createToken({ host: 'node8' })
    expect(await join(meant.token, 'node7')).toMatchObject({ status: 403 })
    await cloud.admin.call('hosts', { method: 'DELETE', path: `/join-tokens/${id}` })
    expect(await join(token, 'node7')).toMatchObject({ status: 401 })
    expect(await shown('node7')).toBeUndefined()
  })

  test('ends by itself', async () => {
    const { token } = await createToken({ ttl: 60 })
    await cloud.world.advance(61_000)
    expect(await join(token, 'node7')).toMatchObject({ status: 401 })
  })

  test('is made, listed and revoked by administrators alone', async () => {
    const member = await cloud.project()
    for (const [method, path] of [
      ['GET', '/join-tokens'],
      ['POST', '/join-tokens'],
      ['DELETE', '/join-tokens/1'],
      ['GET', '/hosts'],
      ['PUT', '/hosts/node1/disable'],
      ['DELETE', '/hosts/node1'],
    ] as const) {
      const body = method === 'POST' ? { join_token: {} } : method === 'PUT' ? {} : undefined
      await expect(member.call('hosts', { method, path, body }), path).rejects.toMatchObject({
        kind: 'forbidden',
      })
    }
  })
})

describe('joining', () => {
  test('takes no name that a host of the cloud has, nor one that is none', async () => {
    const { token } = await createToken()
    for (const taken of ['node1', 'node2'])
      expect(await join(token, taken)).toMatchObject({
        status: 409,
        message: expect.stringContaining('--name'),
      })
    for (const bad of ['', '-x', 'a b', 'a/b', '../x', 'x'.repeat(65)])
      expect(await join(token, 'fine', { name: bad }), bad).toMatchObject({ status: 400 })
    // Its certificate must not pass for the controller's.
    for (const foreign of ['cloud.test', 'CLOUD.test', '192.0.2.1'])
      expect(await join(token, foreign), foreign).toMatchObject({ status: 409 })
    expect(await join(token, 'fine', { request: 'no request' })).toMatchObject({ status: 400 })
    // All these left it good.
    expect(await join(token, 'fine')).toMatchObject({ status: 201 })
    await remove('fine')
  })

  test('in the place of a host that is down needs a token that was made for it', async () => {
    const first = await join((await createToken()).token, 'node9')
    const host = await cloud.startJoined('node9', first.bus)
    await host.host.stop()
    await cloud.world.advance(120_000)
    expect(await shown('node9')).toMatchObject({ state: 'down' })
    expect(await join((await createToken()).token, 'node9')).toMatchObject({
      status: 409,
      message: expect.stringContaining('nimbo token create --host node9'),
    })
    const second = await join((await createToken({ host: 'node9' })).token, 'node9')
    expect(second.status).toBe(201)
    // What the first one knew is good for nothing any more.
    await expectNoWayIn(first.bus)
    await (await busOf(second.bus)).close()
    await remove('node9')
  })
})

describe('a member', () => {
  test('runs servers, with service tokens that come over the bus', async () => {
    const user = await cloud.project()
    const parts = await prepareBoot(cloud, user)
    await put('/hosts/node1/disable', { reason: 'so that the other one is taken' })
    try {
      const server = await boot(user, parts)
      expect(server).toMatchObject({ status: 'ACTIVE' })
      expect(await shown('node2')).toMatchObject({ servers: 1 })
      // With a volume of the host's own and a further card, each fetched with its token.
      const { volume } = await user.call<{ volume: { id: string } }>('block-storage', {
        method: 'POST',
        path: '/volumes',
        body: { volume: { size: 1, imageRef: parts.imageId } },
      })
      await cloud.settle()
      const attach = (path: string, body: object) =>
        user.call('compute', { method: 'POST', path: `/servers/${server.id}/${path}`, body })
      await attach('os-volume_attachments', { volumeAttachment: { volumeId: volume.id } })
      await attach('os-interface', { interfaceAttachment: { net_id: parts.networkId } })
      await cloud.settle()
      expect(await user.call('block-storage', { path: `/volumes/${volume.id}` })).toMatchObject({
        volume: { status: 'in-use' },
      })
      const guests = cloud.hosts.find(({ name }) => name === 'node2')!.virt
      expect((await guests.list()).map(({ id }) => id)).toContain(server.id)
      const { interfaceAttachments: cards } = await user.call<{
        interfaceAttachments: { port_state: string }[]
      }>('compute', { path: `/servers/${server.id}/os-interface` })
      expect(cards.map(({ port_state }) => port_state)).toEqual(['ACTIVE', 'ACTIVE'])
      await expect(remove('node2')).rejects.toMatchObject({
        kind: 'conflict',
        message: expect.stringContaining('1 server, 2 ports'),
      })
      // As it was before: it takes servers again.
      expect(await shown('node2')).toMatchObject({ status: 'enabled', state: 'up' })
      await user.call('compute', { method: 'DELETE', path: `/servers/${server.id}` })
      await cloud.settle()
      expect(await shown('node2')).toMatchObject({ servers: 0 })
    } finally {
      await put('/hosts/node1/enable')
    }
  })

  test('has a token for what its servers need, and for nothing else', async () => {
    const { bus: login } = await join((await createToken()).token, 'node21')
    const bus = await busOf(login)
    const trace = cloud.platform.journal.newTrace()
    const { token } = await bus.caller(hostsContract, 'test').serviceToken({ host: 'node21' }, { trace })
    const member = await cloud.project()
    const parts = await prepareBoot(cloud, member)
    const { volume } = await member.call<{ volume: { id: string } }>('block-storage', {
      method: 'POST',
      path: '/volumes',
      body: { volume: { size: 1 } },
    })
    await cloud.settle()
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
      const url = cloud.platform.endpoint(type) + paths[type] + path
      return (await cloud.http.request({ method, url, headers, body })).status
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
    await remove('node21')
  })

  test('loses at its next token what hosts of earlier releases might do', async () => {
    const { bus: login } = await join((await createToken()).token, 'node22')
    const of = async <K extends 'users' | 'projects' | 'roles'>(kind: K, name: string) => {
      const found = await cloud.admin.call<Record<K, { id: string }[]>>('identity', {
        path: `/${kind}?name=${name}`,
      })
      return found[kind][0]!.id
    }
    const [user, project] = [await of('users', 'agent-node22'), await of('projects', 'service')]
    const roles = async () => {
      const path = `/role_assignments?user.id=${user}&scope.project.id=${project}&include_names=1`
      const found = await cloud.admin.call<{ role_assignments: { role: { name: string } }[] }>('identity', {
        path,
      })
      return found.role_assignments.map(({ role }) => role.name)
    }
    expect(await roles()).toEqual(['nimbo_host'])
    const path = `/projects/${project}/users/${user}/roles/${await of('roles', 'admin')}`
    await cloud.admin.call('identity', { method: 'PUT', path })
    const bus = await busOf(login)
    const trace = cloud.platform.journal.newTrace()
    await bus.caller(hostsContract, 'test').serviceToken({ host: 'node22' }, { trace })
    expect(await roles()).toEqual(['nimbo_host'])
    await bus.close()
    await remove('node22')
  })

  test('asks in its own name alone', async () => {
    const { bus: login } = await join((await createToken()).token, 'node10')
    const bus = await busOf(login)
    const ask = bus.caller(hostsContract, 'test')
    const trace = cloud.platform.journal.newTrace()
    expect(await ask.serviceToken({ host: 'node10' }, { trace })).toMatchObject({ token: expect.any(String) })
    for (const host of ['node2', 'node1']) {
      await expect(ask.serviceToken({ host }, { trace })).rejects.toMatchObject({ kind: 'forbidden' })
      await expect(ask.leave({ host, force: true }, { trace })).rejects.toMatchObject({ kind: 'forbidden' })
    }
    await bus.close()
    await remove('node10')
  })

  test('renews its certificate before it ends, with its own key', async () => {
    const joined = await join((await createToken()).token, 'node11')
    const { world } = cloud
    const files = {
      member: '',
      authority: `${folder}/node11-ca.pem`,
      certificate: `${folder}/node11.pem`,
      key: `${folder}/node11.key`,
    }
    await world.files.write(files.certificate, joined.certificate)
    const bus = await busOf(joined.bus)
    const journal = cloud.platform.journal
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
    await remove('node11')
  })

  test('leaves by itself, and is told so before its line is cut', async () => {
    const { bus: login } = await join((await createToken()).token, 'node12')
    const host = await cloud.startJoined('node12', login)
    const bus = await busOf(login)
    const trace = cloud.platform.journal.newTrace()
    expect(
      await bus.caller(hostsContract, 'test').leave({ host: 'node12', force: false }, { trace }),
    ).toEqual({
      left: true,
    })
    await cloud.world.advance(5_000)
    await cloud.settle()
    expect(await shown('node12')).toBeUndefined()
    await host.host.stop()
    await bus.close()
  })
})

describe('a host that was removed', () => {
  test('is out at once: its line is cut, its token is void, its services are gone', async () => {
    const { bus: login } = await join((await createToken()).token, 'node13')
    const host = await cloud.startJoined('node13', login)
    const bus = await busOf(login)
    const trace = cloud.platform.journal.newTrace()
    const { token } = await bus.caller(hostsContract, 'test').serviceToken({ host: 'node13' }, { trace })
    const askNetwork = () =>
      cloud.http.request({
        method: 'GET',
        url: `${cloud.platform.endpoint('network')}/v2.0/networks`,
        headers: { 'x-auth-token': token },
      })
    expect((await askNetwork()).status).toBe(200)
    await remove('node13')
    expect((await askNetwork()).status).toBe(401)
    await cloud.settle()
    expect(bus.connected).toBe(false)
    await expectNoWayIn(login)
    expect(await shown('node13')).toBeUndefined()
    const { agents } = await cloud.admin.call<{ agents: { host: string }[] }>('network', {
      path: '/v2.0/agents',
    })
    expect(agents.map((agent) => agent.host)).not.toContain('node13')
    const { resource_providers: providers } = await cloud.admin.call<{
      resource_providers: { name: string }[]
    }>('placement', { path: '/resource_providers' })
    expect(providers.map((provider) => provider.name)).not.toContain('node13')
    await bus.close()
    await host.host.stop()
  })

  test('by force leaves its servers in ERROR; they can be deleted, and then nothing of it is left', async () => {
    const { bus: login } = await join((await createToken()).token, 'node14')
    const host = await cloud.startJoined('node14', login)
    const user = await cloud.project()
    const parts = await prepareBoot(cloud, user)
    for (const other of ['node1', 'node2']) await put(`/hosts/${other}/disable`, {})
    const server = await boot(user, parts)
    for (const other of ['node1', 'node2']) await put(`/hosts/${other}/enable`)
    expect(await remove('node14', true)).toEqual({ host: { name: 'node14', status: 'removing' } })
    expect(await shown('node14')).toMatchObject({ state: 'down', status: 'removing', servers: 1 })
    const { server: failed } = await user.call<{ server: { status: string } }>('compute', {
      path: `/servers/${server.id}`,
    })
    expect(failed.status).toBe('ERROR')
    await user.call('compute', { method: 'DELETE', path: `/servers/${server.id}` })
    await cloud.settle()
    await cloud.world.advance(61_000)
    await cloud.settle()
    expect(await shown('node14')).toBeUndefined()
    await host.host.stop()
    // Its name is free again.
    expect(await join((await createToken()).token, 'node14')).toMatchObject({ status: 201 })
    await remove('node14')
  })

  test("can't be the cloud's own host, nor one that never was", async () => {
    await expect(remove('node1', true)).rejects.toMatchObject({ kind: 'conflict' })
    await expect(remove('nobody')).rejects.toMatchObject({ kind: 'notFound' })
  })
})

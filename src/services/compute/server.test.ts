// Servers through the API: made, shown, listed, changed, ordered about and deleted, on hosts that answer in memory.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { conductor as contract } from '#contracts/compute.ts'
import { projectId, type TestCompute, testCompute } from './test-compute.ts'

let compute: TestCompute
beforeAll(async () => {
  compute = await testCompute({ hosts: 2, config: { quotaInstances: -1, quotaCores: -1, quotaRam: -1 } })
})
afterAll(() => compute.stop())

const show = async (id: string, version = '2.93', token = 'member') =>
  (await compute.as(token, version)('GET', `/v2.1/servers/${id}`)).body.server
const act = (id: string, body: unknown, token = 'member', version?: string) =>
  compute.as(token, version)('POST', `/v2.1/servers/${id}/action`, body)
const create = async (given: object = {}, token = 'member', version = '2.93') => {
  const server = {
    name: 'vm',
    flavorRef: await compute.flavor(),
    imageRef: compute.image(),
    networks: 'none',
    ...given,
  }
  return compute.as(token, version)('POST', '/v2.1/servers', { server })
}
const ids = (answer: { body: { servers: { id: string }[] } }) => answer.body.servers.map((each) => each.id)

describe('a new server', () => {
  it('is also made at the old address for servers that boot from a volume', async () => {
    const server = {
      name: 'old',
      flavorRef: await compute.flavor(),
      imageRef: compute.image(),
      networks: 'none',
    }
    const answer = await compute.as('member', '2.37')('POST', '/v2.1/os-volumes_boot', { server })
    expect(answer.status).toBe(202)
    await compute.world.settle()
    const { body } = await compute.as('member')('GET', `/v2.1/os-volumes_boot/${answer.body.server.id}`)
    expect(body.server).toMatchObject({ name: 'old', status: 'ACTIVE' })
    await compute.as('member')('DELETE', `/v2.1/os-volumes_boot/${answer.body.server.id}`)
    await compute.world.settle()
  })

  it('is answered at once and becomes ACTIVE with its ports', async () => {
    const network = compute.network({ name: 'blue' })
    const answer = await create({
      name: 'hello',
      networks: [{ uuid: network }],
      security_groups: [{ name: 'web' }],
    })
    expect(answer.status).toBe(202)
    expect(Object.keys(answer.body.server).sort()).toEqual([
      'OS-DCF:diskConfig',
      'adminPass',
      'id',
      'links',
      'security_groups',
    ])
    const { id } = answer.body.server
    expect(await show(id)).toMatchObject({
      status: 'BUILD',
      'OS-EXT-STS:vm_state': 'building',
      addresses: {},
    })
    await compute.world.settle()
    const [port] = [...compute.peers.ports.values()].filter((each) => each.device_id === id)
    expect(port).toMatchObject({
      network_id: network,
      project_id: projectId,
      device_owner: 'compute:nova',
      security_groups: [compute.peers.groups[0]!.id],
    })
    expect(await show(id)).toMatchObject({
      status: 'ACTIVE',
      'OS-EXT-STS:power_state': 1,
      'OS-EXT-STS:task_state': null,
      'OS-EXT-AZ:availability_zone': 'nova',
      'OS-EXT-SRV-ATTR:hostname': 'hello',
      security_groups: [{ name: 'web' }],
      addresses: {
        blue: [
          {
            version: 4,
            addr: port!.fixed_ips[0]!.ip_address,
            'OS-EXT-IPS:type': 'fixed',
            'OS-EXT-IPS-MAC:mac_addr': port!.mac_address,
          },
        ],
      },
    })
    expect(compute.peers.consumers.get(id)?.resources).toEqual({ VCPU: 1, MEMORY_MB: 512, DISK_GB: 1 })
    const events = compute.bus.notifications.filter((each) => each.payload.instance_id === id)
    expect(events.map((each) => each.eventType)).toEqual([
      'compute.instance.create.start',
      'compute.instance.create.end',
    ])
  })

  it('shows its host and its name there to administrators alone', async () => {
    const { id } = await compute.server()
    expect(await show(id)).not.toHaveProperty('OS-EXT-SRV-ATTR:host')
    const seen = await show(id, '2.93', 'admin')
    expect(seen['OS-EXT-SRV-ATTR:host']).toMatch(/^node[12]$/)
    expect(seen['OS-EXT-SRV-ATTR:instance_name']).toMatch(/^instance-[0-9a-f]{8}$/)
    expect(seen.host_status).toBe('UP')
  })

  it('has the shape of each version', async () => {
    const { id } = await compute.server({ tags: ['a'], description: 'words' })
    const keys = async (version: string) => Object.keys(await show(id, version))
    expect(await keys('2.1')).not.toEqual(expect.arrayContaining(['locked']))
    expect(await keys('2.9')).toContain('locked')
    expect(await keys('2.18')).not.toContain('description')
    expect((await show(id, '2.19')).description).toBe('words')
    expect((await show(id, '2.26')).tags).toEqual(['a'])
    expect((await show(id, '2.46')).flavor).toHaveProperty('links')
    expect((await show(id, '2.47')).flavor).toMatchObject({
      vcpus: 1,
      ram: 512,
      disk: 1,
      swap: 0,
      extra_specs: {},
    })
    expect(await show(id, '2.63')).toHaveProperty('trusted_image_certificates', null)
    expect(await show(id, '2.71')).toHaveProperty('server_groups', [])
    expect(await show(id, '2.73')).toHaveProperty('locked_reason', null)
    expect(await keys('2.89')).not.toContain('OS-EXT-SRV-ATTR:hostname')
    expect(await keys('2.90')).toContain('OS-EXT-SRV-ATTR:hostname')
  })

  it('lands on the host that an administrator names (row 90)', async () => {
    for (const name of ['node1', 'node2']) {
      const { id } = await compute.server({ availability_zone: `nova:${name}` }, 'admin')
      expect((await show(id, '2.93', 'admin'))['OS-EXT-SRV-ATTR:host']).toBe(name)
    }
    const other = await create({ availability_zone: 'nova:node9' }, 'admin')
    expect(other).toMatchObject({
      status: 400,
      body: { badRequest: { message: 'Compute host node9 could not be found.' } },
    })
    expect((await create({ availability_zone: 'nova:node1' })).status).toBe(403)
    expect((await create({ availability_zone: 'elsewhere' })).body.badRequest.message).toBe(
      'The requested availability zone is not available',
    )
  })

  it('comes in numbers, with a reservation', async () => {
    const answer = await create({ name: 'many', min_count: 2, max_count: 3, return_reservation_id: true })
    expect(answer.body.reservation_id).toMatch(/^r-[a-z0-9]{8}$/)
    await compute.world.settle()
    const list = await compute.call(
      'GET',
      `/v2.1/servers/detail?reservation_id=${answer.body.reservation_id}`,
    )
    expect(
      list.body.servers.map((each: { name: string; status: string }) => [each.name, each.status]),
    ).toEqual([
      ['many-3', 'ACTIVE'],
      ['many-2', 'ACTIVE'],
      ['many-1', 'ACTIVE'],
    ])
  })

  it('takes a port of the user, and gives it back', async () => {
    const network = compute.network()
    const port = {
      id: compute.world.random.uuid(),
      network_id: network,
      project_id: projectId,
      device_id: '',
      device_owner: '',
      status: 'DOWN',
      mac_address: 'fa:16:3e:11:11:11',
      fixed_ips: [{ subnet_id: 's', ip_address: '10.9.9.9' }],
      security_groups: [],
      'binding:host_id': '',
      'binding:profile': {},
    }
    compute.peers.ports.set(port.id, port)
    const { id } = await compute.server({ networks: [{ port: port.id }] })
    expect(port.device_id).toBe(id)
    expect((await create({ networks: [{ port: port.id }] })).body.conflictingRequest.message).toBe(
      `Port ${port.id} is still in use.`,
    )
    expect((await compute.call('DELETE', `/v2.1/servers/${id}`)).status).toBe(204)
    await compute.world.settle()
    expect(compute.peers.ports.get(port.id)).toMatchObject({
      device_id: '',
      device_owner: '',
      'binding:host_id': '',
    })
  })

  it.each<[object, string]>([
    [{ name: '' }, '2.93'],
    [{ name: 'n'.repeat(256) }, '2.93'],
    [{ flavorRef: 'none' }, '2.93'],
    [{ imageRef: '9f0e3b0a-6d67-4b5f-8a38-111111111111' }, '2.93'],
    [{ imageRef: 'no-uuid' }, '2.93'],
    [{ imageRef: '' }, '2.93'],
    [{ key_name: 'none' }, '2.93'],
    [{ networks: undefined }, '2.37'],
    [{ networks: 'auto' }, '2.36'],
    [{ networks: [{ uuid: '9f0e3b0a-6d67-4b5f-8a38-111111111111' }] }, '2.93'],
    [{ networks: [{ uuid: 'x' }] }, '2.93'],
    [{ metadata: { key: 1 } }, '2.93'],
    [{ metadata: { ['k'.repeat(256)]: 'v' } }, '2.93'],
    [{ user_data: '!!!' }, '2.93'],
    [{ min_count: 3, max_count: 2 }, '2.93'],
    [{ min_count: 0 }, '2.93'],
    [{ personality: [] }, '2.57'],
    [{ networks: undefined, personality: [{ path: '/a', contents: 'not encoded.' }] }, '2.1'],
    [{ tags: ['a'] }, '2.51'],
    [{ hostname: 'h1' }, '2.89'],
    [{ hostname: 'a.b' }, '2.93'],
    [{ unknown: 1 }, '2.93'],
    [{ security_groups: [{ name: 'none' }] }, '2.93'],
    [{ accessIPv4: 'fe80::1' }, '2.93'],
    [{ availability_zone: 'a:b:c:d' }, '2.93'],
    [
      { block_device_mapping_v2: [{ source_type: 'blank', destination_type: 'volume', boot_index: 0 }] },
      '2.93',
    ],
  ])('is refused with %j at %s', async (wrong, version) => {
    const answer = await create(wrong, 'admin', version)
    expect([answer.status, Object.keys(answer.body)]).toEqual([400, ['badRequest']])
  })

  it('needs room in its flavor for its image', async () => {
    const message = async (image: Record<string, unknown>) =>
      (await create({ imageRef: compute.image(image) })).body.badRequest?.message
    expect(await message({ min_ram: 4096 })).toBe("Flavor's memory is too small for requested image.")
    expect(await message({ min_disk: 10 })).toContain('Flavor disk is 1 GiB, minimum is 10 GiB')
    expect(await message({ size: 2 ** 33 })).toContain("Flavor's disk is too small")
    expect(await message({ status: 'queued' })).toContain('is not active')
  })

  it('is not for readers, strangers to the project, or without a token', async () => {
    expect((await create({}, 'reader')).status).toBe(403)
    expect((await create({}, 'unknown')).status).toBe(401)
    const { id } = await compute.server()
    expect((await compute.as('stranger')('GET', `/v2.1/servers/${id}`)).body.itemNotFound.message).toBe(
      `Instance ${id} could not be found.`,
    )
    expect((await compute.as('stranger')('DELETE', `/v2.1/servers/${id}`)).status).toBe(404)
    expect((await compute.as('reader')('GET', `/v2.1/servers/${id}`)).status).toBe(200)
    expect((await compute.as('reader')('DELETE', `/v2.1/servers/${id}`)).status).toBe(403)
  })
})

describe('where a build fails', () => {
  it('goes to another host', async () => {
    const [node1, node2] = await Promise.all([compute.host('left'), compute.host('right')])
    for (const host of [node1, node2]) host.failBuilds.push('The disk is full')
    const flavor = await compute.flavor({ ram: 700 })
    const { id } = await compute.server({ flavorRef: flavor, networks: [{ uuid: compute.network() }] })
    const seen = await show(id, '2.93', 'admin')
    expect(seen.status).toBe('ACTIVE')
    const tried = compute.bus.sent.filter(
      (each) => each.method === 'compute.build' && each.params.serverId === id,
    )
    const host = seen['OS-EXT-SRV-ATTR:host']
    expect(tried.at(-1)!.host).toBe(host)
    const ports = [...compute.peers.ports.values()].filter((each) => each.device_id === id)
    expect(ports.map((each) => each['binding:host_id'])).toEqual([host])
    for (const each of [node1, node2]) each.failBuilds.length = 0
    await node1.stop()
    await node2.stop()
  })

  it('ends in ERROR with a fault that tells why, and leaves nothing', async () => {
    const answer = await create({
      flavorRef: await compute.flavor({ ram: 10_000_000 }),
      networks: [{ uuid: compute.network() }],
    })
    const { id } = answer.body.server
    await compute.world.settle()
    expect(await show(id)).toMatchObject({
      status: 'ERROR',
      fault: { code: 500, message: 'No valid host was found. There are not enough hosts available.' },
    })
    expect([...compute.peers.ports.values()].filter((each) => each.device_id === id)).toEqual([])
    expect(compute.peers.consumers.has(id)).toBe(false)
    const actions = await compute.call('GET', `/v2.1/servers/${id}/os-instance-actions`)
    expect(actions.body.instanceActions).toMatchObject([{ action: 'create', message: 'Error' }])
  })

  it('gives up after three hosts, and tells the last error', async () => {
    const only = await testCompute({ hosts: 1 })
    const host = await only.host('bad')
    host.failBuilds.push('No such CPU', 'No such CPU')
    const { id } = await only.server({ availability_zone: 'nova:bad' }, 'admin')
    const { body } = await only.as('admin', '2.93')('GET', `/v2.1/servers/${id}`)
    expect(body.server.status).toBe('ERROR')
    expect(body.server.fault.message).toContain('Last error: No such CPU')
    expect(host.guests.size).toBe(0)
    expect(only.peers.consumers.size).toBe(0)
    await only.stop()
  })
})

describe('lists', () => {
  let lists: TestCompute
  const made: string[] = []
  beforeAll(async () => {
    lists = await testCompute({ hosts: 2 })
    for (const name of ['alpha', 'beta', 'gamma']) {
      made.unshift((await lists.server({ name, tags: [name, 'all'], metadata: { name } })).id)
      await lists.world.advance(1000)
    }
    await lists.server({ name: 'foreign' }, 'admin')
  })
  afterAll(() => lists.stop())
  const list = (query: string, token = 'member', version = '2.93') =>
    lists.as(token, version)('GET', `/v2.1/servers/detail${query}`)

  it('show a project its own, newest first, and administrators all when asked', async () => {
    expect(ids(await list(''))).toEqual(made)
    expect(ids(await lists.call('GET', '/v2.1/servers'))).toEqual(made)
    expect((await list('?all_tenants=1', 'admin')).body.servers).toHaveLength(4)
    expect((await list('?all_tenants=1')).status).toBe(403)
    expect((await list('', 'stranger')).body.servers).toEqual([])
  })

  it('page by marker, with a link as long as there is more', async () => {
    const first = await list('?limit=2')
    expect(ids(first)).toEqual(made.slice(0, 2))
    const next = new URL(first.body.servers_links[0].href)
    const second = await lists.as('member', '2.93')('GET', next.pathname + next.search)
    expect(ids(second)).toEqual(made.slice(2))
    expect(second.body).not.toHaveProperty('servers_links')
    expect((await list('?marker=none')).status).toBe(400)
    expect((await list('?limit=-1')).status).toBe(400)
    expect((await list('?limit=0')).body).toEqual({ servers: [] })
  })

  it('sort', async () => {
    const names = async (query: string) =>
      (await list(query)).body.servers.map((each: { name: string }) => each.name)
    expect(await names('?sort_key=display_name&sort_dir=asc')).toEqual(['alpha', 'beta', 'gamma'])
    expect(await names('?sort_key=display_name&sort_dir=desc')).toEqual(['gamma', 'beta', 'alpha'])
    expect(await names('?sort_key=display_name&sort_dir=asc&limit=1')).toEqual(['alpha'])
    expect(await names(`?sort_key=display_name&sort_dir=asc&marker=${made[2]}`)).toEqual(['beta', 'gamma'])
    expect((await list('?sort_key=nothing')).status).toBe(400)
  })

  it.each([
    ['?name=eta', ['beta']],
    ['?name=^(al|ga)', ['gamma', 'alpha']],
    ['?status=ACTIVE', ['gamma', 'beta', 'alpha']],
    ['?status=active', ['gamma', 'beta', 'alpha']],
    ['?status=SHUTOFF', []],
    ['?tags=all,beta', ['beta']],
    ['?tags-any=alpha,beta', ['beta', 'alpha']],
    ['?not-tags=all', []],
    ['?not-tags-any=alpha', ['gamma', 'beta']],
    ['?locked=false', ['gamma', 'beta', 'alpha']],
    ['?changes-since=2025-01-01T00:00:00Z', ['gamma', 'beta', 'alpha']],
    ['?changes-since=2030-01-01T00:00:00Z', []],
    ['?changes-before=2025-01-01T00:00:00Z', []],
    // Not for members: ignored.
    ['?host=nowhere', ['gamma', 'beta', 'alpha']],
  ])('filter by %s', async (query, names) => {
    expect((await list(query)).body.servers.map((each: { name: string }) => each.name)).toEqual(names)
  })

  it('know what is no filter', async () => {
    expect((await list('?status=NONSENSE')).status).toBe(400)
    expect((await list('?status=NONSENSE', 'member', '2.37')).body.servers).toEqual([])
    expect((await list('?color=red')).status).toBe(400)
    expect((await list('?color=red', 'member', '2.74')).status).toBe(200)
    expect((await list('?name=[')).status).toBe(400)
    expect((await list('?changes-since=yesterday')).status).toBe(400)
  })
})

describe('orders', () => {
  it('stop, start, pause, resume and restart a server', async () => {
    const { id } = await compute.server()
    const seenAfter = async (body: object) => {
      expect((await act(id, body)).status).toBe(202)
      await compute.world.settle()
      const { status, ...rest } = await show(id)
      return [status, rest['OS-EXT-STS:power_state'], rest['OS-EXT-STS:task_state']]
    }
    expect(await seenAfter({ 'os-stop': null })).toEqual(['SHUTOFF', 4, null])
    expect(await seenAfter({ 'os-start': null })).toEqual(['ACTIVE', 1, null])
    expect(await seenAfter({ pause: null })).toEqual(['PAUSED', 3, null])
    expect(await seenAfter({ unpause: null })).toEqual(['ACTIVE', 1, null])
    expect(await seenAfter({ reboot: { type: 'SOFT' } })).toEqual(['ACTIVE', 1, null])
    expect(await seenAfter({ reboot: { type: 'HARD' } })).toEqual(['ACTIVE', 1, null])
    const { body } = await compute.as('member', '2.62')('GET', `/v2.1/servers/${id}/os-instance-actions`)
    expect(body.instanceActions.map((each: { action: string }) => each.action)).toEqual([
      'reboot',
      'reboot',
      'unpause',
      'pause',
      'start',
      'stop',
      'create',
    ])
    const [{ request_id }] = body.instanceActions
    const one = await compute.as('member', '2.62')(
      'GET',
      `/v2.1/servers/${id}/os-instance-actions/${request_id}`,
    )
    expect(one.body.instanceAction.events).toMatchObject([
      { event: 'compute_reboot_instance', result: 'Success' },
    ])
  })

  it('are refused in the wrong state, in words that tell it', async () => {
    const { id } = await compute.server()
    const refused = await act(id, { 'os-start': null })
    expect(refused).toMatchObject({
      status: 409,
      body: {
        conflictingRequest: { message: `Cannot 'start' instance ${id} while it is in vm_state active` },
      },
    })
    // Both at once: the second finds the first under way, or done.
    const both = await Promise.all([act(id, { 'os-stop': null }), act(id, { 'os-stop': null })])
    expect(both.map((each) => each.status).sort()).toEqual([202, 409])
    await compute.world.settle()
    expect((await act(id, { reboot: { type: 'WARM' } })).status).toBe(400)
    expect((await act(id, { nonsense: null })).status).toBe(400)
    expect((await act(id, { 'os-stop': null, 'os-start': null })).status).toBe(400)
  })

  it('leave a locked server to administrators', async () => {
    const { id } = await compute.server()
    expect((await act(id, { lock: { locked_reason: 'mine' } }, 'member', '2.73')).status).toBe(202)
    expect(await show(id)).toMatchObject({ locked: true, locked_reason: 'mine' })
    const stop = await act(id, { 'os-stop': null })
    expect(stop).toMatchObject({
      status: 409,
      body: { conflictingRequest: { message: `Instance ${id} is locked` } },
    })
    expect((await compute.call('DELETE', `/v2.1/servers/${id}`)).status).toBe(409)
    expect((await act(id, { unlock: null })).status).toBe(202)
    await act(id, { lock: null }, 'admin')
    expect((await act(id, { unlock: null })).status).toBe(403)
    expect((await act(id, { unlock: null }, 'admin')).status).toBe(202)
    expect(await show(id)).toMatchObject({ locked: false, locked_reason: null })
  })

  it('set the state by hand, for administrators (row 92)', async () => {
    const { id } = await compute.server()
    expect((await act(id, { 'os-resetState': { state: 'error' } })).status).toBe(403)
    expect((await act(id, { 'os-resetState': { state: 'error' } }, 'admin')).status).toBe(202)
    expect((await show(id)).status).toBe('ERROR')
    expect((await act(id, { 'os-resetState': { state: 'active' } }, 'admin')).status).toBe(202)
    expect((await show(id)).status).toBe('ACTIVE')
    expect((await act(id, { 'os-resetState': { state: 'stopped' } }, 'admin')).status).toBe(400)
  })

  it('give the console log, and a key to the screen that holds once', async () => {
    const { id } = await compute.server()
    expect((await act(id, { 'os-getConsoleOutput': {} })).body).toEqual({ output: 'one\ntwo\nthree' })
    expect((await act(id, { 'os-getConsoleOutput': { length: 2 } })).body).toEqual({ output: 'two\nthree' })
    expect((await act(id, { 'os-getConsoleOutput': { length: 'x' } })).status).toBe(400)
    const remote_console = { protocol: 'vnc', type: 'novnc' }
    const opened = await compute.as('member', '2.93')('POST', `/v2.1/servers/${id}/remote-consoles`, {
      remote_console,
    })
    const url = new URL(opened.body.remote_console.url)
    expect(url.origin + url.pathname).toBe('http://127.0.0.1:6080/vnc_auto.html')
    const token = new URLSearchParams(url.searchParams.get('path')!).get('token')!
    const redeem = () =>
      compute.bus
        .caller(contract, 'test')
        .consoleAuthorize({ token }, { trace: compute.platform.journal.newTrace() })
    expect((await redeem()).console).toEqual({
      serverId: id,
      host: '127.0.0.1',
      port: 5999,
      ticket: 'a ticket',
      serverName: null,
    })
    expect((await redeem()).console).toBeNull()
    expect((await act(id, { 'os-getVNCConsole': { type: 'novnc' } })).body.console.type).toBe('novnc')
    expect((await act(id, { 'os-getVNCConsole': { type: 'novnc' } }, 'member', '2.6')).status).toBe(400)
  })

  it('notice that a guest shut itself down (row 87)', async () => {
    const { id } = await compute.server()
    const { host } = (await compute.service.app.db.sql
      .selectFrom('server')
      .select('host')
      .where('id', '=', id)
      .executeTakeFirstOrThrow()) as { host: string }
    await compute.bus
      .caller(contract, 'test')
      .powerChanged(
        { host, serverId: id, power: 'shutdown', at: compute.world.clock.now(), reason: 'guest-shutdown' },
        { trace: compute.platform.journal.newTrace() },
      )
    await compute.world.settle()
    expect(await show(id)).toMatchObject({ status: 'SHUTOFF', 'OS-EXT-STS:power_state': 4 })
  })
})

describe('deletion', () => {
  it('leaves nothing behind', async () => {
    const { id } = await compute.server({ networks: [{ uuid: compute.network() }] })
    expect((await compute.call('DELETE', `/v2.1/servers/${id}`)).status).toBe(204)
    expect((await compute.call('DELETE', `/v2.1/servers/${id}`)).status).toBe(204)
    await compute.world.settle()
    expect((await compute.call('GET', `/v2.1/servers/${id}`)).status).toBe(404)
    expect((await compute.call('DELETE', `/v2.1/servers/${id}`)).status).toBe(404)
    expect([...compute.peers.ports.values()].filter((each) => each.device_id === id)).toEqual([])
    expect(compute.peers.consumers.has(id)).toBe(false)
    const deleted = await compute.as('member', '2.93')(
      'GET',
      '/v2.1/servers/detail?changes-since=2020-01-01T00:00:00Z',
    )
    expect(deleted.body.servers.find((each: { id: string }) => each.id === id)).toMatchObject({
      status: 'DELETED',
    })
    expect(
      (await compute.as('member', '2.21')('GET', `/v2.1/servers/${id}/os-instance-actions`)).body
        .instanceActions[0].action,
    ).toBe('delete')
  })

  it('stops a build that is under way', async () => {
    const before = { ports: compute.peers.ports.size, consumers: compute.peers.consumers.size }
    const answer = await create({ networks: [{ uuid: compute.network() }] })
    const { id } = answer.body.server
    await compute.world.advance(2)
    expect((await compute.call('DELETE', `/v2.1/servers/${id}`)).status).toBe(204)
    await compute.world.settle()
    expect((await compute.call('GET', `/v2.1/servers/${id}`)).status).toBe(404)
    expect({ ports: compute.peers.ports.size, consumers: compute.peers.consumers.size }).toEqual(before)
  })

  it('does not wait for a host that is down', async () => {
    const host = await compute.host('doomed')
    const { id } = await compute.server({ availability_zone: 'nova:doomed' }, 'admin')
    await host.stop()
    await compute.as('admin')('DELETE', `/v2.1/servers/${id}`)
    await compute.world.settle()
    expect((await compute.as('admin')('GET', `/v2.1/servers/${id}`)).status).toBe(404)
    expect(compute.peers.consumers.has(id)).toBe(false)
  })
})

describe('changes', () => {
  it('rename, describe and give access addresses', async () => {
    const { id } = await compute.server()
    const put = await compute.as('member', '2.90')('PUT', `/v2.1/servers/${id}`, {
      server: { name: 'other', accessIPv4: '192.0.2.9', description: 'x', hostname: 'other-host' },
    })
    expect(put.body.server).toMatchObject({ name: 'other', accessIPv4: '192.0.2.9', description: 'x' })
    expect(await show(id)).toMatchObject({ name: 'other', 'OS-EXT-SRV-ATTR:hostname': 'other-host' })
    const spelled = await compute.call('PUT', `/v2.1/servers/${id}`, {
      server: { accessIPv6: '0000:0:0::babe:220.12.22.2' },
    })
    expect(spelled.body.server.accessIPv6).toBe('::babe:dc0c:1602')
    const made = await compute.server({ accessIPv6: 'FE80:0::01' })
    expect(await show(made.id)).toMatchObject({ accessIPv6: 'fe80::1' })
    const old = await compute.call('PUT', `/v2.1/servers/${id}`, { server: { name: 'third' } })
    expect(old.body.server).not.toHaveProperty('OS-EXT-STS:vm_state')
    expect((await compute.call('PUT', `/v2.1/servers/${id}`, { server: { description: 'x' } })).status).toBe(
      400,
    )
  })

  it('keep metadata and tags', async () => {
    const { id } = await compute.server({ metadata: { a: '1' } })
    const path = `/v2.1/servers/${id}/metadata`
    expect((await compute.call('POST', path, { metadata: { b: '2' } })).body).toEqual({
      metadata: { a: '1', b: '2' },
    })
    expect((await compute.call('PUT', `${path}/a`, { meta: { a: '3' } })).body).toEqual({ meta: { a: '3' } })
    expect((await compute.call('PUT', `${path}/a`, { meta: { b: '3' } })).status).toBe(400)
    expect((await compute.call('GET', `${path}/a`)).body).toEqual({ meta: { a: '3' } })
    expect((await compute.call('DELETE', `${path}/a`)).status).toBe(204)
    expect((await compute.call('GET', `${path}/a`)).status).toBe(404)
    expect((await compute.call('PUT', path, { metadata: {} })).body).toEqual({ metadata: {} })
    const many = Object.fromEntries(Array.from({ length: 129 }, (_, i) => [`k${i}`, 'v']))
    expect((await compute.call('POST', path, { metadata: many })).status).toBe(403)

    const tags = compute.as('member', '2.26')
    expect((await tags('PUT', `/v2.1/servers/${id}/tags/red`)).status).toBe(201)
    expect((await tags('PUT', `/v2.1/servers/${id}/tags/red`)).status).toBe(204)
    expect((await tags('GET', `/v2.1/servers/${id}/tags`)).body).toEqual({ tags: ['red'] })
    expect((await tags('GET', `/v2.1/servers/${id}/tags/red`)).status).toBe(204)
    expect((await tags('GET', `/v2.1/servers/${id}/tags/blue`)).status).toBe(404)
    expect((await tags('PUT', `/v2.1/servers/${id}/tags`, { tags: ['x', 'y'] })).body).toEqual({
      tags: ['x', 'y'],
    })
    expect((await tags('PUT', `/v2.1/servers/${id}/tags/${'t'.repeat(61)}`)).status).toBe(400)
    expect((await tags('DELETE', `/v2.1/servers/${id}/tags`)).status).toBe(204)
    expect((await compute.call('GET', `/v2.1/servers/${id}/tags`)).status).toBe(404)
  })
})

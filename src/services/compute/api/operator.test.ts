// What operators see of services, hosts, aggregates and zones, and what they may change.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { projectId, type TestCompute, type TestHost, testCompute } from '../test-compute.ts'

let cloud: TestCompute
let hosts: TestHost[]
beforeEach(async () => {
  cloud = await testCompute({ hosts: 0 })
  hosts = [await cloud.host('node1'), await cloud.host('node2')]
})
afterEach(() => cloud.stop())
const admin = (version?: string) => cloud.as('admin', version)

async function services(version?: string) {
  return (await admin(version)('GET', '/v2.1/os-services')).body.services
}
async function computeOf(host: string, version?: string) {
  return (await services(version)).find(
    (each: { host: string; binary: string }) => each.host === host && each.binary === 'nova-compute',
  )
}
async function aggregate(name: string, zone: string | null = null): Promise<number> {
  const made = await admin()('POST', '/v2.1/os-aggregates', {
    aggregate: { name, availability_zone: zone },
  })
  expect(made.status).toBe(200)
  return made.body.aggregate.id
}
const act = (id: number, action: Record<string, unknown>) =>
  admin()('POST', `/v2.1/os-aggregates/${id}/action`, action)

describe('services', () => {
  it('lists roles in the internal zone and hosts in theirs, by number until 2.52', async () => {
    const list = await services('2.1')
    expect(list.map((each: Record<string, unknown>) => [each.id, each.binary, each.zone])).toEqual([
      [1, 'nova-conductor', 'internal'],
      [2, 'nova-scheduler', 'internal'],
      [3, 'nova-consoleauth', 'internal'],
      [4, 'nova-compute', 'nova'],
      [5, 'nova-compute', 'nova'],
    ])
    expect(list[3]).toEqual({
      id: 4,
      binary: 'nova-compute',
      host: 'node1',
      zone: 'nova',
      status: 'enabled',
      state: 'up',
      updated_at: expect.stringMatching(/^2026-01-01T00:00:0\d\.\d{6}$/),
      disabled_reason: null,
    })
    expect((await services('2.53'))[3]).toMatchObject({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      forced_down: false,
    })
  })

  it('takes a host without heart-beats for down, and for up when it is back', async () => {
    await hosts[0]!.stop()
    await cloud.world.advance(61_000)
    expect(await computeOf('node1')).toMatchObject({ state: 'down' })
    expect(await computeOf('node2')).toMatchObject({ state: 'up' })
    await cloud.host('node1')
    expect(await computeOf('node1')).toMatchObject({ state: 'up' })
  })

  it('disables with a reason and enables by host and binary', async () => {
    const named = { host: 'node1', binary: 'nova-compute' }
    const disabled = await admin()('PUT', '/v2.1/os-services/disable-log-reason', {
      ...named,
      disabled_reason: 'new memory',
    })
    expect(disabled.body).toEqual({
      service: { ...named, status: 'disabled', disabled_reason: 'new memory' },
    })
    expect(await computeOf('node1')).toMatchObject({ status: 'disabled', disabled_reason: 'new memory' })
    const enabled = await admin()('PUT', '/v2.1/os-services/enable', named)
    expect(enabled.body).toEqual({ service: { ...named, status: 'enabled' } })
    expect(await computeOf('node1')).toMatchObject({ status: 'enabled', disabled_reason: null })
    const unknown = await admin()('PUT', '/v2.1/os-services/enable', { ...named, host: 'elsewhere' })
    expect(unknown.status).toBe(404)
  })

  it('changes by id from 2.53 on, and needs a change and a fitting reason', async () => {
    const { id } = await computeOf('node2', '2.53')
    const put = (body: unknown) => admin('2.53')('PUT', `/v2.1/os-services/${id}`, body)
    expect((await put({ forced_down: true })).body.service).toMatchObject({ id, state: 'down' })
    expect((await put({ forced_down: false, status: 'disabled' })).body.service).toMatchObject({
      state: 'up',
      status: 'disabled',
    })
    expect((await put({})).status).toBe(400)
    expect((await put({ status: 'enabled', disabled_reason: 'why' })).status).toBe(400)
    expect((await admin('2.53')('PUT', '/v2.1/os-services/4', { status: 'enabled' })).status).toBe(404)
    const old = await admin('2.53')('PUT', '/v2.1/os-services/enable', {
      host: 'node2',
      binary: 'nova-compute',
    })
    expect(old.status).toBe(404)
  })

  it('deletes the service of a host that is gone for good, with its hypervisor and places in aggregates', async () => {
    const id = await aggregate('fast')
    await act(id, { add_host: { host: 'node2' } })
    await hosts[1]!.stop()
    const { id: service } = await computeOf('node2')
    expect((await admin()('DELETE', `/v2.1/os-services/${service}`)).status).toBe(204)
    expect(await computeOf('node2')).toBeUndefined()
    const hypervisors = await admin()('GET', '/v2.1/os-hypervisors')
    expect(hypervisors.body.hypervisors.map((h: Record<string, string>) => h.hypervisor_hostname)).toEqual([
      'node1',
    ])
    expect((await admin()('GET', `/v2.1/os-aggregates/${id}`)).body.aggregate.hosts).toEqual([])
    expect([...cloud.peers.providers.values()].map((each) => each.name)).toEqual(['node1'])
    expect((await admin()('DELETE', '/v2.1/os-services/99999999999999999999')).status).toBe(404)
  })

  it('keeps the service of a host with servers', async () => {
    const { id } = await cloud.server()
    const [host] = hosts.filter((each) => each.guests.has(id))
    const service = await computeOf(host!.name)
    expect((await admin()('DELETE', `/v2.1/os-services/${service.id}`)).status).toBe(409)
  })

  it.each(['member', 'reader', 'stranger'])('is not for a %s', async (who) => {
    for (const path of ['/os-services', '/os-hypervisors', '/os-hypervisors/detail', '/os-aggregates'])
      expect((await cloud.as(who)('GET', `/v2.1${path}`)).status).toBe(403)
    expect((await cloud.as(who)('GET', '/v2.1/os-availability-zone/detail')).status).toBe(403)
  })
})

describe('hypervisors', () => {
  it('shows capacity and what servers take of it, until 2.87', async () => {
    await cloud.server({
      flavorRef: await cloud.flavor({ ram: 1024, vcpus: 2, disk: 5, 'OS-FLV-EXT-DATA:ephemeral': 2 }),
    })
    await cloud.server({ flavorRef: await cloud.flavor({ ram: 512, vcpus: 1, disk: 1 }) })
    const { body } = await admin()('GET', '/v2.1/os-hypervisors/statistics')
    expect(body.hypervisor_statistics).toEqual({
      count: 2,
      vcpus: 16,
      vcpus_used: 3,
      memory_mb: 32_768,
      memory_mb_used: 2 * 512 + 1536,
      free_ram_mb: 32_768 - 2 * 512 - 1536,
      local_gb: 200,
      local_gb_used: 8,
      free_disk_gb: 192,
      disk_available_least: 192,
      running_vms: 2,
      current_workload: 0,
    })
    expect((await admin('2.88')('GET', '/v2.1/os-hypervisors/statistics')).body).toMatchObject({
      itemNotFound: { code: 404 },
    })
  })

  it('has numbers and CPU text in old versions, ids and no capacity in new ones', async () => {
    const old = (await admin()('GET', '/v2.1/os-hypervisors/1')).body.hypervisor
    expect(old).toMatchObject({ id: 1, vcpus: 8, service: { id: 4, host: 'node1' } })
    expect(JSON.parse(old.cpu_info)).toMatchObject({ arch: 'x86_64', model: 'qemu64' })
    const mid = (await admin('2.28')('GET', '/v2.1/os-hypervisors/1')).body.hypervisor
    expect(mid.cpu_info).toMatchObject({ arch: 'x86_64' })
    const [first] = (await admin('2.88')('GET', '/v2.1/os-hypervisors/detail')).body.hypervisors
    expect(first).not.toHaveProperty('vcpus')
    expect(first).not.toHaveProperty('cpu_info')
    expect(first.id).toMatch(/^[0-9a-f-]{36}$/)
    expect(first.uptime).toMatch(/up 0:00/)
    expect((await admin('2.53')('GET', '/v2.1/os-hypervisors/1')).status).toBe(404)
  })

  it('knows how long a host is up, unless it is down', async () => {
    const startedAt = cloud.world.clock.now() - 26 * 3_600_000
    const old = await cloud.host('old', { startedAt })
    const at = '/v2.1/os-hypervisors/3/uptime'
    const { uptime } = (await admin()('GET', at)).body.hypervisor
    expect(uptime).toMatch(/^00:00:0\d up 1 day, 2:00$/)
    await old.stop()
    await cloud.world.advance(61_000)
    expect((await admin()('GET', at)).status).toBe(400)
    const { hypervisors } = (await admin('2.88')('GET', '/v2.1/os-hypervisors/detail')).body
    expect(hypervisors[2]).toMatchObject({ state: 'down', uptime: null })
  })

  it('finds by name and with servers, each in its version’s way', async () => {
    const { id } = await cloud.server()
    const entry = { uuid: id, name: 'vm' }
    const old = await admin()('GET', '/v2.1/os-hypervisors/node/servers')
    expect(old.body.hypervisors.flatMap((each: { servers?: unknown[] }) => each.servers ?? [])).toEqual([
      entry,
    ])
    const query = '?hypervisor_hostname_pattern=node&with_servers=true'
    const now = (await admin('2.75')('GET', `/v2.1/os-hypervisors${query}`)).body.hypervisors
    expect(now.map((each: { servers: unknown[] }) => each.servers.length).sort()).toEqual([0, 1])
    for (const nowhere of [
      admin()('GET', '/v2.1/os-hypervisors/zz/search'),
      admin('2.53')('GET', '/v2.1/os-hypervisors?hypervisor_hostname_pattern=zz'),
    ])
      expect((await nowhere).status).toBe(404)
  })

  it('pages from 2.33 on', async () => {
    const first = await admin('2.33')('GET', '/v2.1/os-hypervisors?limit=1')
    expect(first.body.hypervisors).toHaveLength(1)
    const next = new URL(first.body.hypervisors_links[0].href)
    const second = await admin('2.33')('GET', next.pathname + next.search)
    expect(second.body.hypervisors).toMatchObject([{ hypervisor_hostname: 'node2' }])
    expect(second.body.hypervisors_links).toBeUndefined()
    expect((await admin('2.33')('GET', '/v2.1/os-hypervisors?limit=0')).body).toEqual({ hypervisors: [] })
    expect((await admin('2.33')('GET', '/v2.1/os-hypervisors?marker=77')).status).toBe(400)
  })
})

describe('hosts', () => {
  it('are listed by service and zone, with what projects take of them, until 2.42', async () => {
    const { body } = await admin()('GET', '/v2.1/os-hosts?zone=nova')
    expect(body.hosts).toEqual([
      { host_name: 'node1', service: 'compute', zone: 'nova' },
      { host_name: 'node2', service: 'compute', zone: 'nova' },
    ])
    const { id } = await cloud.server({ flavorRef: await cloud.flavor({ ram: 1024, vcpus: 2, disk: 5 }) })
    const host = hosts.find((each) => each.guests.has(id))!.name
    const shares = (await admin()('GET', `/v2.1/os-hosts/${host}`)).body.host
    expect(shares.map((each: { resource: unknown }) => each.resource)).toEqual([
      { host, project: '(total)', cpu: 8, memory_mb: 16_384, disk_gb: 100 },
      { host, project: '(used_now)', cpu: 2, memory_mb: 1536, disk_gb: 5 },
      { host, project: '(used_max)', cpu: 2, memory_mb: 1024, disk_gb: 5 },
      { host, project: projectId, cpu: 2, memory_mb: 1024, disk_gb: 5 },
    ])
    const blank = (await admin()('GET', '/v2.1/os-hosts?zone=')).body.hosts
    expect(blank).toEqual((await admin()('GET', '/v2.1/os-hosts')).body.hosts)
    expect((await admin()('GET', '/v2.1/os-hosts/elsewhere')).status).toBe(404)
    expect((await cloud.as('member')('GET', '/v2.1/os-hosts')).status).toBe(403)
    expect((await admin('2.43')('GET', '/v2.1/os-hosts')).status).toBe(404)
  })
})

describe('aggregates', () => {
  it('are made, renamed, described and deleted', async () => {
    const id = await aggregate('fast')
    const put = await admin('2.41')('PUT', `/v2.1/os-aggregates/${id}`, { aggregate: { name: 'faster' } })
    expect(put.body.aggregate).toMatchObject({ name: 'faster', hosts: [], metadata: {} })
    expect(put.body.aggregate.uuid).toMatch(/^[0-9a-f-]{36}$/)
    const described = await act(id, { set_metadata: { metadata: { ssd: 'true', old: 'x' } } })
    expect(described.body.aggregate.metadata).toEqual({ ssd: 'true', old: 'x' })
    const without = await act(id, { set_metadata: { metadata: { old: null } } })
    expect(without.body.aggregate.metadata).toEqual({ ssd: 'true' })
    expect((await admin()('DELETE', `/v2.1/os-aggregates/${id}`)).status).toBe(200)
    expect((await admin()('GET', `/v2.1/os-aggregates/${id}`)).status).toBe(404)
    expect((await admin()('GET', '/v2.1/os-aggregates/-1')).status).toBe(404)
    expect((await admin()('GET', '/v2.1/os-aggregates/one')).status).toBe(400)
  })

  it('refuses a second one of a name, hosts that are not there, and hosts twice', async () => {
    const id = await aggregate('fast')
    const again = await admin()('POST', '/v2.1/os-aggregates', { aggregate: { name: 'fast' } })
    expect(again.status).toBe(409)
    expect((await act(id, { add_host: { host: 'elsewhere' } })).status).toBe(404)
    expect((await act(id, { remove_host: { host: 'node1' } })).status).toBe(404)
    expect((await act(id, { add_host: { host: 'node1' } })).body.aggregate.hosts).toEqual(['node1'])
    expect((await act(id, { add_host: { host: 'node1' } })).status).toBe(409)
    expect((await act(id, { dance: {} })).status).toBe(400)
    const colon = { metadata: { availability_zone: 'zone:host' } }
    expect((await act(id, { set_metadata: colon })).status).toBe(400)
    expect((await admin()('DELETE', `/v2.1/os-aggregates/${id}`)).status).toBe(400)
  })

  it('puts a host in one zone at most', async () => {
    const a = await aggregate('a', 'zone-a')
    const b = await aggregate('b', 'zone-b')
    const more = await aggregate('more of a', 'zone-a')
    const plain = await aggregate('plain')
    expect((await act(a, { add_host: { host: 'node1' } })).status).toBe(200)
    expect((await act(b, { add_host: { host: 'node1' } })).status).toBe(409)
    expect((await act(more, { add_host: { host: 'node1' } })).status).toBe(200)
    expect((await act(plain, { add_host: { host: 'node1' } })).status).toBe(200)
    const zoned = await act(plain, { set_metadata: { metadata: { availability_zone: 'zone-b' } } })
    expect(zoned.status).toBe(409)
    const renamed = await admin()('PUT', `/v2.1/os-aggregates/${plain}`, {
      aggregate: { availability_zone: 'zone-b' },
    })
    expect(renamed.status).toBe(409)
    expect(await computeOf('node1')).toMatchObject({ zone: 'zone-a' })
  })

  it('does not move a host with servers to another zone, on any way', async () => {
    const { id } = await cloud.server()
    const host = hosts.find((each) => each.guests.has(id))!.name
    const zoned = await aggregate('a', 'zone-a')
    expect((await act(zoned, { add_host: { host } })).status).toBe(409)
    const nova = await aggregate('b', 'nova')
    expect((await act(nova, { add_host: { host } })).status).toBe(200)
    const zone = { availability_zone: 'zone-b' }
    expect((await act(nova, { set_metadata: { metadata: zone } })).status).toBe(409)
    const put = await admin()('PUT', `/v2.1/os-aggregates/${nova}`, { aggregate: zone })
    expect(put.status).toBe(409)
    // Out of the aggregate it is in the default zone, which has the same name.
    expect((await act(nova, { remove_host: { host } })).status).toBe(200)
  })
})

describe('availability zones', () => {
  it('shows everybody the zones of hosts, and operators all services in them (rows 98 and 99)', async () => {
    const id = await aggregate('a', 'default')
    await act(id, { add_host: { host: 'node2' } })
    const shown = await cloud.as('member')('GET', '/v2.1/os-availability-zone')
    expect(shown.body.availabilityZoneInfo).toEqual([
      { zoneName: 'nova', zoneState: { available: true }, hosts: null },
      { zoneName: 'default', zoneState: { available: true }, hosts: null },
    ])
    const detail = (await admin()('GET', '/v2.1/os-availability-zone/detail')).body.availabilityZoneInfo
    const byName = Object.fromEntries(detail.map((each: { zoneName: string }) => [each.zoneName, each]))
    expect(Object.keys(byName).sort()).toEqual(['default', 'internal', 'nova'])
    expect(byName.default.hosts).toEqual({
      node2: { 'nova-compute': { active: true, available: true, updated_at: expect.any(String) } },
    })
  })

  it('takes a zone whose hosts are all disabled for not available', async () => {
    const id = await aggregate('a', 'zone-a')
    await act(id, { add_host: { host: 'node1' } })
    await admin()('PUT', '/v2.1/os-services/disable', { host: 'node1', binary: 'nova-compute' })
    const { body } = await cloud.as('member')('GET', '/v2.1/os-availability-zone')
    expect(body.availabilityZoneInfo).toContainEqual({
      zoneName: 'zone-a',
      zoneState: { available: false },
      hosts: null,
    })
  })
})

// What projects have used, as the dashboard and billing ask for it.
import { afterEach, beforeEach, expect, it } from 'vitest'
import { projectId, type TestCompute, testCompute } from '../test-compute.ts'

/** A tenth of an hour. */
const tenth = 360_000
let cloud: TestCompute
let start: number
beforeEach(async () => {
  cloud = await testCompute()
  start = cloud.world.clock.now()
})
afterEach(() => cloud.stop())

const at = (tenths: number) => new Date(start + tenths * tenth).toISOString().slice(0, -1)
const usage = (from: number, to: number, more = '') =>
  `?start=${at(from)}&end=${encodeURIComponent(at(to))}${more}`
const all = async (query: string, version?: string) =>
  (await cloud.as('admin', version)('GET', `/v2.1/os-simple-tenant-usage${query}`)).body
const flavor = { ram: 1024, vcpus: 2, disk: 3, 'OS-FLV-EXT-DATA:ephemeral': 1 }

it('sums hours times size within the span, those of deleted servers too', async () => {
  const { id } = await cloud.server({ flavorRef: await cloud.flavor(flavor) })
  await cloud.world.advance(2 * tenth)
  await cloud.as('member')('DELETE', `/v2.1/servers/${id}`)
  await cloud.world.settle()
  await cloud.world.advance(3 * tenth)

  const { tenant_usages: usages } = await all(usage(1, 4, '&detailed=1'))
  expect(usages).toHaveLength(1)
  const [whole] = usages
  expect(whole).toMatchObject({ tenant_id: projectId, start: `${at(1)}000`, stop: `${at(4)}000` })
  expect(whole.total_hours).toBeCloseTo(0.1, 2)
  expect(whole.total_vcpus_usage).toBeCloseTo(0.2, 2)
  expect(whole.total_memory_mb_usage).toBeCloseTo(102.4, 0)
  expect(whole.total_local_gb_usage).toBeCloseTo(0.4, 2)
  expect(whole.server_usages).toMatchObject([
    { instance_id: id, vcpus: 2, memory_mb: 1024, local_gb: 4, state: 'terminated', name: 'vm' },
  ])
  expect(whole.server_usages[0].uptime).toBeGreaterThanOrEqual(719)
  expect(whole.server_usages[0].ended_at).toMatch(/^2026-01-01T00:12:0/)

  expect((await all(usage(3, 4))).tenant_usages).toEqual([])
  expect((await all(usage(1, 4))).tenant_usages[0]).not.toHaveProperty('server_usages')
})

it('shows a project its own, and others nothing of it', async () => {
  await cloud.server()
  await cloud.world.advance(tenth)
  const path = `/v2.1/os-simple-tenant-usage/${projectId}${usage(0, 1)}`
  const own = (await cloud.as('reader')('GET', path)).body.tenant_usage
  expect(own.server_usages).toMatchObject([{ state: 'active', ended_at: null }])
  expect(own.total_hours).toBeCloseTo(0.1, 2)
  expect((await cloud.as('stranger')('GET', path)).status).toBe(403)
  expect((await cloud.as('member')('GET', '/v2.1/os-simple-tenant-usage')).status).toBe(403)
  const stranger = `/v2.1/os-simple-tenant-usage/${'s'.repeat(32)}`
  expect((await cloud.as('stranger')('GET', stranger)).body.tenant_usage).toMatchObject({
    tenant_id: 's'.repeat(32),
    total_hours: 0,
    server_usages: [],
  })
})

it('pages by servers from 2.40 on', async () => {
  for (let made = 0; made < 3; made++) await cloud.server()
  await cloud.world.advance(tenth)
  const seen: string[] = []
  let path = `/v2.1/os-simple-tenant-usage/${projectId}${usage(0, 1, '&limit=2')}`
  for (let pages = 0; pages < 3; pages++) {
    const { body } = await cloud.as('reader', '2.40')('GET', path)
    for (const each of body.tenant_usage.server_usages ?? []) seen.push(each.instance_id)
    if (!body.tenant_usage_links) break
    const next = new URL(body.tenant_usage_links[0].href)
    path = next.pathname + next.search
  }
  expect(new Set(seen).size).toBe(3)
  expect(seen).toHaveLength(3)
  expect((await cloud.as('reader', '2.40')('GET', `${path}&marker=zz`)).status).toBe(400)
})

it.each(['?start=yesterday', '?end=2026-13-01', '?start=2026-01-02&end=2026-01-01'])(
  'refuses %s',
  async (query) => {
    const answer = await cloud.as('admin')('GET', `/v2.1/os-simple-tenant-usage${query}`)
    expect(answer.status).toBe(400)
  },
)

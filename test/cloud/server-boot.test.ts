import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Session } from '#cli/openstack.ts'
import {
  askForServer,
  bootTrace,
  deleteServer,
  holdings,
  type Parts,
  prepareBoot,
  showServer,
} from './test-boot.ts'
import { type TestCloud, testCloud } from './test-cloud.ts'

describe('a server', () => {
  let cloud: TestCloud
  let member: Session
  let parts: Parts
  let before: string[]
  beforeAll(async () => {
    cloud = await testCloud({ hosts: 2 })
  })
  afterAll(() => cloud?.stop())
  beforeEach(async () => {
    member = await cloud.project()
    parts = await prepareBoot(cloud, member)
    before = await holdings(cloud)
  })

  test('becomes active with an address and a console, and leaves nothing when it is deleted', async () => {
    const id = await askForServer(member, parts)
    expect((await showServer(member, id)).status).toBe('BUILD')
    await cloud.settle()
    const server = await showServer(member, id)
    expect(server).toMatchObject({ status: 'ACTIVE', 'OS-EXT-STS:task_state': null })
    expect(server.addresses.private?.[0]?.addr).toMatch(/^10\.0\.0\.\d+$/)
    const { output } = await member.call<{ output: string }>('compute', {
      method: 'POST',
      path: `/servers/${id}/action`,
      body: { 'os-getConsoleOutput': { length: 50 } },
    })
    expect(output).toContain('hello login:')
    expect((await holdings(cloud)).length).toBeGreaterThan(before.length)
    await deleteServer(cloud, member, id)
    expect(await holdings(cloud)).toEqual(before)
  })

  test('has its network cards in the order in which it asked for them', async () => {
    const networkIds: string[] = []
    for (const name of ['one', 'two', 'three', 'four', 'five']) {
      const { network } = await member.call<{ network: { id: string } }>('network', {
        method: 'POST',
        path: '/v2.0/networks',
        body: { network: { name } },
      })
      networkIds.push(network.id)
      const body = { subnet: { network_id: network.id, ip_version: 4, cidr: '10.0.0.0/24' } }
      await member.call('network', { method: 'POST', path: '/v2.0/subnets', body })
    }
    const id = await askForServer(member, parts, { networks: networkIds.map((uuid) => ({ uuid })) })
    await cloud.settle()
    type Ports = { ports: { network_id: string; mac_address: string }[] }
    const { ports } = await member.call<Ports>('network', { path: `/v2.0/ports?device_id=${id}` })
    const { output } = await member.call<{ output: string }>('compute', {
      method: 'POST',
      path: `/servers/${id}/action`,
      body: { 'os-getConsoleOutput': {} },
    })
    const cards = [...output.matchAll(/^eth\d: (\S+) mtu/gm)].map((line) => line[1])
    expect(cards).toEqual(
      networkIds.map((wanted) => ports.find((port) => port.network_id === wanted)!.mac_address),
    )
    await deleteServer(cloud, member, id)
  })

  test('is booted by all 29 steps, in order, each told by the journal', async () => {
    const id = await askForServer(member, parts)
    await cloud.settle()
    const { phases } = await bootTrace(member, id)
    expect(phases.map((phase) => phase.steps.length).reduce((sum, count) => sum + count)).toBe(29)
    const steps = phases.flatMap((phase) => phase.steps)
    expect(steps.map((step) => step.number)).toEqual(Array.from({ length: 29 }, (_, index) => index + 1))
    expect(steps.filter((step) => step.missing).map((step) => step.title)).toEqual([])
    expect(steps.filter((step) => step.outcome === 'error')).toEqual([])
    for (const step of steps.filter((each) => each.skipped === undefined)) {
      expect(step.service, step.title).toBeTruthy()
      expect(step.outcome, step.title).toBe('ok')
    }
    const starts = steps.flatMap((step) => step.startMs ?? [])
    expect(starts.length).toBeGreaterThan(20)
    await deleteServer(cloud, member, id)
  })

  test('of another project is not told how it was booted', async () => {
    const id = await askForServer(member, parts)
    await cloud.settle()
    const other = await cloud.project()
    await expect(bootTrace(other, id)).rejects.toMatchObject({ kind: 'notFound' })
    await deleteServer(cloud, member, id)
  })

  test('is built on another host when the first one fails, which then holds nothing of it', async () => {
    const [first, second] = cloud.hosts
    // The emptier host is taken first: with something on the second one that is the first.
    const adminParts = await prepareBoot(cloud, cloud.admin)
    const filler = await askForServer(cloud.admin, adminParts, { availability_zone: `nova:${second!.name}` })
    await cloud.settle()
    const held = await holdings(cloud)
    first!.virt.fail({ operation: 'create', when: 'after' })
    const id = await askForServer(member, parts)
    await cloud.settle()
    const server = await showServer(cloud.admin, id)
    expect(server).toMatchObject({ status: 'ACTIVE', 'OS-EXT-SRV-ATTR:host': second!.name })
    const ofFirst = (list: string[]) => list.filter((each) => each.includes(first!.name))
    expect(ofFirst(await holdings(cloud))).toEqual(ofFirst(held))
    await deleteServer(cloud, member, id)
    await deleteServer(cloud, cloud.admin, filler)
    expect(await holdings(cloud)).toEqual(before)
  })

  test.each(['before', 'after'] as const)(
    'goes to ERROR with a fault that names the step when every host fails %s its work, and holds nothing',
    async (when) => {
      for (const { virt } of cloud.hosts) virt.fail({ operation: 'create', when })
      const id = await askForServer(member, parts)
      await cloud.settle()
      const server = await showServer(member, id)
      expect(server.status).toBe('ERROR')
      expect(server.fault).toMatchObject({ code: 500 })
      expect(server.fault!.message).toMatch(/Starting the guest|simulated host failed at create/)
      expect(await holdings(cloud)).toEqual(before)
      const steps = (await bootTrace(member, id)).phases.flatMap((phase) => phase.steps)
      expect(steps.find((step) => step.number === 29)).toMatchObject({ outcome: 'error' })
      await deleteServer(cloud, member, id)
      expect(await holdings(cloud)).toEqual(before)
    },
  )

  test('beyond the quota is refused, and nothing is made', async () => {
    await cloud.admin.call('compute', {
      method: 'PUT',
      path: `/os-quota-sets/${member.projectId}`,
      body: { quota_set: { instances: 1 } },
    })
    const id = await askForServer(member, parts)
    await cloud.settle()
    const held = await holdings(cloud)
    await expect(askForServer(member, parts)).rejects.toMatchObject({
      kind: 'forbidden',
      message: expect.stringContaining('Quota exceeded'),
    })
    await cloud.settle()
    expect(await holdings(cloud)).toEqual(held)
    const { servers } = await member.call<{ servers: unknown[] }>('compute', { path: '/servers' })
    expect(servers).toHaveLength(1)
    await deleteServer(cloud, member, id)
    const again = await askForServer(member, parts)
    await cloud.settle()
    expect((await showServer(member, again)).status).toBe('ACTIVE')
    await deleteServer(cloud, member, again)
  })

  test('fails and leaves nothing although its hosts could not destroy at once what they had made of it', async () => {
    for (const { virt } of cloud.hosts) {
      virt.fail({ operation: 'create', when: 'after' })
      virt.fail({ operation: 'destroy' })
    }
    const id = await askForServer(member, parts)
    await cloud.settle()
    expect((await showServer(member, id)).status).toBe('ERROR')
    expect(await holdings(cloud)).toEqual(before)
    await deleteServer(cloud, member, id)
  })

  test('that is deleted while it is built is gone, with all that was made for it', async () => {
    const id = await askForServer(member, parts)
    await cloud.world.advance(1)
    await deleteServer(cloud, member, id)
    expect(await holdings(cloud)).toEqual(before)
  })

  test('is built although the agents start again in the middle of it', async () => {
    const id = await askForServer(member, parts)
    await cloud.world.advance(1)
    for (const host of cloud.hosts) await host.restart()
    await cloud.settle()
    const server = await showServer(member, id)
    expect(server.status, JSON.stringify(server.fault)).toBe('ACTIVE')
    expect((await holdings(cloud)).filter((each) => each.includes(id)).length).toBeGreaterThan(0)
    await deleteServer(cloud, member, id)
    expect(await holdings(cloud)).toEqual(before)
  })
})

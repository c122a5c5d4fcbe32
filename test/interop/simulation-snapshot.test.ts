// Snapshots of a live simulated cloud, by the command line: saved, put back, and refused.
import { watch } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openSession, type Session } from '#cli/openstack.ts'
import { restoreSnapshot } from '#cli/simulation/snapshot.ts'
import { httpClient } from '#kit/http/client.ts'
import { until, world } from './live-cloud.ts'
import { openSimulatedCloud, placesOfHosts, type SimulatedCloud } from './simulated-cloud.ts'

// Both at once: most of it is waiting.
describe.concurrent.each(placesOfHosts)('a simulated cloud %s is saved and put back', (_, hostThreadFrom) => {
  let rig: SimulatedCloud
  beforeAll(async () => {
    rig = await openSimulatedCloud(3, hostThreadFrom)
  })
  afterAll(() => rig?.cloud.destroy())

  test('with servers that run, their consoles, floating IPs and tokens', { concurrent: false }, async () => {
    const { networks } = await rig.demo.call<{ networks: { id: string; 'router:external': boolean }[] }>(
      'network',
      {
        path: '/v2.0/networks',
      },
    )
    const outside = networks.find((each) => each['router:external'])!.id
    const withAddress = async (name: string) => {
      const id = await rig.boot(name)
      await rig.becomes(id, 'ACTIVE')
      const { ports } = await rig.demo.call<{ ports: { id: string }[] }>('network', {
        path: `/v2.0/ports?device_id=${id}`,
      })
      await rig.demo.call('network', {
        method: 'POST',
        path: '/v2.0/floatingips',
        body: { floatingip: { floating_network_id: outside, port_id: ports[0]!.id } },
      })
    }
    await Promise.all(['one', 'two', 'three', 'four'].map(withAddress))
    const pictureOf = async () =>
      (await rig.servers())
        .map(({ id, name, status, addresses }) => ({ id, name, status, addresses }))
        .sort((a, b) => a.id.localeCompare(b.id))
    await until('all have floating IPs', async () =>
      (await rig.servers()).every(({ addresses }) =>
        Object.values(addresses)
          .flat()
          .some((each) => each['OS-EXT-IPS:type'] === 'floating'),
      ),
    )
    await Promise.all((await rig.servers()).map(({ id }) => rig.says(id, /login:/)))
    const before = await pictureOf()
    expect(before).toHaveLength(5)
    const consoles = new Map(
      await Promise.all(before.map(async ({ id }) => [id, await rig.consoleOf(id)] as const)),
    )

    expect(await rig.nimbo('snapshot', 'save', 'suite', '--description', 'five servers')).toMatch(
      /^suite is saved: .* in \d+ ms\.$/,
    )
    await Promise.all(before.map(({ id }) => rig.remove(id)))
    const { floatingips } = await rig.demo.call<{ floatingips: { id: string }[] }>('network', {
      path: '/v2.0/floatingips',
    })
    for (const { id } of floatingips)
      await rig.demo.call('network', { method: 'DELETE', path: `/v2.0/floatingips/${id}` })
    await rig.boot('made later')
    const later = await newUser('later')
    expect(await rig.servers()).toHaveLength(1)

    const restored = JSON.parse(await rig.nimbo('snapshot', 'restore', 'suite', '--json')) as {
      snapshot: { took_ms: number }
    }
    expect(await pictureOf()).toEqual(before)
    for (const [id, text] of consoles) expect((await rig.consoleOf(id)).startsWith(text.trimEnd())).toBe(true)
    // A token of before the save still holds; one of a user who isn't there does not.
    expect(await rig.servers()).toHaveLength(5)
    await expect(later.call('compute', { path: '/servers' })).rejects.toMatchObject({
      kind: 'unauthorized',
    })
    for (const host of ['node1', 'node2', 'node3']) expect(await rig.stateOf(host)).toBe('up')
    expect(restored.snapshot.took_ms).toBeLessThan(10_000)
    // It all works on.
    const id = await rig.boot('afterwards')
    await rig.becomes(id, 'ACTIVE')
    await rig.remove(id)
    await Promise.all(before.slice(2).map((each) => rig.remove(each.id)))
  })

  test('under names that are no paths, and by versions that know it', { concurrent: false }, async () => {
    expect((await rig.cloud.nimbo('snapshot', 'save', '../x')).code).toBe(1)
    expect((await rig.said('snapshot', 'save', 'suite')).stderr).toMatch(/already/)
    const manifest = `${rig.cloud.root}/snapshots/suite/snapshot.json`
    const text = await world.files.readText(manifest)
    await world.files.write(manifest, JSON.stringify({ ...JSON.parse(text), version: '0.0.1' }))
    const refused = await rig.said('snapshot', 'restore', 'suite')
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringMatching(/version 0\.0\.1.*save a new one/),
    ])
    expect(await rig.nimbo('snapshot', 'delete', 'suite')).toMatch(/deleted/)
    expect(await rig.nimbo('snapshot', 'list')).toBe('There is no snapshot.')
  })

  // At which of its steps is the unit tests' matter: here the whole cloud dies, before it begins and when it can't go back.
  test('as it was before or as it was saved, wherever the process is killed meanwhile', {
    concurrent: false,
  }, async () => {
    const names = async () => (await rig.servers()).map(({ name }) => name).sort()
    const saved = await names()
    await rig.nimbo('snapshot', 'save', 'before')
    await rig.becomes(await rig.boot('one more'), 'ACTIVE')
    const now = await names()
    const points = [
      ['when it is asked for', async () => {}, [saved, now]],
      ['when the content moves', contentMoves, [saved]],
    ] as const
    for (const [point, reached, allowed] of points) {
      const fault = await rig.add('agent', '--host', 'node3', '--for', '1h')
      const there = reached()
      const restoring = restoreSnapshot(rig.admin, 'before').catch((error) => error)
      await there
      const [pid] = (await world.files.readText(`${rig.cloud.root}/run/cloud.pid`)).split(' ')
      world.processes.signal(Number(pid), 'SIGKILL')
      await restoring
      await until('the APIs answer', () => rig.servers().catch(() => undefined))
      for (const host of rig.hostNames) await rig.hostIs(host, 'up')
      expect(allowed, `killed ${point}`).toContainEqual(await names())
      for (const { id } of await rig.servers()) await rig.becomes(id, 'ACTIVE')
      const listed = await until('the simulation service answers', async () => {
        const answer = await rig.said('fault', 'list')
        return answer.code === 0 && answer.stdout
      })
      expect(listed).toBe('There is no fault.')
      const { events } = await rig.admin.call<{ events: { data: Record<string, unknown> }[] }>('journal', {
        path: `/v1/events?subject=host:node3&limit=1000`,
      })
      const ends = events.filter(({ data }) => data?.fault_id === fault.id && data.ended_by !== undefined)
      // A restored journal knows nothing of a fault that came after it.
      for (const { data } of ends) expect(['restart', 'snapshot']).toContain(data.ended_by)
    }
    expect((await rig.nimbo('snapshot', 'list')).split('\n')).toHaveLength(2)
    await rig.nimbo('snapshot', 'delete', 'before')
  })

  /** What was saved takes the place of what is there: a marker on the disk says so. */
  function contentMoves(): Promise<void> {
    return new Promise((seen) => {
      const watching = watch(`${rig.cloud.root}/snapshots`, (_event, name) => {
        if (name !== '.restoring') return
        watching.close()
        seen()
      })
    })
  }

  async function newUser(name: string): Promise<Session> {
    const made = await rig.admin.call<{ user: { id: string } }>('identity', {
      method: 'POST',
      path: '/users',
      body: { user: { name, password: name, domain_id: 'default' } },
    })
    const { roles } = await rig.admin.call<{ roles: { id: string }[] }>('identity', {
      path: '/roles?name=member',
    })
    const path = `/projects/${rig.demo.projectId}/users/${made.user.id}/roles/${roles[0]!.id}`
    await rig.admin.call('identity', { method: 'PUT', path })
    const authUrl = `http://127.0.0.1:${rig.cloud.portBase}/v3`
    return openSession(httpClient(), {
      authUrl,
      username: name,
      password: name,
      project: 'demo',
      region: 'RegionOne',
    })
  }
})

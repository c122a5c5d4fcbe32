// Faults and snapshots of a live simulated cloud, by the command line: each fault with the effect that people see.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { openSession, type Session } from '#cli/openstack.ts'
import { restoreSnapshot } from '#cli/simulation/snapshot.ts'
import { httpClient } from '#kit/http/client.ts'
import { type LiveCloud, prepareLiveCloud, succeeded, until, world } from './live-cloud.ts'

type Server = {
  id: string
  name: string
  status: string
  addresses: Record<string, { addr: string; 'OS-EXT-IPS:type': string }[]>
  fault?: { message: string }
  'OS-EXT-SRV-ATTR:host': string | null
}
type Fault = { id: string; state: string; ended_by: string | null }

// As many hosts as get a thread of their own are many more than a test needs: what the two differ in is where they are.
describe.each([
  ['in one thread', 100],
  ['with its hosts in a thread of their own', 1],
])('a simulated cloud %s', (_, hostThreadFrom) => {
  let cloud: LiveCloud
  let admin: Session
  let demo: Session
  let network: string
  let image: string

  beforeAll(async () => {
    cloud = await prepareLiveCloud('simulation', 'sim')
    await world.files.makeFolder(cloud.root)
    await world.files.write(
      `${cloud.root}/nimbo.yaml`,
      [
        `cloud: { data_plane: sim, hosts: 3, host_thread_from: ${hostThreadFrom}, port_base: ${cloud.portBase} }`,
        // What takes a minute by default is to be seen within seconds.
        'compute: { service_down_time: 4s }',
        'compute_agent: { report_interval: 1s, sync_interval: 2s, stop_timeout: 3s }',
        'dhcp_agent: { reconcile_interval: 2s }',
        '',
      ].join('\n'),
    )
    succeeded(await cloud.up())
    admin = await cloud.session('admin')
    demo = await cloud.session('demo')
    network = (
      await demo.call<{ networks: { id: string; name: string; 'router:external': boolean }[] }>('network', {
        path: '/v2.0/networks',
      })
    ).networks.find((each) => !each['router:external'])!.id
    image = (await demo.call<{ images: { id: string }[] }>('image', { path: '/v2/images' })).images[0]!.id
  }, 180_000)
  afterAll(() => cloud?.destroy(), 60_000)

  const nimbo = async (...args: string[]) => succeeded(await cloud.nimbo(...args)).stdout.trim()
  const add = async (kind: string, ...args: string[]) => {
    const said = JSON.parse(await nimbo('fault', 'add', kind, ...args, '--json')) as { fault: Fault }
    return said.fault
  }
  const end = ({ id }: Fault) => nimbo('fault', 'end', id)
  const servers = async () =>
    (await demo.call<{ servers: Server[] }>('compute', { path: '/servers/detail' })).servers
  const server = async (id: string) =>
    (await admin.call<{ server: Server }>('compute', { path: `/servers/${id}` })).server
  const consoleOf = async (id: string) =>
    (
      await admin.call<{ output: string }>('compute', {
        method: 'POST',
        path: `/servers/${id}/action`,
        body: { 'os-getConsoleOutput': {} },
      })
    ).output
  const boot = async (name: string, host?: string) => {
    // On a host that is named nothing is tried elsewhere; only admins may name one.
    const { server: made } = await (host ? admin : demo).call<{ server: { id: string } }>('compute', {
      method: 'POST',
      path: '/servers',
      body: {
        server: {
          name,
          imageRef: image,
          flavorRef: '1',
          networks: [{ uuid: network }],
          ...(host && { availability_zone: `nova:${host}` }),
        },
      },
    })
    return made.id
  }
  const becomes = (id: string, status: string, seconds = 30) =>
    until(
      `server is ${status}`,
      async () => {
        const shown = await server(id)
        if (shown.status === 'ERROR' && status !== 'ERROR') throw new Error(shown.fault?.message)
        return shown.status === status && shown
      },
      seconds * 1000,
    )
  const says = (id: string, words: RegExp, seconds = 30) =>
    until(`the console says ${words}`, async () => words.test(await consoleOf(id)), seconds * 1000)
  const act = (id: string, action: Record<string, unknown>) =>
    admin.call('compute', { method: 'POST', path: `/servers/${id}/action`, body: action })
  const remove = async (id: string) => {
    await admin.call('compute', { method: 'DELETE', path: `/servers/${id}` })
    await until('the server is gone', async () => !(await admin.find('compute', `/servers/${id}`)))
  }
  const stateOf = async (host: string) =>
    (
      await admin.call<{ services: { state: string }[] }>('compute', {
        path: `/os-services?binary=nova-compute&host=${host}`,
      })
    ).services[0]!.state
  /** Milliseconds since the epoch. */
  const reportTimes = async () => {
    const path = '/os-services?binary=nova-compute'
    const { services } = await admin.call<{ services: { updated_at: string }[] }>('compute', { path })
    return services.map((each) => Date.parse(`${each.updated_at}Z`))
  }
  const hostIs = (host: string, state: 'up' | 'down') =>
    until(`${host} is ${state}`, async () => (await stateOf(host)) === state, 30_000)

  describe('is saved and put back', () => {
    test('with servers that run, their consoles, floating IPs and tokens', async () => {
      const { networks } = await demo.call<{ networks: { id: string; 'router:external': boolean }[] }>(
        'network',
        {
          path: '/v2.0/networks',
        },
      )
      const outside = networks.find((each) => each['router:external'])!.id
      for (const name of ['one', 'two', 'three', 'four']) {
        const id = await boot(name)
        await becomes(id, 'ACTIVE')
        const { ports } = await demo.call<{ ports: { id: string }[] }>('network', {
          path: `/v2.0/ports?device_id=${id}`,
        })
        await demo.call('network', {
          method: 'POST',
          path: '/v2.0/floatingips',
          body: { floatingip: { floating_network_id: outside, port_id: ports[0]!.id } },
        })
      }
      const pictureOf = async () =>
        (await servers())
          .map(({ id, name, status, addresses }) => ({ id, name, status, addresses }))
          .sort((a, b) => a.id.localeCompare(b.id))
      await until('all have floating IPs', async () =>
        (await servers()).every(({ addresses }) =>
          Object.values(addresses)
            .flat()
            .some((each) => each['OS-EXT-IPS:type'] === 'floating'),
        ),
      )
      for (const { id } of await servers()) await says(id, /login:/)
      const before = await pictureOf()
      expect(before).toHaveLength(5)
      const consoles = new Map(
        await Promise.all(before.map(async ({ id }) => [id, await consoleOf(id)] as const)),
      )

      expect(await nimbo('snapshot', 'save', 'suite', '--description', 'five servers')).toMatch(
        /^suite is saved: .* in \d+ ms\.$/,
      )
      for (const { id } of before) await remove(id)
      const { floatingips } = await demo.call<{ floatingips: { id: string }[] }>('network', {
        path: '/v2.0/floatingips',
      })
      for (const { id } of floatingips)
        await demo.call('network', { method: 'DELETE', path: `/v2.0/floatingips/${id}` })
      await boot('made later')
      const later = await newUser('later')
      expect(await servers()).toHaveLength(1)

      const restored = JSON.parse(await nimbo('snapshot', 'restore', 'suite', '--json')) as {
        snapshot: { took_ms: number }
      }
      expect(await pictureOf()).toEqual(before)
      for (const [id, text] of consoles) expect((await consoleOf(id)).startsWith(text.trimEnd())).toBe(true)
      // A token of before the save still holds; one of a user who isn't there does not.
      expect(await servers()).toHaveLength(5)
      await expect(later.call('compute', { path: '/servers' })).rejects.toMatchObject({
        kind: 'unauthorized',
      })
      for (const host of ['node1', 'node2', 'node3']) expect(await stateOf(host)).toBe('up')
      expect(restored.snapshot.took_ms).toBeLessThan(10_000)
      // It all works on.
      const id = await boot('afterwards')
      await becomes(id, 'ACTIVE')
      await remove(id)
      for (const { id } of before.slice(2)) await remove(id)
    }, 180_000)

    test('under names that are no paths, and by versions that know it', async () => {
      expect((await cloud.nimbo('snapshot', 'save', '../x')).code).toBe(1)
      expect((await cloud.nimbo('snapshot', 'save', 'suite')).stderr).toMatch(/already/)
      const manifest = `${cloud.root}/snapshots/suite/snapshot.json`
      const text = await world.files.readText(manifest)
      await world.files.write(manifest, JSON.stringify({ ...JSON.parse(text), version: '0.0.1' }))
      const refused = await cloud.nimbo('snapshot', 'restore', 'suite')
      expect([refused.code, refused.stderr]).toEqual([
        1,
        expect.stringMatching(/version 0\.0\.1.*save a new one/),
      ])
      expect(await nimbo('snapshot', 'delete', 'suite')).toMatch(/deleted/)
      expect(await nimbo('snapshot', 'list')).toBe('There is no snapshot.')
    }, 60_000)

    test('as it was before or as it was saved, wherever the process is killed meanwhile', async () => {
      const names = async () => (await servers()).map(({ name }) => name).sort()
      const saved = await names()
      await nimbo('snapshot', 'save', 'before')
      for (const ms of [10, 40, 150, 500]) {
        if ((await names()).length === saved.length) await becomes(await boot('one more'), 'ACTIVE')
        const now = await names()
        const fault = await add('agent', '--host', 'node3', '--for', '1h')
        const restoring = restoreSnapshot(admin, 'before').catch((error) => error)
        await world.timers.sleep(ms)
        const [pid] = (await world.files.readText(`${cloud.root}/run/cloud.pid`)).split(' ')
        world.processes.signal(Number(pid), 'SIGKILL')
        await restoring
        await until('the APIs answer', () => servers().catch(() => undefined))
        for (const host of ['node1', 'node2', 'node3']) await hostIs(host, 'up')
        const after = await names()
        expect([saved, now], `killed after ${ms} ms`).toContainEqual(after)
        for (const { id } of await servers()) await becomes(id, 'ACTIVE')
        const listed = await until('the simulation service answers', async () => {
          const said = await cloud.nimbo('fault', 'list')
          return said.code === 0 && said.stdout.trim()
        })
        expect(listed).toBe('There is no fault.')
        const { events } = await admin.call<{ events: { data: Record<string, unknown> }[] }>('journal', {
          path: `/v1/events?subject=host:node3&limit=1000`,
        })
        const ends = events.filter(({ data }) => data?.fault_id === fault.id && data.ended_by !== undefined)
        // A restored journal knows nothing of a fault that came after it.
        for (const { data } of ends) expect(['restart', 'snapshot']).toContain(data.ended_by)
      }
      expect((await nimbo('snapshot', 'list')).split('\n')).toHaveLength(2)
      await nimbo('snapshot', 'delete', 'before')
      for (const { id, name } of await servers()) if (name === 'one more') await remove(id)
    }, 180_000)

    async function newUser(name: string): Promise<Session> {
      const made = await admin.call<{ user: { id: string } }>('identity', {
        method: 'POST',
        path: '/users',
        body: { user: { name, password: name, domain_id: 'default' } },
      })
      const { roles } = await admin.call<{ roles: { id: string }[] }>('identity', {
        path: '/roles?name=member',
      })
      const path = `/projects/${demo.projectId}/users/${made.user.id}/roles/${roles[0]!.id}`
      await admin.call('identity', { method: 'PUT', path })
      const authUrl = `http://127.0.0.1:${cloud.portBase}/v3`
      return openSession(httpClient(), {
        authUrl,
        username: name,
        password: name,
        project: 'demo',
        region: 'RegionOne',
      })
    }
  })

  describe('has faults', () => {
    // What one test left must not fail the next.
    afterEach(async () => {
      await nimbo('fault', 'end', '--all')
    })

    test("agent: the host's services are down, and up again in the end", async () => {
      const fault = await add('agent', '--host', 'node1', '--for', '10m', '--reason', 'to see it')
      await hostIs('node1', 'down')
      expect(await nimbo('fault', 'list')).toMatch(/agent +host:node1 +active +in \d+ s +to see it/)
      await end(fault)
      await hostIs('node1', 'up')
      expect(await nimbo('fault', 'list')).toBe('There is no fault.')
      const { events } = await admin.call<{ events: { name: string; data: Record<string, unknown> }[] }>(
        'journal',
        {
          path: '/v1/events?subject=host:node1&name=fault.begin&name=fault.end',
        },
      )
      expect(events.filter(({ data }) => data?.fault_id === fault.id).map(({ name }) => name)).toEqual([
        'fault.begin',
        'fault.end',
      ])
    }, 90_000)

    test('link-cut: the host is down until the way is mended, and so much later works what was asked meanwhile', async () => {
      const fault = await add('link-cut', '--host', 'node2', '--to', 'controller', '--for', '10m')
      await hostIs('node2', 'down')
      await end(fault)
      await hostIs('node2', 'up')
      const id = await boot('over the mended way', 'node2')
      await becomes(id, 'ACTIVE')
      await remove(id)
    }, 90_000)

    test('link-slow: what is asked of the host takes longer', async () => {
      const id = await boot('far away', 'node2')
      await becomes(id, 'ACTIVE')
      const timed = async () => {
        const started = world.clock.monotonic()
        await consoleOf(id)
        return world.clock.monotonic() - started
      }
      const fault = await add(
        'link-slow',
        '--host',
        'node2',
        '--to',
        'controller',
        '--latency',
        '1s',
        '--for',
        '10m',
      )
      expect(await timed()).toBeGreaterThan(1_900)
      await end(fault)
      await until('it is fast again', async () => (await timed()) < 1_000)
      await remove(id)
    }, 90_000)

    test('controller: its APIs answer nothing, and then again', async () => {
      await add('controller', '--for', '3s')
      await expect(servers()).rejects.toMatchObject({ kind: 'unavailable' })
      await until('the APIs answer', () => servers().catch(() => undefined))
      // What they reported before still counts for a moment.
      const since = world.clock.now()
      await until('all hosts report again', async () => {
        const reports = await reportTimes()
        return reports.length === 3 && reports.every((at) => at > since)
      })
    }, 90_000)

    test('driver: the n-th call fails, and the server says why', async () => {
      await add('driver', '--host', 'node3', '--driver', 'virt', '--operation', 'create', '--for', '1m')
      const id = await boot('not made', 'node3')
      expect((await becomes(id, 'ERROR')).fault?.message).toMatch(/simulated virt driver failed at create/)
      await remove(id)
      const again = await boot('made', 'node3')
      await becomes(again, 'ACTIVE')
      await remove(again)
      await nimbo('fault', 'end', '--all')
      expect(
        (
          await cloud.nimbo(
            'fault',
            'add',
            'driver',
            '--host',
            'node3',
            '--driver',
            'virt',
            '--operation',
            'fly',
          )
        ).stderr,
      ).toMatch(/no operation 'fly'\. It has .*create/)
    }, 90_000)

    test('driver: a call hangs for as long as the fault lasts, and goes on then', async () => {
      const what = ['--host', 'node3', '--driver', 'virt', '--operation', 'create']
      const fault = await add('driver', ...what, '--effect', 'hang', '--for', '10m')
      const id = await boot('waits', 'node3')
      await world.timers.sleep(2_000)
      expect((await server(id)).status).toBe('BUILD')
      await end(fault)
      await becomes(id, 'ACTIVE')
      await remove(id)
    }, 90_000)

    test('disk-full: what is to be made on the host waits until there is room again', async () => {
      const fault = await add('disk-full', '--host', 'node1', '--for', '10m')
      const id = await boot('no room', 'node1')
      await world.timers.sleep(2_000)
      expect((await server(id)).status).toBe('BUILD')
      await end(fault)
      await becomes(id, 'ACTIVE', 60)
      await remove(id)
    }, 120_000)

    test("clock-skew: the host's records are of another time", async () => {
      const fault = await add('clock-skew', '--host', 'node1', '--skew', '2h', '--for', '10m')
      const id = await boot('of tomorrow', 'node1')
      await becomes(id, 'ACTIVE')
      await until('the journal has an event of the future', async () => {
        const { events } = await admin.call<{ events: { at: string; host: string }[] }>('journal', {
          path: `/v1/events?subject=server:${id}`,
        })
        return events.some(
          ({ at, host }) => host === 'node1' && Date.parse(at) > world.clock.now() + 6_000_000,
        )
      })
      await end(fault)
      await remove(id)
    }, 90_000)

    test('host-power: its guests are off with it, and start again when they are told to', async () => {
      const id = await boot('without power', 'node2')
      await becomes(id, 'ACTIVE')
      await says(id, /login:/)
      const fault = await add('host-power', '--host', 'node2', '--for', '10m')
      await hostIs('node2', 'down')
      await end(fault)
      await hostIs('node2', 'up')
      await becomes(id, 'SHUTOFF')
      await act(id, { 'os-start': null })
      await becomes(id, 'ACTIVE')
      await until('it has booted twice', async () => (await consoleOf(id)).split('login:').length > 2)
      await remove(id)
    }, 120_000)

    test('broker: what is asked waits for it, and is done when it is back', async () => {
      const fault = await add('broker', '--for', '10m')
      const id = await boot('waits for the bus')
      await world.timers.sleep(2_000)
      expect((await server(id)).status).toBe('BUILD')
      await end(fault)
      await becomes(id, 'ACTIVE', 60)
      for (const host of ['node1', 'node2', 'node3']) await hostIs(host, 'up')
      await remove(id)
    }, 120_000)

    test('network-process: without dnsmasq nobody gets an address, and everybody does in the end', async () => {
      const id = await boot('without a lease')
      await becomes(id, 'ACTIVE')
      await says(id, /login:/)
      const fault = await add(
        'network-process',
        '--network',
        'private',
        '--process',
        'dnsmasq',
        '--for',
        '10m',
      )
      // A hard reboot begins a new console log.
      await act(id, { reboot: { type: 'HARD' } })
      await says(id, /no lease/)
      await end(fault)
      // The agent tries once a second.
      await world.timers.sleep(3_000)
      await becomes(id, 'ACTIVE')
      await act(id, { reboot: { type: 'HARD' } })
      await says(id, /lease of 10\./)
      await remove(id)
    }, 120_000)

    test('link-cut between hosts: a guest hears nothing of the DHCP server on the other one', async () => {
      const { agents } = await admin.call<{ agents: { host: string }[] }>('network', {
        path: `/v2.0/networks/${network}/dhcp-agents`,
      })
      const there = agents[0]!.host
      const here = ['node1', 'node2', 'node3'].find((host) => !agents.some((each) => each.host === host))!
      const faults = await Promise.all(
        agents.map(({ host }) => add('link-cut', '--host', here, '--to', host, '--for', '10m')),
      )
      expect(there).not.toBe(here)
      const id = await boot('alone', here)
      await becomes(id, 'ACTIVE')
      await says(id, /no lease/)
      expect(await consoleOf(id)).not.toMatch(/lease of 10\./)
      for (const fault of faults) await end(fault)
      await act(id, { reboot: { type: 'HARD' } })
      await says(id, /lease of 10\./, 60)
      await remove(id)
    }, 120_000)

    test('guest-panic, guest-hang and guest-disk-full are seen on the console and at the power button', async () => {
      const id = await boot('poor thing')
      await becomes(id, 'ACTIVE')
      await says(id, /login:/)
      const full = await add('guest-disk-full', '--server', 'poor thing', '--for', '10m')
      await says(id, /No space left on device/)
      await end(full)
      const hung = await add('guest-hang', '--server', id, '--for', '10m')
      await act(id, { 'os-stop': null })
      await becomes(id, 'SHUTOFF')
      // It never heard its power button: the host took its power away when the time was over.
      expect(await consoleOf(id)).not.toMatch(/Requesting system poweroff/)
      await end(hung)
      await act(id, { 'os-start': null })
      await becomes(id, 'ACTIVE')
      await says(id, /login:/)
      await add('guest-panic', '--server', id)
      await says(id, /Kernel panic - not syncing/)
      expect(await nimbo('fault', 'list')).toBe('There is no fault.')
      await act(id, { reboot: { type: 'HARD' } })
      await becomes(id, 'ACTIVE')
      await remove(id)
    }, 120_000)

    test('guest-network: the guest is deaf to what its network brings', async () => {
      const id = await boot('deaf')
      await becomes(id, 'ACTIVE')
      await says(id, /login:/)
      const fault = await add('guest-network', '--server', 'deaf', '--for', '10s')
      expect(await nimbo('fault', 'show', fault.id.slice(0, 8))).toMatch(new RegExp(`subject +server:${id}`))
      await until('it is over', async () => {
        const { fault: now } = JSON.parse(await nimbo('fault', 'show', fault.id, '--json')) as {
          fault: Fault
        }
        return now.ended_by === 'time'
      })
      await remove(id)
    }, 120_000)

    test('fault words that are wrong are refused, with what is wrong', async () => {
      const said = async (...args: string[]) => {
        const { code, stderr } = await cloud.nimbo('fault', ...args)
        return `${code} ${stderr}`
      }
      expect(await said('add', 'agent', '--host', 'node9')).toMatch(/^1 .*There is no host 'node9'/)
      expect(await said('add', 'agent')).toMatch(/^1 .*'host' is missing/)
      expect(await said('add', 'earthquake')).toMatch(/^1 .*no such kind.*host-power/)
      expect(await said('add', 'agent', '--host', 'node1', '--for', 'ever')).toMatch(
        /^2 .*--for takes a time/,
      )
      expect(await said('end', 'nothing')).toMatch(/^1 .*no fault 'nothing'/)
      expect(await said('frobnicate')).toMatch(/^2 /)
    }, 60_000)
  })
})

// Faults of a live simulated cloud, by the command line: each with the effect that people see.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { until, world } from './live-cloud.ts'
import { type Fault, openSimulatedCloud, placesOfHosts, type SimulatedCloud } from './simulated-cloud.ts'

// Most of it is waiting: both clouds at once, and what strikes one host beside what strikes another.
describe.concurrent.each(placesOfHosts)('a simulated cloud %s has faults', (_, hostThreadFrom) => {
  let rig: SimulatedCloud
  beforeAll(async () => {
    rig = await openSimulatedCloud(11, hostThreadFrom)
  })
  afterAll(() => rig?.cloud.destroy())

  /** A server of another host, begun now, runs: what is still not made then waits for something. */
  const overtaken = async () => {
    const id = await rig.boot('nothing in its way', 'node10')
    await rig.becomes(id, 'ACTIVE')
    await rig.remove(id)
  }

  /** For twice as long as it takes where nothing is in its way. */
  const staysInBuild = async (id: string) => {
    const since = world.clock.monotonic()
    await until('a while has passed', async () => {
      expect((await rig.server(id)).status).toBe('BUILD')
      return world.clock.monotonic() - since > 2_000
    })
  }
  const dhcpHosts = async () => {
    const path = `/v2.0/networks/${rig.network}/dhcp-agents`
    const { agents } = await rig.admin.call<{ agents: { host: string }[] }>('network', { path })
    return agents.map(({ host }) => host)
  }

  // Each on a host of its own: node10 is for servers that nothing befalls, and node1 has the network's DHCP, for which all wait.
  describe.concurrent('on one host', () => {
    test("agent: the host's services are down, and up again in the end", async () => {
      const fault = await rig.add('agent', '--host', 'node11', '--for', '10m', '--reason', 'to see it')
      await rig.hostIs('node11', 'down')
      expect(await rig.nimbo('fault', 'list')).toMatch(/agent +host:node11 +active +in \d+ s +to see it/)
      await rig.end(fault)
      await rig.hostIs('node11', 'up')
      expect(await rig.nimbo('fault', 'list')).not.toContain(fault.id.slice(0, 8))
      const path = '/v1/events?subject=host:node11&name=fault.begin&name=fault.end'
      // The journal is a moment behind.
      const told = await until('the journal tells of its end', async () => {
        const { events } = await rig.admin.call<{
          events: { name: string; data: Record<string, unknown> }[]
        }>('journal', { path })
        const names = events.filter(({ data }) => data?.fault_id === fault.id).map(({ name }) => name)
        return names.length > 1 && names
      })
      expect(told).toEqual(['fault.begin', 'fault.end'])
    })

    test('link-cut: the host is down until the way is mended, and so much later works what was asked meanwhile', async () => {
      const fault = await rig.add('link-cut', '--host', 'node2', '--to', 'controller', '--for', '10m')
      await rig.hostIs('node2', 'down')
      await rig.end(fault)
      await rig.hostIs('node2', 'up')
      const id = await rig.boot('over the mended way', 'node2')
      await rig.becomes(id, 'ACTIVE')
      await rig.remove(id)
    })

    test('link-slow: what is asked of the host takes longer', async () => {
      const id = await rig.boot('far away', 'node3')
      await rig.becomes(id, 'ACTIVE')
      const timed = async () => {
        const started = world.clock.monotonic()
        await rig.consoleOf(id)
        return world.clock.monotonic() - started
      }
      const way = ['--host', 'node3', '--to', 'controller', '--latency', '500ms']
      const fault = await rig.add('link-slow', ...way, '--for', '10m')
      expect(await timed()).toBeGreaterThan(900)
      await rig.end(fault)
      await until('it is fast again', async () => (await timed()) < 900)
      await rig.remove(id)
    })

    test('driver: the n-th call fails, and the server says why', async () => {
      const what = ['--host', 'node4', '--driver', 'virt', '--operation', 'create']
      await rig.add('driver', ...what, '--for', '10m')
      const id = await rig.boot('not made', 'node4')
      expect((await rig.becomes(id, 'ERROR')).fault?.message).toMatch(
        /simulated virt driver failed at create/,
      )
      await rig.remove(id)
      const again = await rig.boot('made', 'node4')
      await rig.becomes(again, 'ACTIVE')
      await rig.remove(again)
      const flies = ['--host', 'node4', '--driver', 'virt', '--operation', 'fly']
      expect((await rig.said('fault', 'add', 'driver', ...flies)).stderr).toMatch(
        /no operation 'fly'\. It has .*create/,
      )
    })

    test('driver: a call hangs for as long as the fault lasts, and goes on then', async () => {
      const what = ['--host', 'node5', '--driver', 'virt', '--operation', 'create']
      const fault = await rig.add('driver', ...what, '--effect', 'hang', '--for', '10m')
      const id = await rig.boot('waits', 'node5')
      await overtaken()
      expect((await rig.server(id)).status).toBe('BUILD')
      await rig.end(fault)
      await rig.becomes(id, 'ACTIVE')
      await rig.remove(id)
    })

    test('disk-full: what can be made nowhere else says why, and there is room again in the end', async () => {
      const fault = await rig.add('disk-full', '--host', 'node6', '--for', '10m')
      const id = await rig.boot('no room', 'node6')
      expect((await rig.becomes(id, 'ERROR')).fault?.message).toMatch(/No space left on the disk of node6/)
      await rig.remove(id)
      await rig.end(fault)
      const again = await rig.boot('room', 'node6')
      await rig.becomes(again, 'ACTIVE')
      await rig.remove(again)
    })

    test("clock-skew: the host's records are of another time", async () => {
      const fault = await rig.add('clock-skew', '--host', 'node7', '--skew', '2h', '--for', '10m')
      const id = await rig.boot('of tomorrow', 'node7')
      await rig.becomes(id, 'ACTIVE')
      await until('the journal has an event of the future', async () => {
        const { events } = await rig.admin.call<{ events: { at: string; host: string }[] }>('journal', {
          path: `/v1/events?subject=server:${id}`,
        })
        return events.some(
          ({ at, host }) => host === 'node7' && Date.parse(at) > world.clock.now() + 6_000_000,
        )
      })
      await rig.end(fault)
      await rig.remove(id)
    })

    test('host-power: its guests are off with it, and start again when they are told to', async () => {
      const id = await rig.boot('without power', 'node8')
      await rig.becomes(id, 'ACTIVE')
      await rig.says(id, /login:/)
      const fault = await rig.add('host-power', '--host', 'node8', '--for', '10m')
      await rig.hostIs('node8', 'down')
      await rig.end(fault)
      await rig.hostIs('node8', 'up')
      await rig.becomes(id, 'SHUTOFF')
      await rig.act(id, { 'os-start': null })
      await rig.becomes(id, 'ACTIVE')
      await until('it has booted twice', async () => (await rig.consoleOf(id)).split('login:').length > 2)
      await rig.remove(id)
    })

    test('guest-panic, guest-hang and guest-disk-full are seen on the console and at the power button', async () => {
      const id = await rig.boot('poor thing', 'node9')
      await rig.becomes(id, 'ACTIVE')
      await rig.says(id, /login:/)
      const full = await rig.add('guest-disk-full', '--server', 'poor thing', '--for', '10m')
      await rig.says(id, /No space left on device/)
      await rig.end(full)
      const hung = await rig.add('guest-hang', '--server', id, '--for', '10m')
      await rig.act(id, { 'os-stop': null })
      await rig.becomes(id, 'SHUTOFF')
      // It never heard its power button: the host took its power away when the time was over.
      expect(await rig.consoleOf(id)).not.toMatch(/Requesting system poweroff/)
      await rig.end(hung)
      await rig.act(id, { 'os-start': null })
      await rig.becomes(id, 'ACTIVE')
      await rig.says(id, /login:/)
      await rig.add('guest-panic', '--server', id)
      await rig.says(id, /Kernel panic - not syncing/)
      // It strikes once, and is over.
      expect(await rig.nimbo('fault', 'list')).not.toContain('guest-panic')
      await rig.act(id, { reboot: { type: 'HARD' } })
      await rig.becomes(id, 'ACTIVE')
      await rig.remove(id)
    })

    test('guest-network: the guest is deaf to what its network brings', async () => {
      const id = await rig.boot('deaf', 'node9')
      await rig.becomes(id, 'ACTIVE')
      await rig.says(id, /login:/)
      const fault = await rig.add('guest-network', '--server', 'deaf', '--for', '3s')
      expect(await rig.nimbo('fault', 'show', fault.id.slice(0, 8))).toMatch(
        new RegExp(`subject +server:${id}`),
      )
      await until('it is over', async () => {
        const { fault: now } = JSON.parse(await rig.nimbo('fault', 'show', fault.id, '--json')) as {
          fault: Fault
        }
        return now.ended_by === 'time'
      })
      await rig.remove(id)
    })
  })

  describe('on all of it', { concurrent: false }, () => {
    const endAll = () => rig.nimbo('fault', 'end', '--all')
    // What one test left must not fail the next.
    beforeAll(endAll)
    afterEach(endAll)

    test('controller: its APIs answer nothing, and then again', async () => {
      const isAway = () =>
        rig.servers().then(
          () => false,
          (error) => error.kind === 'unavailable',
        )
      // It may be over before the command that began it has ended.
      const away = until('the APIs answer nothing', isAway, 60_000, 50)
      await Promise.all([rig.add('controller', '--for', '3s'), away])
      await until('the APIs answer', () => rig.servers().catch(() => undefined))
      // What they reported before still counts for a moment.
      const since = world.clock.now()
      await until('all hosts report again', async () => {
        const reports = await rig.reportTimes()
        return reports.length === 11 && reports.every((at) => at > since)
      })
    })

    test('broker: what is asked waits for it, and is done when it is back', async () => {
      const fault = await rig.add('broker', '--for', '10m')
      const id = await rig.boot('waits for the bus')
      await staysInBuild(id)
      await rig.end(fault)
      await rig.becomes(id, 'ACTIVE')
      for (const host of rig.hostNames) await rig.hostIs(host, 'up')
      await rig.remove(id)
    })

    test("disk-full where the network's DHCP is: what is to be made waits until there is room again", async () => {
      const [host] = await dhcpHosts()
      const fault = await rig.add('disk-full', '--host', host!, '--for', '10m')
      const id = await rig.boot('no address', host!)
      await staysInBuild(id)
      await rig.end(fault)
      await rig.becomes(id, 'ACTIVE')
      await rig.remove(id)
    })

    test('network-process: without dnsmasq nobody gets an address, and everybody does in the end', async () => {
      const id = await rig.boot('without a lease')
      await rig.becomes(id, 'ACTIVE')
      await rig.says(id, /login:/)
      const fault = await rig.add(
        'network-process',
        '--network',
        'private',
        '--process',
        'dnsmasq',
        '--for',
        '10m',
      )
      // A hard reboot begins a new console log.
      await rig.act(id, { reboot: { type: 'HARD' } })
      await rig.says(id, /no lease/)
      await rig.end(fault)
      // A guest asks when it boots, and the host starts the process again when it looks next.
      await until('it has a lease', async () => {
        await rig.becomes(id, 'ACTIVE')
        await rig.act(id, { reboot: { type: 'HARD' } })
        await rig.becomes(id, 'ACTIVE')
        await rig.says(id, /lease of 10\.|no lease/)
        return /lease of 10\./.test(await rig.consoleOf(id))
      })
      await rig.remove(id)
    })

    test('link-cut between hosts: a guest hears nothing of the DHCP server on the other one', async () => {
      const there = await dhcpHosts()
      const here = rig.hostNames.find((host) => !there.includes(host))!
      const faults = await Promise.all(
        there.map((host) => rig.add('link-cut', '--host', here, '--to', host, '--for', '10m')),
      )
      expect(there.length).toBeGreaterThan(0)
      const id = await rig.boot('alone', here)
      await rig.becomes(id, 'ACTIVE')
      await rig.says(id, /no lease/)
      expect(await rig.consoleOf(id)).not.toMatch(/lease of 10\./)
      for (const fault of faults) await rig.end(fault)
      await rig.act(id, { reboot: { type: 'HARD' } })
      await rig.says(id, /lease of 10\./)
      await rig.remove(id)
    })

    test('fault words that are wrong are refused, with what is wrong', async () => {
      const said = async (...args: string[]) => {
        const { code, stderr } = await rig.said('fault', ...args)
        return `${code} ${stderr}`
      }
      expect(await said('add', 'agent', '--host', 'node12')).toMatch(/^1 .*There is no host 'node12'/)
      expect(await said('add', 'agent')).toMatch(/^1 .*'host' is missing/)
      expect(await said('add', 'earthquake')).toMatch(/^1 .*no such kind.*host-power/)
      expect(await said('add', 'agent', '--host', 'node1', '--for', 'ever')).toMatch(
        /^2 .*--for takes a time/,
      )
      expect(await said('end', 'nothing')).toMatch(/^1 .*no fault 'nothing'/)
      expect(await said('frobnicate')).toMatch(/^2 /)
      // The process itself, with its answer.
      const whole = await rig.cloud.nimbo('fault', 'add', 'agent')
      expect([whole.code, whole.stderr]).toEqual([1, expect.stringMatching(/^nimbo: .*'host' is missing/)])
      expect((await rig.cloud.nimbo('fault', 'list')).stdout.trim()).toBe('There is no fault.')
    })
  })
})

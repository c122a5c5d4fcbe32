// Faults of a live simulated cloud, by the command line: each with the effect that people see.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { until, world } from './live-cloud.ts'
import { type Fault, openSimulatedCloud, placesOfHosts, type SimulatedCloud } from './simulated-cloud.ts'

describe.each(placesOfHosts)('a simulated cloud %s has faults', (_, hostThreadFrom) => {
  let rig: SimulatedCloud
  beforeAll(async () => {
    rig = await openSimulatedCloud(hostThreadFrom)
  }, 180_000)
  afterAll(() => rig?.cloud.destroy(), 60_000)

  // What one test left must not fail the next.
  afterEach(async () => {
    await rig.nimbo('fault', 'end', '--all')
  })

  test("agent: the host's services are down, and up again in the end", async () => {
    const fault = await rig.add('agent', '--host', 'node1', '--for', '10m', '--reason', 'to see it')
    await rig.hostIs('node1', 'down')
    expect(await rig.nimbo('fault', 'list')).toMatch(/agent +host:node1 +active +in \d+ s +to see it/)
    await rig.end(fault)
    await rig.hostIs('node1', 'up')
    expect(await rig.nimbo('fault', 'list')).toBe('There is no fault.')
    const { events } = await rig.admin.call<{ events: { name: string; data: Record<string, unknown> }[] }>(
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
    const fault = await rig.add('link-cut', '--host', 'node2', '--to', 'controller', '--for', '10m')
    await rig.hostIs('node2', 'down')
    await rig.end(fault)
    await rig.hostIs('node2', 'up')
    const id = await rig.boot('over the mended way', 'node2')
    await rig.becomes(id, 'ACTIVE')
    await rig.remove(id)
  }, 90_000)

  test('link-slow: what is asked of the host takes longer', async () => {
    const id = await rig.boot('far away', 'node2')
    await rig.becomes(id, 'ACTIVE')
    const timed = async () => {
      const started = world.clock.monotonic()
      await rig.consoleOf(id)
      return world.clock.monotonic() - started
    }
    const fault = await rig.add(
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
    await rig.end(fault)
    await until('it is fast again', async () => (await timed()) < 1_000)
    await rig.remove(id)
  }, 90_000)

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
      return reports.length === 3 && reports.every((at) => at > since)
    })
  }, 90_000)

  test('driver: the n-th call fails, and the server says why', async () => {
    await rig.add('driver', '--host', 'node3', '--driver', 'virt', '--operation', 'create', '--for', '1m')
    const id = await rig.boot('not made', 'node3')
    expect((await rig.becomes(id, 'ERROR')).fault?.message).toMatch(/simulated virt driver failed at create/)
    await rig.remove(id)
    const again = await rig.boot('made', 'node3')
    await rig.becomes(again, 'ACTIVE')
    await rig.remove(again)
    await rig.nimbo('fault', 'end', '--all')
    expect(
      (
        await rig.cloud.nimbo(
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
    const fault = await rig.add('driver', ...what, '--effect', 'hang', '--for', '10m')
    const id = await rig.boot('waits', 'node3')
    await world.timers.sleep(2_000)
    expect((await rig.server(id)).status).toBe('BUILD')
    await rig.end(fault)
    await rig.becomes(id, 'ACTIVE')
    await rig.remove(id)
  }, 90_000)

  test('disk-full: what is to be made on the host waits until there is room again', async () => {
    const fault = await rig.add('disk-full', '--host', 'node1', '--for', '10m')
    const id = await rig.boot('no room', 'node1')
    await world.timers.sleep(2_000)
    expect((await rig.server(id)).status).toBe('BUILD')
    await rig.end(fault)
    await rig.becomes(id, 'ACTIVE', 60)
    await rig.remove(id)
  }, 120_000)

  test("clock-skew: the host's records are of another time", async () => {
    const fault = await rig.add('clock-skew', '--host', 'node1', '--skew', '2h', '--for', '10m')
    const id = await rig.boot('of tomorrow', 'node1')
    await rig.becomes(id, 'ACTIVE')
    await until('the journal has an event of the future', async () => {
      const { events } = await rig.admin.call<{ events: { at: string; host: string }[] }>('journal', {
        path: `/v1/events?subject=server:${id}`,
      })
      return events.some(({ at, host }) => host === 'node1' && Date.parse(at) > world.clock.now() + 6_000_000)
    })
    await rig.end(fault)
    await rig.remove(id)
  }, 90_000)

  test('host-power: its guests are off with it, and start again when they are told to', async () => {
    const id = await rig.boot('without power', 'node2')
    await rig.becomes(id, 'ACTIVE')
    await rig.says(id, /login:/)
    const fault = await rig.add('host-power', '--host', 'node2', '--for', '10m')
    await rig.hostIs('node2', 'down')
    await rig.end(fault)
    await rig.hostIs('node2', 'up')
    await rig.becomes(id, 'SHUTOFF')
    await rig.act(id, { 'os-start': null })
    await rig.becomes(id, 'ACTIVE')
    await until('it has booted twice', async () => (await rig.consoleOf(id)).split('login:').length > 2)
    await rig.remove(id)
  }, 120_000)

  test('broker: what is asked waits for it, and is done when it is back', async () => {
    const fault = await rig.add('broker', '--for', '10m')
    const id = await rig.boot('waits for the bus')
    await world.timers.sleep(2_000)
    expect((await rig.server(id)).status).toBe('BUILD')
    await rig.end(fault)
    await rig.becomes(id, 'ACTIVE', 60)
    for (const host of ['node1', 'node2', 'node3']) await rig.hostIs(host, 'up')
    await rig.remove(id)
  }, 120_000)

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
    // The agent tries once a second.
    await world.timers.sleep(3_000)
    await rig.becomes(id, 'ACTIVE')
    await rig.act(id, { reboot: { type: 'HARD' } })
    await rig.says(id, /lease of 10\./)
    await rig.remove(id)
  }, 120_000)

  test('link-cut between hosts: a guest hears nothing of the DHCP server on the other one', async () => {
    const { agents } = await rig.admin.call<{ agents: { host: string }[] }>('network', {
      path: `/v2.0/networks/${rig.network}/dhcp-agents`,
    })
    const there = agents[0]!.host
    const here = ['node1', 'node2', 'node3'].find((host) => !agents.some((each) => each.host === host))!
    const faults = await Promise.all(
      agents.map(({ host }) => rig.add('link-cut', '--host', here, '--to', host, '--for', '10m')),
    )
    expect(there).not.toBe(here)
    const id = await rig.boot('alone', here)
    await rig.becomes(id, 'ACTIVE')
    await rig.says(id, /no lease/)
    expect(await rig.consoleOf(id)).not.toMatch(/lease of 10\./)
    for (const fault of faults) await rig.end(fault)
    await rig.act(id, { reboot: { type: 'HARD' } })
    await rig.says(id, /lease of 10\./, 60)
    await rig.remove(id)
  }, 120_000)

  test('guest-panic, guest-hang and guest-disk-full are seen on the console and at the power button', async () => {
    const id = await rig.boot('poor thing')
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
    expect(await rig.nimbo('fault', 'list')).toBe('There is no fault.')
    await rig.act(id, { reboot: { type: 'HARD' } })
    await rig.becomes(id, 'ACTIVE')
    await rig.remove(id)
  }, 120_000)

  test('guest-network: the guest is deaf to what its network brings', async () => {
    const id = await rig.boot('deaf')
    await rig.becomes(id, 'ACTIVE')
    await rig.says(id, /login:/)
    const fault = await rig.add('guest-network', '--server', 'deaf', '--for', '10s')
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
  }, 120_000)

  test('fault words that are wrong are refused, with what is wrong', async () => {
    const said = async (...args: string[]) => {
      const { code, stderr } = await rig.cloud.nimbo('fault', ...args)
      return `${code} ${stderr}`
    }
    expect(await said('add', 'agent', '--host', 'node9')).toMatch(/^1 .*There is no host 'node9'/)
    expect(await said('add', 'agent')).toMatch(/^1 .*'host' is missing/)
    expect(await said('add', 'earthquake')).toMatch(/^1 .*no such kind.*host-power/)
    expect(await said('add', 'agent', '--host', 'node1', '--for', 'ever')).toMatch(/^2 .*--for takes a time/)
    expect(await said('end', 'nothing')).toMatch(/^1 .*no fault 'nothing'/)
    expect(await said('frobnicate')).toMatch(/^2 /)
  }, 60_000)
})

// The Open vSwitch driver on this kernel (wiring-rig.ts).

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { networkAgentConfig, startNetworkAgent } from '#agents/network/index.ts'
import type { HostWiring, PortRule, PortWiring } from '#contracts/network-agent.ts'
import { wiringConformance } from '#drivers/wiring/conformance.ts'
import type { WiringDriver } from '#drivers/wiring/driver.ts'
import { openOvsWiring } from '#drivers/wiring/ovs/open.ts'
import type { Bus } from '#kit/bus/bus.ts'
import { withDefaults } from '#kit/config/section.ts'
import type { Journal } from '#kit/journal/journal.ts'
import {
  deviceIn,
  linksOf,
  log,
  makeRig,
  must,
  ping,
  python,
  type RealRig,
  tunnelIps,
  world,
} from './wiring-rig.ts'

wiringConformance('ovs', makeRig)

describe('Open vSwitch in particular', () => {
  let rig: RealRig
  const network = { networkId: 'a51635b1-d023-419a-93b5-39de47755d2d', segmentationId: 33 }
  const anything: PortRule[] = (['ingress', 'egress'] as const).map((direction) => ({
    direction,
    ethertype: 'IPv4',
    protocol: null,
    portMin: null,
    portMax: null,
    remotePrefix: null,
    remoteGroupId: null,
  }))
  const port = (number: number, change: Partial<PortWiring> = {}): PortWiring => ({
    portId: `1332271${(13 + number).toString(16)}-0d00-4000-8000-000000000000`,
    mac: `fa:16:3e:aa:00:0${number}`,
    fixedIps: [{ subnetId: 's', ipAddress: `10.0.0.${number}` }],
    mtu: 1450,
    networkType: 'vxlan',
    physicalNetwork: null,
    adminUp: true,
    deviceOwner: 'compute:nova',
    deviceId: `server-${number}`,
    portSecurityEnabled: true,
    allowedAddressPairs: [],
    securityRules: anything,
    tunnelPeers: [],
    generation: 1,
    ...network,
    ...change,
  })
  const space = (number: number) => `${rig.namespacePrefix}${number}`
  const place = async (driver: WiringDriver, wiring: PortWiring, number: number) => {
    await driver.ensureNamespace(space(number))
    await driver.plugIntoNamespace(wiring, { namespace: space(number), addresses: [`10.0.0.${number}/24`] })
  }
  const desired = (...ports: PortWiring[]): HostWiring => ({
    generation: 1,
    ports,
    remoteGroups: {},
    tunnelPeers: [],
  })
  const tool = (command: string, ...args: string[]) => {
    const run = rig.options(0).places!.runFolder
    return command === 'ovs-vsctl'
      ? must(command, `--db=unix:${run}/db.sock`, ...args)
      : must(command, args[0]!, `unix:${run}/${args[1]}.mgmt`, ...args.slice(2))
  }

  beforeAll(async () => {
    rig = await makeRig()
    const [driver] = rig.drivers
    for (const number of [1, 2]) await place(driver, port(number), number)
    await driver.applyWiring(desired(port(1), port(2)))
  })
  afterAll(async () => rig?.dispose())

  test('rows 171-182: the stock tools show what they should', async () => {
    const shown = await tool('ovs-vsctl', 'show')
    for (const line of [
      'Bridge br-int',
      'Bridge br-tun',
      'Bridge br-ex',
      'Port tap1332271e-0d',
      'tag: 1',
      'Port int-br-ex',
      'type: patch',
    ])
      expect(shown).toContain(line)
    const ids = await tool('ovs-vsctl', 'get', 'Interface', 'tap1332271e-0d', 'external_ids')
    expect(ids).toContain('attached-mac="fa:16:3e:aa:00:0')
    expect(ids).toContain('iface-id="1332271e-0d00')
    const flows = await tool('ovs-ofctl', 'dump-flows', 'br-int')
    expect(flows).toMatch(
      /cookie=0x[0-9a-f]+, duration=.*table=71, n_packets=\d+.*priority=95.*arp_spa=10\.0\.0\.1/,
    )
    expect(await tool('ovs-ofctl', 'dump-flows', 'br-tun')).toMatch(
      /table=4.*tun_id=0x21 actions=mod_vlan_vid:1,resubmit\(,10\)/,
    )
    expect(await tool('ovs-ofctl', 'show', 'br-int')).toContain('patch-tun')
  })

  test('a guest must not play DHCP server, though its rules allow all', async () => {
    const listen = `
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('', 68)); s.settimeout(60)
try: data, who = s.recvfrom(100); sys.exit(0 if who[1] == 1067 else 2)
except OSError: sys.exit(1)
`
    const send = `
import socket
for source in (67, 1067):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('', source)); s.sendto(b'offer', ('10.0.0.2', 68))
`
    expect(await rig.patient(() => ping(space(1), '10.0.0.2'))).toBe(true)
    const listening = python(space(2), listen)
    while (!(await must('ip', 'netns', 'exec', space(2), 'cat', '/proc/net/udp')).includes(':0044 '))
      await world.timers.sleep(10)
    await python(space(1), send)
    expect(await listening, 'only the datagram that is no DHCP answer arrives').toBe(true)
  })

  test("a guest can't speak ARP for another's address, but for its allowed pairs", async () => {
    const pair = { ipAddress: '10.0.0.78', macAddress: 'fa:16:3e:aa:00:01' }
    await rig.drivers[0].applyWiring(desired(port(1, { allowedAddressPairs: [pair] }), port(2)))
    const ask = `
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0); s.bind(('${await deviceIn(space(1))}', 0))
mac = bytes.fromhex('fa163eaa0001')
for source in ('10.0.0.77', '10.0.0.78'):
    arp = bytes.fromhex('0001080006040001') + mac + socket.inet_aton(source) + bytes(6) + socket.inet_aton('10.0.0.2')
    s.send(bytes.fromhex('ffffffffffff') + mac + bytes.fromhex('0806') + arp)
`
    const known = () => must('ip', '-n', space(2), 'neigh')
    expect(
      await rig.patient(async () => (await python(space(1), ask)) && (await known()).includes('10.0.0.78')),
    ).toBe(true)
    expect(await known()).not.toContain('10.0.0.77')
  })

  test('the daemon killed, then both: all is put back, with the same port numbers', async () => {
    const [driver] = rig.drivers
    const wiring = desired(port(1), port(2))
    const numbers = async () =>
      (await tool('ovs-vsctl', '--columns=name,ofport', '-f', 'csv', 'list', 'Interface')).split('\n').sort()
    const before = await numbers()
    for (const victims of [['ovs-vswitchd'], ['ovs-vswitchd', 'ovsdb-server']]) {
      const resets: string[] = []
      const reset = new Promise<void>((resolve) => {
        const stop = driver.events((event) => {
          if (event.kind !== 'reset') return
          resets.push(event.reason)
          if (!event.reason.includes('vswitchd')) return
          stop()
          resolve()
        })
      })
      for (const name of victims) {
        const pid = Number(await world.files.readText(`${rig.options(0).places!.runFolder}/${name}.pid`))
        world.processes.signal(pid, 'SIGKILL')
      }
      await reset
      expect(await ping(space(1), '10.0.0.2'), 'without flows nothing passes').toBe(false)
      expect((await driver.applyWiring(wiring)).wired).toHaveLength(2)
      expect(await rig.patient(() => ping(space(1), '10.0.0.2'))).toBe(true)
      expect(await numbers()).toEqual(before)
      expect(await must('ip', '-n', rig.hosts[0], '-br', 'addr', 'show', 'br-ex')).toContain('172.24.4.1/24')
    }
  })

  test('with the agent above it, a killed daemon is only a pause', async () => {
    const [driver] = rig.drivers
    const wiring = desired(port(1), port(2))
    const trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) }
    const journal: Journal = {
      record() {},
      span: (given, _event, work) => work(given),
      newTrace: () => trace,
      childOf: (parent) => parent,
      as: () => journal,
      flush: async () => {},
    }
    // The network service, at the edge: it wants the same two ports all the time.
    const answers: Record<string, unknown> = {
      wiringSince: { generation: wiring.generation, ports: wiring.ports, networks: [], groups: [] },
      agentReport: { status: 'alive' },
    }
    const bus = {
      caller: () =>
        new Proxy({}, { get: (_target, name) => async () => answers[String(name)] ?? { accepted: true } }),
      serve: async () => ({ stop: async () => {} }),
    } as unknown as Bus
    const agent = await startNetworkAgent({
      world,
      log: log.with({ test: 'agent' }),
      journal,
      bus,
      host: 'node1',
      driver,
      guestUid: 0,
      networks: rig.prepare(0),
      config: withDefaults(networkAgentConfig),
    })
    const reset = new Promise<void>((resolve) => {
      const stop = driver.events((event) => {
        if (event.kind !== 'reset') return
        stop()
        resolve()
      })
    })
    const pid = Number(await world.files.readText(`${rig.options(0).places!.runFolder}/ovs-vswitchd.pid`))
    world.processes.signal(pid, 'SIGKILL')
    await reset
    expect(await rig.patient(() => ping(space(1), '10.0.0.2'))).toBe(true)
    await agent.stop()
  })

  test('flows that somebody removed come back when the driver looks', async () => {
    const [driver] = rig.drivers
    const wiring = desired(port(1), port(2))
    await driver.applyWiring(wiring)
    await tool('ovs-ofctl', 'del-flows', 'br-int', 'table=60')
    expect(await ping(space(1), '10.0.0.2')).toBe(false)
    expect((await driver.applyWiring(wiring)).changes).toBe(0)
    expect((await driver.applyWiring(wiring, { verify: true })).changes).toBeGreaterThan(0)
    expect(await rig.patient(() => ping(space(1), '10.0.0.2'))).toBe(true)
  })

  test('what a crash between two steps left is swept, and what is not ours stays', async () => {
    const host = rig.hosts[0]
    await must('ip', '-n', host, 'tuntap', 'add', 'dev', 'tapdeadbeef-00', 'mode', 'tap')
    await must(
      'ip',
      '-n',
      host,
      'link',
      'set',
      'tapdeadbeef-00',
      'alias',
      `nimbo:${rig.cloudId}:deadbeef-0000:1`,
    )
    await must('ip', '-n', host, 'tuntap', 'add', 'dev', 'tapothers', 'mode', 'tap')
    rig.drivers[0] = await rig.reopen(0)
    const links = await linksOf(host)
    expect(links).not.toContain('tapdeadbeef-00')
    expect(links).toContain('tapothers')
    await must('ip', '-n', host, 'link', 'del', 'tapothers')
  })

  test("a guest's tap belongs to QEMU's user, without offloads", async () => {
    const [driver] = rig.drivers
    const tap = await driver.plugPort(port(3, { portId: '77777777-1234-4000-8000-000000000000' }), {
      ownerUid: 64055,
    })
    expect(tap.device).toBe('tap77777777-12')
    const shown = await must('ip', '-n', rig.hosts[0], '-d', 'link', 'show', 'tap77777777-12')
    expect(shown).toMatch(/mtu 1450/)
    expect(shown).toMatch(/vnet_hdr off/)
    expect(shown).toMatch(/user 64055/)
    await driver.unplugPort(tap.portId)
  })

  test('a device that somebody removed is told of, and made again', async () => {
    const [driver] = rig.drivers
    const wiring = port(4, { portId: '88888888-1234-4000-8000-000000000000' })
    const { device } = await driver.plugPort(wiring, { ownerUid: 64055 })
    const gone = new Promise<void>((resolve) => {
      const stop = driver.events((event) => {
        if (event.kind !== 'disappeared' || event.portId !== wiring.portId) return
        stop()
        resolve()
      })
    })
    await must('ip', '-n', rig.hosts[0], 'link', 'del', device)
    await gone
    expect((await driver.applyWiring(desired(port(1), port(2), wiring))).absent).toEqual([wiring.portId])
    expect(await driver.plugPort(wiring, { ownerUid: 64055 })).toMatchObject({ device, ready: true })
    expect((await driver.applyWiring(desired(port(1), port(2), wiring))).absent).toEqual([])
    await driver.unplugPort(wiring.portId)
  })

  test('a port whose device could not be taken away is listed until it is gone', async () => {
    const wiring = port(6, { portId: '66666666-1234-4000-8000-000000000000' })
    let killed = false
    const run: typeof world.processes.run = async (command, args, options) => {
      if (!String(options?.input ?? '').startsWith('link del') || killed)
        return world.processes.run(command, args, options)
      killed = true
      return { code: 1, signal: 'SIGKILL', stdout: '', stderr: '' }
    }
    const second = await openOvsWiring(
      { ...world, processes: { ...world.processes, run } },
      log,
      rig.options(0),
    )
    try {
      await second.prepare(rig.prepare(0))
      const { device } = await second.plugPort(wiring, { ownerUid: 64055 })
      const listed = async () => (await second.list()).some(({ portId }) => portId === wiring.portId)
      await expect(second.unplugPort(wiring.portId)).rejects.toThrow()
      expect(await listed()).toBe(true)
      await second.unplugPort(wiring.portId)
      expect(await listed()).toBe(false)
      expect(await linksOf(rig.hosts[0])).not.toContain(device)
    } finally {
      await second.close()
    }
  })

  test('forty guests at once get a number and a device each', async () => {
    const [driver] = rig.drivers
    const ports = Array.from({ length: 40 }, (_, n) =>
      port(5, {
        portId: `9${n.toString(16).padStart(7, '0')}-1234-4000-8000-000000000000`,
        mac: `fa:16:3e:bb:00:${n + 10}`,
      }),
    )
    await Promise.all(ports.map((one) => driver.plugPort(one, { ownerUid: 64055 })))
    const { wired } = await driver.applyWiring(desired(port(1), port(2), ...ports))
    expect(wired).toHaveLength(42)
    const numbers = (
      await tool('ovs-vsctl', '--columns=ofport', '-f', 'csv', '--no-headings', 'list', 'Interface')
    )
      .trim()
      .split('\n')
    const asked = (
      await tool('ovs-vsctl', '--columns=ofport_request', '-f', 'csv', '--no-headings', 'list', 'Interface')
    )
      .trim()
      .split('\n')
    const plugged = asked.filter((number) => Number(number) >= 1000)
    expect(new Set(plugged).size, 'no two ask for one number').toBe(42)
    expect(numbers).toEqual(expect.arrayContaining(plugged))
    await Promise.all(ports.map((one) => driver.unplugPort(one.portId)))
    expect((await driver.list()).map((one) => one.portId).sort()).toEqual([port(1).portId, port(2).portId])
  })

  test('two clouds share a switch by a suffix, and one goes without the other', async () => {
    const options = rig.options(0)
    const other = await openOvsWiring(world, log, {
      ...options,
      cloudId: 'other',
      dataFolder: `${options.dataFolder}-other`,
      bridgeSuffix: '-b',
    })
    await expect(
      openOvsWiring(world, log, { ...options, cloudId: 'third' }).then(async (third) => {
        await third.prepare(rig.prepare(0)).finally(() => third.close())
      }),
    ).rejects.toMatchObject({ kind: 'conflict', message: expect.stringContaining('br-int') })
    await other.prepare({ physicalNetworks: { physnet1: { bridge: 'br-ex' } } })
    expect(await tool('ovs-vsctl', 'list-br')).toContain('br-int-b')
    await other.destroyAll()
    await other.close()
    expect((await tool('ovs-vsctl', 'list-br')).trim().split('\n').sort()).toEqual([
      'br-ex',
      'br-int',
      'br-phy',
      'br-tun',
    ])
    expect(await rig.patient(() => ping(space(1), '10.0.0.2'))).toBe(true)
  })

  test('tunnels leave the card to the kernel: its routes stay, and it goes on without the switch', async () => {
    const [host] = rig.hosts
    const routes = () => must('ip', '-n', host, 'route', 'show', 'proto', 'kernel', 'dev', 'eth1')
    expect(await routes()).toBe(`10.9.0.0/24 scope link src ${tunnelIps[0]} \n`)
    expect(await must('ip', '-n', host, 'route', 'show', 'dev', 'br-phy')).toBe('')
    expect(await must('ip', '-n', host, '-br', 'addr', 'show', 'eth1')).toContain(`${tunnelIps[0]}/24`)
    const reset = new Promise<void>((resolve) => {
      const stop = rig.drivers[0].events((event) => {
        if (event.kind !== 'reset') return
        stop()
        resolve()
      })
    })
    const pid = Number(await world.files.readText(`${rig.options(0).places!.runFolder}/ovs-vswitchd.pid`))
    world.processes.signal(pid, 'SIGKILL')
    expect(await ping(host, tunnelIps[1])).toBe(true)
    await reset
    expect(await ping(host, tunnelIps[1])).toBe(true)
  })

  test('a guest learns from its own host who has an address on another, while that is told', async () => {
    const [driver] = rig.drivers
    const tunnel = { ...rig.prepare(0).tunnel!, l2Population: true, arpResponder: true }
    await driver.prepare({ ...rig.prepare(0), tunnel })
    const mac = 'fa:16:3e:cc:00:09'
    const wiring: HostWiring = {
      ...desired(port(1, { tunnelPeers: [tunnelIps[1]] }), port(2, { tunnelPeers: [tunnelIps[1]] })),
      tunnelPeers: [{ host: 'node2', ip: tunnelIps[1] }],
      remotePorts: [{ networkId: network.networkId, mac, ipAddresses: ['10.0.0.9'], peer: tunnelIps[1] }],
    }
    await driver.applyWiring(wiring)
    const known = () => must('ip', '-n', space(1), 'neigh', 'show', '10.0.0.9')
    await ping(space(1), '10.0.0.9')
    expect(await known()).toContain(mac)
    const told = () => tool('ovs-ofctl', 'dump-flows', 'br-tun', 'table=20')
    expect(await told()).toMatch(new RegExp(`n_packets=[1-9].*dl_dst=${mac}`))
    await driver.applyWiring({ ...wiring, remotePorts: [] })
    expect(await told()).not.toContain(mac)
  })

  test('a tunnel address that no card has is refused with its name', async () => {
    const tunnel = { ...rig.prepare(0).tunnel!, localIp: '10.9.9.9' }
    await expect(rig.drivers[0].prepare({ ...rig.prepare(0), tunnel })).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('10.9.9.9'),
    })
  })

  test.each([
    ['eth99', 'a missing uplink'],
    ['eth1', 'an uplink by which the host is reached'],
  ])('%s, %s, is refused with its name', async (uplink) => {
    await expect(
      rig.drivers[0].prepare({ physicalNetworks: { physnet9: { bridge: 'br-nine', uplink } } }),
    ).rejects.toMatchObject({ kind: 'badRequest', message: expect.stringContaining(uplink) })
  })
})

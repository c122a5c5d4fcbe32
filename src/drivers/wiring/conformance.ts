// What every wiring driver must do, seen from outside: two hosts, guests on them, and whether packets pass.
// Only tests import this.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { HostWiring, PortRule, PortWiring } from '#contracts/network-agent.ts'
import type { TunnelType, WiringDriver } from './driver.ts'
import { deviceName } from './driver.ts'

export type Packet = {
  fromPort: string
  fromNamespace: string
  toIp: string
  protocol: 'icmp' | 'tcp'
  port?: number
  /** Sends from this address instead of its own. */
  asIp?: string
}

/** Both hosts have 'physnet1' with an uplink to the same cable, and tunnels of both types. */
export type Rig = {
  drivers: [WiringDriver, WiringDriver]
  tunnelIps: [string, string]
  /** Guests' namespaces have names that begin so: no two runs on a machine have one in common. */
  namespacePrefix: string
  /** Another driver on the same host, as after a restart of the agent; the old one is closed. */
  reopen(host: 0 | 1): Promise<WiringDriver>
  /** Whether an answer comes back. Guests answer TCP on port 8000 after `listen`. */
  passes(packet: Packet): Promise<boolean>
  listen(host: 0 | 1, namespace: string, port: number): Promise<void>
  /** What is on the host that the driver made. */
  inventory(host: 0 | 1): Promise<string[]>
  /** How long a packet may take to find its way; 0 where the answer is at once. */
  patient(check: () => Promise<boolean>): Promise<boolean>
  dispose(): Promise<void>
}

const rule = (change: Partial<PortRule>): PortRule => ({
  direction: 'ingress',
  ethertype: 'IPv4',
  protocol: null,
  portMin: null,
  portMax: null,
  remotePrefix: null,
  remoteGroupId: null,
  ...change,
})
const allOut = rule({ direction: 'egress' })
const pingIn = rule({ protocol: 1 })

/** Ids whose first 11 characters differ, because device names are cut there. */
let counter = 0
const newId = () =>
  `${(++counter).toString(16).padStart(8, '0')}-${Math.abs((counter * 4099) % 4096)
    .toString(16)
    .padStart(4, '0')}-4000-8000-${'0'.repeat(12)}`

/** As the network service does: each network its own. */
const segmentOf = (networkId: string) => 1000 + Number.parseInt(networkId.slice(0, 8), 16)

type Guest = { port: PortWiring; namespace: string; host: 0 | 1; ip: string }

export function wiringConformance(name: string, make: () => Promise<Rig>): void {
  describe(`wiring driver ${name}`, () => {
    let rig: Rig
    let generation = 0
    const guests: Guest[] = []
    let remoteGroups: Record<string, string[]> = {}

    beforeAll(async () => {
      rig = await make()
    })
    afterAll(async () => rig?.dispose())

    const guest = async (
      host: 0 | 1,
      network: Partial<PortWiring> & { networkId: string },
      ip: string,
      rules: PortRule[],
    ): Promise<Guest> => {
      const portId = newId()
      const bytes = [host, counter >> 8, counter & 0xff].map((byte) => byte.toString(16).padStart(2, '0'))
      const port: PortWiring = {
        portId,
        mac: `fa:16:3e:${bytes.join(':')}`,
        fixedIps: [{ subnetId: 'subnet', ipAddress: ip }],
        mtu: 1450,
        networkType: 'vxlan',
        physicalNetwork: null,
        segmentationId: segmentOf(network.networkId),
        adminUp: true,
        deviceOwner: 'compute:nova',
        deviceId: newId(),
        portSecurityEnabled: true,
        allowedAddressPairs: [],
        securityRules: rules,
        tunnelPeers: [rig.tunnelIps[1 - host]!],
        generation: 1,
        ...network,
      }
      const namespace = `${rig.namespacePrefix}${portId.slice(0, 8)}`
      const driver = rig.drivers[host]
      await driver.ensureNamespace(namespace)
      await driver.plugIntoNamespace(port, { namespace, addresses: [`${ip}/${ip.includes(':') ? 64 : 24}`] })
      const made = { port, namespace, host, ip }
      guests.push(made)
      return made
    }
    const desired = (host: 0 | 1): HostWiring => ({
      generation: ++generation,
      ports: guests.filter((one) => one.host === host).map((one) => one.port),
      remoteGroups,
      tunnelPeers: [{ host: `host${1 - host}`, ip: rig.tunnelIps[1 - host]! }],
    })
    const apply = (host: 0 | 1) => rig.drivers[host].applyWiring(desired(host))
    const ping = (from: Guest, toIp: string, asIp?: string) =>
      rig.passes({
        fromPort: from.port.portId,
        fromNamespace: from.namespace,
        toIp,
        protocol: 'icmp',
        ...(asIp ? { asIp } : {}),
      })
    const connect = (from: Guest, toIp: string, port = 8000) =>
      rig.passes({ fromPort: from.port.portId, fromNamespace: from.namespace, toIp, protocol: 'tcp', port })
    const reaches = (check: () => Promise<boolean>) => rig.patient(check)
    const remove = async (given: Guest) => {
      guests.splice(guests.indexOf(given), 1)
      await rig.drivers[given.host].removeNamespace(given.namespace)
      await apply(given.host)
    }

    test('a port passes nothing before it is wired, and what its rules allow after', async () => {
      const network = { networkId: newId() }
      const a = await guest(0, network, '10.0.0.11', [allOut])
      const b = await guest(0, network, '10.0.0.12', [allOut, pingIn])
      expect(await ping(a, b.ip)).toBe(false)

      const result = await apply(0)
      expect(result.wired.map((one) => one.portId).sort()).toEqual([a.port.portId, b.port.portId].sort())
      expect(result.absent).toEqual([])
      expect(await reaches(() => ping(a, b.ip))).toBe(true)
      const [back, byTcp] = await Promise.all([ping(b, a.ip), connect(a, b.ip)])
      expect(back, 'a has no ingress rule').toBe(false)
      expect(byTcp, 'b takes pings alone').toBe(false)
    })

    test('applied again, nothing changes', async () => {
      const wanted = desired(0)
      await rig.drivers[0].applyWiring(wanted)
      expect((await rig.drivers[0].applyWiring(wanted)).changes).toBe(0)
      expect((await rig.drivers[0].applyWiring(wanted, { verify: true })).changes).toBe(0)
    })

    test('TCP follows its rule, which may go and come', async () => {
      const network = { networkId: newId() }
      const a = await guest(0, network, '10.0.1.11', [allOut])
      const b = await guest(0, network, '10.0.1.12', [
        allOut,
        rule({ protocol: 6, portMin: 7990, portMax: 8010 }),
      ])
      await apply(0)
      await rig.listen(0, b.namespace, 8000)
      await rig.listen(0, b.namespace, 8022)
      expect(await reaches(() => connect(a, b.ip))).toBe(true)
      expect(await connect(a, b.ip, 8022), 'outside of the range').toBe(false)
      b.port.securityRules = [allOut]
      await apply(0)
      expect(await connect(a, b.ip)).toBe(false)
      b.port.securityRules = [
        allOut,
        rule({ protocol: 6, portMin: 8000, portMax: 8000, remotePrefix: '10.0.1.11/32' }),
      ]
      await apply(0)
      expect(await reaches(() => connect(a, b.ip))).toBe(true)
    })

    test('without an egress rule nothing leaves', async () => {
      const network = { networkId: newId() }
      const a = await guest(0, network, '10.0.2.11', [])
      const b = await guest(0, network, '10.0.2.12', [allOut, pingIn])
      await apply(0)
      expect(await ping(a, b.ip)).toBe(false)
    })

    test("a guest can't send from another's address", async () => {
      const network = { networkId: newId() }
      const a = await guest(0, network, '10.0.3.11', [allOut, pingIn])
      const b = await guest(0, network, '10.0.3.12', [allOut, pingIn])
      await apply(0)
      expect(await reaches(() => ping(a, b.ip))).toBe(true)
      expect(await ping(a, b.ip, '10.0.3.99')).toBe(false)
      a.port.allowedAddressPairs = [{ ipAddress: '10.0.3.96/28', macAddress: a.port.mac }]
      await apply(0)
      expect(await reaches(() => ping(a, b.ip, '10.0.3.99')), 'an allowed address pair').toBe(true)
    })

    test('a remote group lets its members in, and only them', async () => {
      const network = { networkId: newId() }
      const friends = newId()
      const fromFriends = [allOut, rule({ remoteGroupId: friends })]
      const a = await guest(0, network, '10.0.4.11', [allOut])
      const c = await guest(0, network, '10.0.4.13', [allOut])
      const b = await guest(0, network, '10.0.4.12', fromFriends)
      remoteGroups = { [friends]: ['10.0.4.11'] }
      await apply(0)
      expect(await reaches(() => ping(a, b.ip))).toBe(true)
      expect(await ping(c, b.ip)).toBe(false)
      remoteGroups = { [friends]: ['10.0.4.11', '10.0.4.13'] }
      await apply(0)
      expect(await reaches(() => ping(c, b.ip))).toBe(true)
      remoteGroups = { [friends]: [] }
      await apply(0)
      expect(await ping(a, b.ip)).toBe(false)
      remoteGroups = {}
    })

    test('row 152: two networks with the same addresses never meet', async () => {
      const open = [allOut, rule({})]
      const a = await guest(0, { networkId: newId(), segmentationId: 201 }, '10.0.5.11', open)
      const other = await guest(0, { networkId: newId(), segmentationId: 202 }, '10.0.5.12', open)
      await apply(0)
      expect(await ping(a, other.ip)).toBe(false)
      const lan = (await rig.drivers[0].list()).filter((port) =>
        [a, other].some((one) => one.port.portId === port.portId),
      )
      expect(new Set(lan.map((port) => port.localVlan)).size).toBe(2)
      expect(lan.every((port) => port.localVlan >= 1 && port.localVlan <= 4094)).toBe(true)
    })

    test.each<TunnelType>(['vxlan', 'gre'])('guests on two hosts meet through %s', async (networkType) => {
      const network = { networkId: newId(), networkType, segmentationId: networkType === 'gre' ? 301 : 300 }
      const a = await guest(0, network, '10.0.6.11', [allOut])
      const b = await guest(1, network, '10.0.6.12', [
        allOut,
        pingIn,
        rule({ protocol: 6, portMin: 8000, portMax: 8000 }),
      ])
      await apply(0)
      await apply(1)
      await rig.listen(1, b.namespace, 8000)
      expect(await reaches(() => ping(a, b.ip))).toBe(true)
      expect(await reaches(() => connect(a, b.ip))).toBe(true)
      expect(await ping(b, a.ip)).toBe(false)
      b.port.securityRules = [allOut]
      await apply(1)
      expect(await ping(a, b.ip)).toBe(false)
      await remove(a)
      await remove(b)
    })

    test.each([
      ['flat', null],
      ['vlan', 101],
    ] as const)(
      'guests on two hosts meet on a %s network of the same cable',
      async (networkType, segmentationId) => {
        const network = {
          networkId: newId(),
          networkType,
          segmentationId,
          physicalNetwork: 'physnet1',
          tunnelPeers: [],
          mtu: 1500,
        }
        const a = await guest(0, network, '10.0.10.11', [allOut])
        const b = await guest(1, network, '10.0.10.12', [allOut, pingIn])
        await apply(0)
        await apply(1)
        expect(await reaches(() => ping(a, b.ip))).toBe(true)
        expect(await ping(b, a.ip)).toBe(false)
        await remove(a)
        await remove(b)
      },
    )

    test('row 147: a local network ends at its host', async () => {
      const network = {
        networkId: newId(),
        networkType: 'local' as const,
        segmentationId: null,
        tunnelPeers: [],
      }
      const a = await guest(0, network, '10.0.7.11', [allOut, pingIn])
      const b = await guest(1, network, '10.0.7.12', [allOut, pingIn])
      await apply(0)
      await apply(1)
      expect(await ping(a, b.ip)).toBe(false)
    })

    test('IPv6 is ruled apart from IPv4', async () => {
      const network = { networkId: newId() }
      const a = await guest(0, network, 'fd00:8::11', [rule({ direction: 'egress', ethertype: 'IPv6' })])
      const b = await guest(0, network, 'fd00:8::12', [rule({ ethertype: 'IPv6', protocol: 58 })])
      const c = await guest(0, network, 'fd00:8::13', [pingIn])
      await apply(0)
      expect(await reaches(() => ping(a, b.ip))).toBe(true)
      expect(await ping(a, c.ip)).toBe(false)
    })

    test('a port that is down, and one without port security', async () => {
      const network = { networkId: newId() }
      const a = await guest(0, network, '10.0.9.11', [allOut])
      const b = await guest(0, network, '10.0.9.12', [])
      b.port.portSecurityEnabled = false
      await apply(0)
      expect(await reaches(() => ping(a, b.ip))).toBe(true)
      b.port.adminUp = false
      await apply(0)
      expect(await ping(a, b.ip)).toBe(false)
    })

    test('a driver opened again finds all that is there and keeps it', async () => {
      const before = await rig.drivers[0].list()
      const namespaces = await rig.drivers[0].namespaces()
      rig.drivers[0] = await rig.reopen(0)
      const order = (a: { portId: string }, b: { portId: string }) => a.portId.localeCompare(b.portId)
      expect((await rig.drivers[0].list()).sort(order)).toEqual(before.sort(order))
      expect(await rig.drivers[0].namespaces()).toEqual(namespaces)
      await apply(0)
      expect((await rig.drivers[0].list()).sort(order)).toEqual(before)
    })

    test("a guest's tap is made once, told of, and taken away", async () => {
      const driver = rig.drivers[0]
      const port = { ...guests[0]!.port, portId: newId(), mac: 'fa:16:3e:00:ee:01', deviceId: 'server-1' }
      const seen: string[] = []
      const stop = driver.events(
        (event) => 'portId' in event && event.portId === port.portId && seen.push(event.kind),
      )
      const first = await driver.plugPort(port, { ownerUid: 64055 })
      expect(first).toMatchObject({
        portId: port.portId,
        device: deviceName(port),
        kind: 'tap',
        deviceId: 'server-1',
        localVlan: 0,
        ready: true,
      })
      expect(await driver.plugPort(port, { ownerUid: 64055 })).toEqual(first)
      expect((await driver.list()).filter((one) => one.portId === port.portId)).toEqual([first])
      await driver.unplugPort(port.portId)
      await driver.unplugPort(port.portId)
      expect((await driver.list()).find((one) => one.portId === port.portId)).toBeUndefined()
      await reaches(async () => seen.includes('disappeared'))
      expect(seen[0]).toBe('appeared')
      expect(seen.at(-1)).toBe('disappeared')
      stop()
    })

    test('a wanted port without a device is told as absent', async () => {
      const wanted = desired(0)
      const ghost = { ...guests[0]!.port, portId: newId(), mac: 'fa:16:3e:00:ee:02' }
      const result = await rig.drivers[0].applyWiring({ ...wanted, ports: [...wanted.ports, ghost] })
      expect(result.absent).toEqual([ghost.portId])
    })

    test('a namespace goes with its ports and our processes', async () => {
      const a = guests.find((one) => one.host === 0)!
      const driver = rig.drivers[0]
      await remove(a)
      expect(await driver.namespaces()).not.toContain(a.namespace)
      expect((await driver.list()).map((port) => port.portId)).not.toContain(a.port.portId)
      await driver.removeNamespace(a.namespace)
      await expect(driver.runIn(a.namespace, 'true', [])).rejects.toMatchObject({ kind: 'notFound' })
      await expect(
        driver.plugIntoNamespace(a.port, { namespace: a.namespace, addresses: [] }),
      ).rejects.toThrow()
    })

    test('destroyed, nothing is left', async () => {
      for (const host of [0, 1] as const) await rig.drivers[host].destroyAll()
      for (const host of [0, 1] as const) expect(await rig.inventory(host)).toEqual([])
    })
  })
}

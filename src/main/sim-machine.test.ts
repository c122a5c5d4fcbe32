// A machine's guests outlive agents and processes; its power cut ends them. No agents here: what they would make of the
// network is made by hand.
import { appendFile, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { PortWiring } from '#contracts/network-agent.ts'
import { type GuestSpec, loadVirtDriver } from '#drivers/virt/load.ts'
import { loadWiringDriver, simFabric } from '#drivers/wiring/load.ts'
import { silentLog } from '#kit/log/log.ts'
import { type VirtualWorld, virtualWorld } from '#kit/world/virtual.ts'
import { openSimMachine, type SimMachine } from './sim-machine.ts'

const name = 'node1'
const mac = 'fa:16:3e:00:00:0a'
const portId = '2222222222-guest'
const leaseS = 7200

let folder: string
let world: VirtualWorld
let machine: SimMachine

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nimbo-machine-'))
  world = virtualWorld()
  machine = await open()
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const open = (more: { cold?: boolean } = {}) =>
  openSimMachine(world, { name, fabric: machine?.fabric ?? simFabric(), folder, ...more })
const agentOf = (on: SimMachine) =>
  loadVirtDriver('sim', world, silentLog, { folder, host: name, machine: on.guests })

const spec: GuestSpec = {
  id: '11111111-1111-4111-8111-111111111111',
  number: 1,
  name: 'hello',
  hostname: 'hello',
  generation: 1,
  projectId: 'p',
  flavorName: 'm1.tiny',
  vcpus: 1,
  memoryMb: 64,
  rootGb: 1,
  ephemeralGb: 0,
  swapMb: 0,
  nics: [{ portId, mac, tap: 'tap2222222222-', mtu: 1450, linkType: 'ovs', networkId: 'net-1' }],
  volumes: [{ volumeId: 'v', path: '/v', format: 'raw', device: '/dev/vda', serial: 'v', bootIndex: 0 }],
  createdAt: 0,
}
/** Time goes on meanwhile. */
async function meanwhile<T>(work: Promise<T>): Promise<T> {
  let done = false
  const end = work.finally(() => {
    done = true
  })
  end.catch(() => {})
  while (!done) await world.advance(1)
  return end
}
const guest = () => machine.guest(spec.id)!

/** A network with a DHCP server that knows the guest. */
async function serveNetwork(): Promise<() => Promise<void>> {
  const wiring = await loadWiringDriver('sim', world, silentLog, { fabric: machine.fabric, host: name })
  const port = (id: string, owner: string): PortWiring => ({
    portId: id,
    networkId: 'net-1',
    mac: id === portId ? mac : 'fa:16:3e:00:00:02',
    fixedIps: [],
    mtu: 1450,
    networkType: 'vxlan',
    physicalNetwork: null,
    segmentationId: 7,
    adminUp: true,
    deviceOwner: owner,
    deviceId: 'd',
    portSecurityEnabled: false,
    allowedAddressPairs: [],
    securityRules: [],
    tunnelPeers: [],
    generation: 1,
  })
  const ports = [port('1111111111-dhcp', 'network:dhcp'), port(portId, 'compute:nova')]
  const namespace = 'qdhcp-net-1'
  await wiring.prepare({ physicalNetworks: {} })
  await wiring.ensureNamespace(namespace)
  await wiring.plugIntoNamespace(ports[0]!, { namespace, addresses: ['10.0.0.2/24'] })
  await wiring.plugPort(ports[1]!, { ownerUid: 0 })
  await wiring.applyWiring({ generation: 1, ports, remoteGroups: {}, tunnelPeers: [] })
  await writeFile(`${folder}/host`, `${mac},host-10-0-0-5,10.0.0.5\n`)
  const range = `--dhcp-range=set:s,10.0.0.0,static,255.255.255.0,${leaseS}s`
  await wiring.startIn(namespace, 'dnsmasq', [
    range,
    '--interface=tap1111111111-',
    `--dhcp-hostsfile=${folder}/host`,
  ])
  await world.settle()
  return async () => {
    for (const process of await wiring.processes()) await wiring.signal(process, 'SIGKILL')
  }
}

test('a guest boots on while the agent that started it is gone, and the next one finds it', async () => {
  await serveNetwork()
  const first = await agentOf(machine)
  await meanwhile(first.create(spec))
  await world.advance(1000)
  await first.close()
  await world.settle()
  const second = await agentOf(machine)
  expect(await second.state(spec.id)).toMatchObject({ power: 'running' })
  expect(await second.consoleOutput(spec.id)).toContain('hello login: ')
})

test('a guest goes on where it was when the process was started again, by its files alone', async () => {
  await serveNetwork()
  await meanwhile((await agentOf(machine)).create(spec))
  await world.settle()
  await machine.flush()
  const before = guest().console()
  // No close(): the process was killed, and in the middle of a write.
  await appendFile(`${folder}/guests.log`, '{"guest":"1111')
  const network = machine.fabric
  machine = await openSimMachine(world, { name, fabric: network, folder })
  expect(guest()).toMatchObject({ power: 'running', stage: 'up' })
  expect(guest().console()).toBe(before)
  expect(guest().addresses()).toEqual(['10.0.0.5/24'])
  await (await agentOf(machine)).destroy(spec.id)
  machine = await open()
  expect(machine.guest(spec.id)).toBeUndefined()
})

test('a boot that the end of the process broke off is taken up at the same stage', async () => {
  await serveNetwork()
  await meanwhile((await agentOf(machine)).create(spec))
  await world.advance(1700)
  expect(guest().stage).toBe('init')
  await machine.close()
  machine = await open()
  expect(guest().stage).toBe('init')
  await world.settle()
  expect(guest().stage).toBe('up')
  expect(
    guest()
      .console()
      .match(/SeaBIOS/g),
  ).toHaveLength(1)
})

test('without power guests end and agents can do nothing; with it they are found shut down', async () => {
  await serveNetwork()
  const agent = await agentOf(machine)
  await meanwhile(agent.create(spec))
  await world.settle()
  machine.powerOff()
  await expect(agent.start(spec.id)).rejects.toMatchObject({ kind: 'unavailable' })
  machine.powerOn()
  expect(await agent.state(spec.id)).toMatchObject({ power: 'shutdown' })
  expect((await agent.start(spec.id)).power).toBe('running')
  await machine.flush()
  machine = await open({ cold: true })
  expect(guest().power).toBe('shutdown')
})

test('a lease is renewed while its server answers, and lost when it has been silent to its end', async () => {
  const end = await serveNetwork()
  await meanwhile((await agentOf(machine)).create(spec))
  await world.settle()
  await world.advance(10 * leaseS * 1000)
  expect(guest().addresses()).toEqual(['10.0.0.5/24'])
  await end()
  await world.advance(leaseS * 1000 + 60_000)
  expect(guest().addresses()).toEqual([])
  expect(guest().console()).toContain('udhcpc: lease lost, entering init state')
})

test('what is kept grows by what changes, and is written anew before it is large', async () => {
  const agent = await agentOf(machine)
  await meanwhile(agent.create({ ...spec, nics: [] }))
  const size = async () => (await stat(`${folder}/guests.log`)).size
  const before = await size()
  await world.settle()
  await machine.flush()
  expect((await size()) - before).toBeLessThan(10_000)
  const largest: number[] = []
  for (let turn = 0; turn < 600; turn++) {
    await agent.reboot(spec.id, 'hard')
    await world.settle()
    await machine.flush()
    largest.push(await size())
  }
  expect(Math.max(...largest)).toBeLessThan(1_100_000)
  expect(largest.some((bytes, at) => bytes < (largest[at - 1] ?? 0))).toBe(true)
  machine = await open()
  expect(
    guest()
      .console()
      .match(/SeaBIOS/g),
  ).toHaveLength(1)
  expect((await readFile(`${folder}/guests.log`, 'utf8')).length).toBeGreaterThan(0)
})

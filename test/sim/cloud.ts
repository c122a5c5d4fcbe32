// A whole cloud in a universe: controller, broker and hosts, each a process on a machine of its own that can be killed,
// cut off or lose its power, and clients on another. Everything that happens follows from the seed.
import type { Broker } from '#broker/broker.ts'
import { openSession, type Session } from '#cli/openstack.ts'
import { type SimFabric, simFabric } from '#drivers/wiring/load.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { type HttpClient, httpClient } from '#kit/http/client.ts'
import type { JournalEvent } from '#kit/journal/journal.ts'
import type { Log } from '#kit/log/log.ts'
import { type Machine, openUniverse, type Universe } from '#kit/world/universe/universe.ts'
import type { Clock, Random, Timers, World } from '#kit/world/world.ts'
import { openSimMachine, type SimMachine } from '#main/sim-machine.ts'
import { makeProject } from '#test/cloud/test-project.ts'
import { type RunningAgent, startAgent } from './agent.ts'
import { startBroker } from './broker.ts'
import { databasePath, type RunningController, startController } from './controller.ts'
import { type Gate, openGate } from './gate.ts'
import { installProgram, readProgram } from './install.ts'
import type { InvariantCloud, InvariantHost, QueueFact } from './invariant/fact.ts'
import { openLinks, type SimLinks } from './links.ts'
import { tapeLog } from './log.ts'
import { patient, patientSession } from './patient.ts'
import { type Role, superviseRole } from './role.ts'
import {
  busName,
  clientsName,
  controllerName,
  dataRoot,
  endpoint,
  hostNames,
  region,
  secrets,
} from './setup.ts'
import type { Tape } from './tape.ts'

export type SimHost = {
  readonly name: string
  readonly machine: Machine
  readonly gate: Gate
  readonly agent: Role<RunningAgent>
  /** The guests and networks on it die. */
  powerOff(): void
} & InvariantHost

export type SimCloud = {
  readonly universe: Universe
  random(name: string): Random
  readonly links: SimLinks
  readonly controller: Role<RunningController>
  readonly broker: Role<Broker>
  readonly hosts: readonly SimHost[]
  /** Processes that are away now, or still start. */
  missing(): string[]
  /** Processes die at once, and so does what was not synced; they stay away until the power is back. */
  powerOff(machine: string): void
  powerOn(machine: string): void
  /** Those of the clients' machine, with its way to the controller. */
  readonly clock: Clock
  readonly timers: Timers
  readonly http: HttpClient
  /** Asks again while nobody answers. */
  readonly admin: Session
  login(username: string, password: string, project: string): Promise<Session>
  /** A project of its own with a member of the same name and password. */
  project(roles?: readonly string[]): Promise<{ name: string; session: Session }>
  /** A line among the events. */
  say(words: string): void
} & Omit<InvariantCloud, 'hosts'>

const setupLimitMs = 120_000

export async function openSimCloud(plan: { seed: number; hosts: number; tape: Tape }): Promise<SimCloud> {
  const { seed, tape } = plan
  const program = await readProgram()
  const universe = openUniverse({ seed })
  const say = (words: string) => tape.say(universe.clock.now(), words)
  const logOf = (name: string): Log => tapeLog(tape, universe.clock, name)
  const names = hostNames(plan.hosts)
  const fabric = simFabric()

  const broker = superviseRole({
    universe,
    name: 'broker',
    machine: universe.machine(busName),
    start: (world) => startBroker(world, logOf('broker'), names),
    say,
  })
  const controller = superviseRole({
    universe,
    name: 'controller',
    machine: universe.machine(controllerName),
    start: (world) => startController({ world, log: logOf('controller'), hosts: names, tape }),
    say,
  })
  const hosts = names.map((name, index) => openHost({ universe, name, index, fabric, say, log: logOf(name) }))
  const roles: Role<unknown>[] = [broker, controller, ...hosts.map(({ agent }) => agent)]
  await universe.until(installProgram(universe.machine(controllerName), program), setupLimitMs)
  for (const role of roles) role.begin()

  const clients = universe.machine(clientsName).start('clients').world
  const http = httpClient({ world: clients })
  const login = (username: string, password: string, project: string) =>
    openSession(http, { authUrl: `${endpoint('identity')}/v3`, username, password, project, region })
  const admin = await universe.until(
    patient(clients, () => login('admin', secrets.admin, 'admin')),
    setupLimitMs,
  )
  const on = (machine: string) => roles.filter((role) => role.machine.name === machine)
  /** How many faults hold a machine's power. */
  const dark = new Map<string, number>()
  return {
    universe,
    random: (name) => universe.random(name),
    links: openLinks(universe.network, () => [...names, controllerName, busName, clientsName]),
    controller,
    broker,
    hosts,
    missing: () => roles.filter((role) => role.running === undefined).map(({ name }) => name),
    powerOff(name) {
      dark.set(name, (dark.get(name) ?? 0) + 1)
      for (const role of on(name)) role.lost()
      hosts.find((host) => host.name === name)?.powerOff()
      universe.machine(name).powerOff()
    },
    powerOn(name) {
      const held = (dark.get(name) ?? 1) - 1
      dark.set(name, held)
      if (held === 0) for (const role of on(name)) role.begin()
    },
    clock: clients.clock,
    timers: clients.timers,
    http,
    admin: patientSession(clients, admin),
    login,
    project: (roles) => openProject(admin, login, roles),
    rows: (service, sql, ...values) =>
      universe.machine(controllerName).databases.query(databasePath(service), sql, values),
    events: () => storedEvents(universe.machine(controllerName)),
    queues: async () => queuesOf(broker.running),
    say,
  }
}

function openHost(given: {
  universe: Universe
  name: string
  index: number
  fabric: SimFabric
  say(words: string): void
  log: Log
}): SimHost {
  const { universe, name, index, fabric, say, log } = given
  const machine = universe.machine(name)
  const gate = openGate(universe.random(`drivers of ${name}`))
  const tunnelIp = `10.9.0.${index + 1}`
  const agent = superviseRole({
    universe,
    name: `agent of ${name}`,
    machine,
    start: async (world) => startAgent({ world, log, host: name, tunnelIp, hardware: await powered(), gate }),
    say,
  })
  let hardware: { kernel: World; opened: Promise<SimMachine>; sim?: SimMachine } | undefined
  /** One for each time that the machine has had power. */
  const powered = async (): Promise<SimMachine> => {
    const { kernel } = machine
    if (hardware?.kernel !== kernel) {
      const cold = hardware !== undefined
      const open = async () => {
        const sim = await openSimMachine(kernel, { name, fabric, folder: dataRoot, cold, durable: true })
        // The network of the host is still without power.
        if (cold) sim.powerOn()
        return sim
      }
      hardware = { kernel, opened: open() }
    }
    const mine = hardware
    mine.sim = await mine.opened
    return mine.sim
  }
  const running = () => {
    if (agent.running) return agent.running
    throw new CloudError('unavailable', `The agent of ${name} does not run.`)
  }
  return {
    name,
    machine,
    gate,
    agent,
    powerOff: () => hardware?.sim?.powerOff(),
    get up() {
      return agent.running !== undefined
    },
    // What is on the host, past the gate.
    get virt() {
      return running().virt
    },
    get wiring() {
      return running().wiring
    },
    get volume() {
      return running().volume
    },
    applied: () => fabric.hosts.get(name)?.wiring,
    get files() {
      return machine.kernel.files
    },
    folder: dataRoot,
  }
}

async function openProject(
  admin: Session,
  login: SimCloud['login'],
  roles: readonly string[] = ['member'],
): ReturnType<SimCloud['project']> {
  const { projects } = await admin.call<{ projects: unknown[] }>('identity', { path: '/projects' })
  const name = `project-${projects.length}`
  await makeProject(admin, name, roles)
  return { name, session: await login(name, name, name) }
}

function storedEvents(controller: Machine): JournalEvent[] {
  const rows = controller.databases.query(databasePath('journal'), 'select body from event order by seq')
  return rows.map(({ body }) => JSON.parse(String(body)) as JournalEvent)
}

function queuesOf(broker: Broker | undefined): QueueFact[] {
  if (!broker) throw new CloudError('unavailable', 'The broker does not run.')
  return [...broker.vhosts].flatMap(([vhost, { queues }]) =>
    [...queues.values()].map((queue) => ({
      vhost,
      name: queue.name,
      ready: queue.messageCount,
      unacked: queue.unacked,
      consumers: queue.consumers.length,
    })),
  )
}

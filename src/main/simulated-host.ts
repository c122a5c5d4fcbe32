// One host of a simulated cloud: its machine with guests and networks, and the agents on it, which can be stopped, killed and
// started again while the machine goes on.
import { loadVirtDriver } from '#drivers/virt/load.ts'
import { loadVolumeDriver } from '#drivers/volume/load.ts'
import { loadWiringDriver, type SimFabric } from '#drivers/wiring/load.ts'
import type { Bus } from '#kit/bus/bus.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { HttpClient } from '#kit/http/client.ts'
import type { Journal } from '#kit/journal/journal.ts'
import type { Log } from '#kit/log/log.ts'
import type { Connection, World } from '#kit/world/world.ts'
import { type Host, type HostPlan, startHost } from './host.ts'
import type { SimulatedHostSpec } from './host-kind.ts'
import { type MortalWorld, mortalWorld } from './mortal-world.ts'
import { openSimMachine, type SimMachine } from './sim-machine.ts'
import type { DriverDoor } from './simulation/driver-fault.ts'
import { type HostDoor, openHostDoor } from './simulation/host-door.ts'

export type SimulatedHost = {
  readonly name: string
  readonly agentUp: boolean
  /** Does nothing where it is up. */
  startAgent(): Promise<void>
  /** In order; guests go on. Does nothing where it is down. */
  stopAgent(): Promise<void>
  /** At once, as by SIGKILL: what it was doing stays as it is. */
  killAgent(): void
  /** The agents are killed, and what the host's memory held is gone. */
  powerOff(): void
  /** The agents are started by whoever asks for it. */
  powerOn(): void
  /** Its way to the controller, its disk, its clock and its drivers, with what is wrong with them. */
  readonly door: HostDoor
  /** What the agents run on; kind 'unavailable' before they were started the first time. */
  readonly machine: SimMachine
  /** The agents stop, and the machine is put down in its files, to be opened again. */
  close(): Promise<void>
}

/** How the agents of a host reach their cloud. */
export type HostLine = { bus: Bus; http: HttpClient; journal: Journal; close(): Promise<void> }

export type Machine = SimulatedHostSpec & {
  /** Its part of the data folder. */
  folder: string
  /** Joins it to the other hosts of its cloud. */
  fabric: SimFabric
}

type AgentPlan = Omit<HostPlan, 'bus' | 'http' | 'journal' | 'virt' | 'wiring' | 'volume' | 'host' | 'folder'>

export type SimulatedHostPlan = Omit<AgentPlan, 'world' | 'log'> & {
  machine: Machine
  openLine: (ends: LineEnds) => Promise<HostLine>
}

/** On the world of the agents, which ends when they are killed; `client` and `connect` make what they wrap end with it. */
export type LineEnds = {
  name: string
  world: World
  log: Log
  client: (http: HttpClient) => HttpClient
  connect: (open: () => Promise<Connection>) => Promise<Connection>
}

type Running = { agents: Host; line: HostLine }
type Agents = { mortal: MortalWorld; ready: Promise<Running>; killed: Promise<never>; kill(): void }

export function simulatedHost(world: World, log: Log, plan: SimulatedHostPlan): SimulatedHost {
  const { machine } = plan
  const door = openHostDoor(world)
  let opening: Promise<SimMachine> | undefined
  let hardware: SimMachine | undefined
  let current: Agents | undefined
  let up = false

  const openMachine = async () => {
    opening ??= openSimMachine(world, machine)
    hardware = await opening
    return hardware
  }
  const begin = (): Agents => {
    const mortal = mortalWorld(door.world)
    const own = { world: mortal.world, log: mortal.log(log) }
    const start = async (): Promise<Running> => {
      const line = await plan.openLine({
        ...own,
        name: machine.name,
        client: (http) => mortal.client(door.client(http)),
        connect: async (open) => mortal.own(await door.connect(open)),
      })
      const on = { ...machine, guests: (await openMachine()).guests }
      return { agents: await startOn(on, { ...plan, ...own }, line, door.drivers), line }
    }
    let killed = () => {}
    const dead = new Promise<never>((_, reject) => {
      killed = () =>
        reject(new CloudError('unavailable', `The agents of ${machine.name} were killed while they started.`))
    })
    // Told to whoever waits for the start; nobody may.
    dead.catch(() => {})
    const kill = () => {
      mortal.kill()
      killed()
    }
    return { mortal, ready: start(), killed: dead, kill }
  }
  const killAgent = () => {
    current?.kill()
    current = undefined
    up = false
  }
  const stopAgent = async () => {
    const stopping = current
    if (!stopping) return
    const { agents, line } = await Promise.race([stopping.ready, stopping.killed])
    current = undefined
    up = false
    // What waits for a bus that isn't there would be waited for until its own end.
    if (!line.bus.connected) await line.bus.close()
    await agents.stop()
    await line.close()
  }
  return {
    name: machine.name,
    door,
    get machine() {
      if (hardware) return hardware
      throw new CloudError('unavailable', `The machine of ${machine.name} is not there yet.`)
    },
    async close() {
      await stopAgent()
      await hardware?.close()
    },
    get agentUp() {
      return up
    },
    async startAgent() {
      current ??= begin()
      const mine = current
      try {
        await Promise.race([mine.ready, mine.killed])
        up = current === mine
      } catch (error) {
        if (current === mine) killAgent()
        throw error
      }
    },
    stopAgent,
    killAgent,
    powerOff() {
      killAgent()
      hardware?.powerOff()
    },
    powerOn: () => hardware?.powerOn(),
  }
}

/** The drivers are opened anew each time, as by a new process, and find what the last ones left. */
export async function startOn(
  { name, folder, fabric, guests }: Pick<Machine, 'name' | 'folder' | 'fabric'> & Pick<SimMachine, 'guests'>,
  plan: AgentPlan,
  line: Pick<HostLine, 'bus' | 'http' | 'journal'>,
  drivers?: DriverDoor,
): Promise<Host> {
  const { world, log } = plan
  await world.files.makeFolder(folder)
  const through: DriverDoor['through'] = (kind, driver) => drivers?.through(kind, driver) ?? driver
  return startHost({
    ...plan,
    ...line,
    host: name,
    folder,
    virt: through('virt', await loadVirtDriver('sim', world, log, { folder, host: name, machine: guests })),
    wiring: through('wiring', await loadWiringDriver('sim', world, log, { fabric, host: name })),
    volume: through('volume', await loadVolumeDriver('sim', world, { folder: `${folder}/volumes` })),
  })
}

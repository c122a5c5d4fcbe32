// One host of a simulated cloud: its machine with guests and networks, and the agents on it, which can be stopped, killed and
// started again while the machine goes on.
import { loadVirtDriver } from '#drivers/virt/load.ts'
import { loadVolumeDriver } from '#drivers/volume/load.ts'
import { loadWiringDriver, type SimFabric } from '#drivers/wiring/load.ts'
import type { Bus } from '#kit/bus/bus.ts'
import type { HttpClient } from '#kit/http/client.ts'
import type { Journal } from '#kit/journal/journal.ts'
import type { Log } from '#kit/log/log.ts'
import type { World } from '#kit/world/world.ts'
import { type Host, type HostPlan, startHost } from './host.ts'
import { mortalWorld } from './mortal-world.ts'

export type SimulatedHost = {
  readonly name: string
  readonly agentUp: boolean
  /** Does nothing where it is up. */
  startAgent(): Promise<void>
  /** In order; guests go on. Does nothing where it is down. */
  stopAgent(): Promise<void>
  /** At once, as by SIGKILL: what it was doing stays as it is. */
  killAgent(): void
}

/** How the agents of a host reach their cloud. */
export type HostLine = { bus: Bus; http: HttpClient; journal: Journal; close(): Promise<void> }

export type Machine = {
  name: string
  /** Its part of the data folder. */
  folder: string
  /** Joins it to the other hosts of its cloud. */
  fabric: SimFabric
}

type AgentPlan = Omit<HostPlan, 'bus' | 'http' | 'journal' | 'virt' | 'wiring' | 'volume' | 'host' | 'folder'>

export type SimulatedHostPlan = Omit<AgentPlan, 'world' | 'log'> & {
  machine: Machine
  /** On the world of the agents, which ends when they are killed; `client` makes requests end with it. */
  openLine: (agents: {
    name: string
    world: World
    log: Log
    client: (http: HttpClient) => HttpClient
  }) => Promise<HostLine>
}

type Running = { agents: Host; line: HostLine; kill(): void }

export function simulatedHost(world: World, log: Log, plan: SimulatedHostPlan): SimulatedHost {
  const { machine } = plan
  let running: Running | undefined
  const start = async (): Promise<Running> => {
    const mortal = mortalWorld(world)
    const own = { world: mortal.world, log: mortal.log(log) }
    const line = await plan.openLine({ ...own, name: machine.name, client: mortal.client })
    return { agents: await startOn(machine, { ...plan, ...own }, line), line, kill: mortal.kill }
  }
  return {
    name: machine.name,
    get agentUp() {
      return running !== undefined
    },
    async startAgent() {
      running ??= await start()
    },
    async stopAgent() {
      const { agents, line } = running ?? {}
      running = undefined
      // What waits for a bus that isn't there would be waited for until its own end.
      if (line && !line.bus.connected) await line.bus.close()
      await agents?.stop()
      await line?.close()
    },
    killAgent() {
      running?.kill()
      running = undefined
    },
  }
}

/** The drivers are opened anew each time, as by a new process, and find what the last ones left. */
export async function startOn(
  { name, folder, fabric }: Machine,
  plan: AgentPlan,
  line: Pick<HostLine, 'bus' | 'http' | 'journal'>,
): Promise<Host> {
  const { world, log } = plan
  await world.files.makeFolder(folder)
  const stateFile = `${folder}/guests.json`
  return startHost({
    ...plan,
    ...line,
    host: name,
    folder,
    virt: await loadVirtDriver('sim', world, log, { folder, host: name, stateFile }),
    wiring: await loadWiringDriver('sim', world, log, { fabric, host: name }),
    volume: await loadVolumeDriver('sim', world, { folder: `${folder}/volumes` }),
  })
}

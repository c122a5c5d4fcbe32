// A universe in one process: machines with disks, processes that can be killed, a network that can be cut, and one
// true time, all of it run by a seed. The same seed gives the same run, event by event.
import { openActivity } from '../activity.ts'
import type { Cancel, Clock, Random, World } from '../world.ts'
import { type Disk, type DiskOptions, openDisk } from './disk.ts'
import { diskFiles } from './files.ts'
import { openGuard } from './guard.ts'
import { openLoop, type TraceLine } from './loop.ts'
import { openNetwork, type UniverseNetwork } from './network.ts'
import { noProcesses } from './processes.ts'
import type { Owner, Step } from './queue.ts'
import { type Databases, type OpenDatabases, openDatabases } from './sqlite.ts'
import { openStreams } from './stream.ts'
import { ownedTimers } from './timers.ts'
import { openTraps } from './trap.ts'
import type { Holder } from './wire.ts'

export type UniverseOptions = {
  seed: number
  /** Where the true time begins, in milliseconds since the epoch. */
  now?: number
  /** Whether machines may be powered off; remembering what was not synced costs time. The default is that they may. */
  losesPower?: boolean
  /** Gets each event as it is fired. */
  trace?: (line: TraceLine) => void
}

export type Universe = {
  readonly seed: number
  /** The true time. */
  readonly clock: Clock
  /** An independent stream by name: a draw more in one place moves no other. */
  random(name: string): Random
  /** Made when it is first asked for. */
  machine(name: string, options?: MachineOptions): Machine
  readonly network: UniverseNetwork
  /** In true time, for fault plans. */
  after(ms: number, fire: () => void): Cancel
  /** Runs everything that is due within the time. */
  advance(ms: number): Promise<void>
  /** Runs until `work` is settled; rejects with kind 'timeout' where it isn't within `limitMs`, an hour by default. */
  until<T>(work: Promise<T>, limitMs?: number): Promise<T>
  /** Events so far. */
  readonly fired: number
  /** Of all events so far, each with its time, owner and kind. */
  readonly hash: string
  /** Calls from src/ that went past the World while this ran: 'Date.now at src/services/x/y.ts:12'. */
  readonly leaks: readonly string[]
  /** Frees the databases. */
  close(): void
}

export type MachineOptions = Omit<DiskOptions, 'losesPower'> & { cpus?: number; memoryBytes?: number }

export type Machine = {
  readonly name: string
  readonly disk: Disk
  /** Those on its disk. */
  readonly databases: Databases
  /** Also powers the machine on, where it is off. The name is free again when the process is dead. */
  start(process: string): UniverseProcess
  /** Its processes die, and what wasn't synced is gone. Nobody on the network is told. */
  powerOff(): void
  readonly isOn: boolean
  /** Sets its clock this much before (or behind) the true time: `now()` jumps, `monotonic()` never. */
  skew(ms: number): void
  /** The live ones. */
  readonly processes: readonly UniverseProcess[]
  /** Outlives its processes and dies with the machine: for simulated guests and networks. */
  readonly kernel: World
}

export type UniverseProcess = {
  readonly name: string
  readonly machine: string
  readonly world: World
  readonly alive: boolean
  /**
   * Its timers never fire again, what it awaits from its World never answers, its connections are reset, its open
   * transactions are rolled back. Files stay as written.
   */
  kill(): void
  /** At its n-th step of this kind from now on (1 is the next), before it or after it by chance, `fire` is called. */
  trap(step: Step, nth: number, fire: () => void): Cancel
}

const usualLimitMs = 3_600_000

export function openUniverse(options: UniverseOptions): Universe {
  const began = options.now ?? Date.UTC(2026, 0, 1)
  const random = openStreams(options.seed)
  const loop = openLoop(random('loop'), options.trace)
  const clock: Clock = { now: () => Math.floor(began + loop.time), monotonic: () => loop.time }
  const itself: Owner = { name: 'universe', alive: true }
  const machines = new Map<string, OpenMachine>()
  const network = openNetwork(loop, random('network'), itself, (name) => machines.get(name)?.isOn !== true)
  const owner = () => loop.current ?? itself
  const guard = openGuard({
    now: () => owner().now?.() ?? clock.now(),
    monotonic: () => loop.time,
    random: random('guard'),
    after: (ms, fire) => loop.after(owner(), ms, 'timer', fire),
    soon: (fire) => loop.soon(owner(), fire),
  })
  loop.onRun = { begin: guard.on, end: guard.off }
  const given = { loop, random, network, began, losesPower: options.losesPower ?? true }
  return {
    seed: options.seed,
    clock,
    random,
    machine(name, machineOptions) {
      const found = machines.get(name)
      if (found) return found
      const machine = openMachine(given, name, machineOptions ?? {})
      machines.set(name, machine)
      return machine
    },
    network,
    after: (ms, fire) => loop.after(itself, ms, 'plan', fire),
    advance: loop.advance,
    until: (work, limitMs = usualLimitMs) => loop.until(work, limitMs),
    get fired() {
      return loop.fired
    },
    get hash() {
      return loop.hash
    },
    get leaks() {
      return guard.leaks
    },
    close() {
      for (const machine of machines.values()) machine.databases.close()
    },
  }
}

type Given = {
  loop: ReturnType<typeof openLoop>
  random: (name: string) => Random
  network: ReturnType<typeof openNetwork>
  began: number
  losesPower: boolean
}
type OpenMachine = Machine & { databases: OpenDatabases }

function openMachine(given: Given, name: string, options: MachineOptions): OpenMachine {
  const { loop, random, network, began, losesPower } = given
  let skewMs = 0
  let isOn = true
  let started = 0
  const now = () => Math.floor(began + loop.time + skewMs)
  const disk = openDisk(loop, random(`disk of ${name}`), now, { ...options, losesPower })
  disk.tree.makeFolder('/tmp', 0o777)
  const databases = openDatabases(name, disk.tree, { now: () => loop.time, losesPower })
  const live = new Map<string, { process: UniverseProcess; die: (silently: boolean) => void }>()

  const open = (label: string) => {
    let alive = true
    const begun = loop.time
    const traps = openTraps(random('traps'))
    const holder: Holder = {
      name: `${label}@${name}`,
      machine: name,
      get alive() {
        return alive
      },
      now,
      trap: traps.due,
    }
    const own: Clock = { now, monotonic: () => loop.time - begun }
    const world: World = {
      clock: own,
      timers: ownedTimers(loop, holder),
      random: random(`${label} of ${name}, start ${++started}`),
      files: diskFiles(disk, holder),
      processes: noProcesses,
      sockets: network.sockets(holder, own),
      http: network.http(holder),
      sqlite: databases.of(holder),
      threads: false,
      activity: openActivity(),
      env: {},
      host: { name, cpus: options.cpus ?? 8, memoryBytes: options.memoryBytes ?? 32 * 2 ** 30 },
    }
    return {
      holder,
      world,
      traps,
      end(silently: boolean) {
        if (!alive) return
        alive = false
        network.drop(holder, silently)
        databases.drop(holder)
      },
    }
  }
  let kernel = open('kernel')

  return {
    name,
    disk,
    databases,
    start(label) {
      const there = live.get(label)
      if (there?.process.alive) throw new Error(`There is a process '${label}' on ${name} already`)
      if (!isOn) kernel = open('kernel')
      isOn = true
      const { holder, world, traps, end } = open(label)
      const die = (silently: boolean) => {
        end(silently)
        live.delete(label)
      }
      const process: UniverseProcess = {
        name: label,
        machine: name,
        world,
        get alive() {
          return holder.alive
        },
        kill: () => {
          if (holder.alive) die(false)
        },
        trap: traps.set,
      }
      live.set(label, { process, die })
      return process
    },
    powerOff() {
      if (!losesPower) throw new Error('This universe was opened without power losses')
      isOn = false
      for (const { die } of [...live.values()]) die(true)
      kernel.end(true)
      databases.losePower(loop.time, random(`power of ${name}`))
      disk.tree.lose(random(`power of ${name}`))
    },
    get isOn() {
      return isOn
    },
    skew(ms) {
      skewMs = ms
    },
    get processes() {
      return [...live.values()].map(({ process }) => process)
    },
    get kernel() {
      return kernel.world
    },
  }
}

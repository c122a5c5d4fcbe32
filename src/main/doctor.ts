// What this machine offers and lacks, each finding with its remedy. `nimbo up` looks here before it starts anything.
import type { World } from '#kit/world/world.ts'
import type { ExternalBroker } from './bus-engine.ts'
import { busFindings } from './doctor-bus.ts'
import { databaseFindings, keyFindings } from './doctor-database.ts'
import { kernelFindings } from './doctor-kernel.ts'
import { processorFinding } from './doctor-processor.ts'
import { hostPackages, installCommand, missingPackages, readDistribution } from './package.ts'
import type { Ports } from './port.ts'

export type Finding = {
  /** Stable, for scripts. */
  check:
    | 'system'
    | 'root'
    | 'processor'
    | 'memory'
    | 'disk'
    | 'ports'
    | 'kernel'
    | 'packages'
    | 'datapath'
    | 'bus'
    | 'database'
    | 'tls'
    | 'policy'
  /** A `problem` keeps the cloud from starting, a `warning` doesn't. */
  state: 'ok' | 'warning' | 'problem'
  text: string
  remedy?: string
}

export type DoctorQuestion = {
  dataPlane: 'real' | 'sim'
  /** Where the cloud's data will lie; its nearest parent that exists is judged. */
  root: string
  listen: string
  /** Absent while this very cloud runs: it holds them itself. */
  ports?: Partial<Ports>
  /** Of a cloud that runs on a broker that is not ours. */
  external?: ExternalBroker
  /** URLs by name, of a cloud whose databases are on a server. */
  databases?: Readonly<Record<string, string>>
  /** What all controllers on these databases have. */
  sharedSecret?: string
  /** Only what may have changed since the cloud's first start, and takes no time. */
  brief?: boolean
}

const mebibyte = 1024 * 1024

export async function examine(world: World, question: DoctorQuestion): Promise<Finding[]> {
  const common = [
    await memory(world),
    await disk(world, question.root),
    ...(await ports(world, question)),
    ...(question.external ? await busFindings(world, question.external) : []),
    ...(question.databases ? await databaseFindings(world, question.databases) : []),
    ...(question.databases && question.sharedSecret !== undefined
      ? await keyFindings(world, question.databases, question.sharedSecret)
      : []),
  ]
  if (question.dataPlane === 'sim') return common
  const isRoot = (await world.files.info('/proc/self'))?.uid === 0
  if (question.brief) return [root(isRoot), ...common]
  return [
    await system(world),
    root(isRoot),
    ...(await processorFinding(world)),
    ...common,
    ...(await packages(world)),
    ...(await kernelFindings(world, isRoot)),
  ]
}

async function system(world: World): Promise<Finding> {
  const { name, supported } = await readDistribution(world)
  if (supported) return { check: 'system', state: 'ok', text: name }
  return {
    check: 'system',
    state: 'warning',
    text: `${name} is none of the systems that Nimbo is tested on: Debian 12 and 13, Ubuntu 24.04.`,
    remedy: 'Go on at your own risk, or use one of these.',
  }
}

function root(isRoot: boolean): Finding {
  if (isRoot) return { check: 'root', state: 'ok', text: 'running as root' }
  return {
    check: 'root',
    state: 'problem',
    text: 'Real guests and networks need root.',
    remedy: "Run it as root (sudo ./nimbo up), or raise a simulated cloud: './nimbo up --sim'.",
  }
}

async function memory(world: World): Promise<Finding> {
  const text = await world.files.readText('/proc/meminfo')
  const free = Math.floor(Number(/^MemAvailable:\s+(\d+)/m.exec(text)?.[1] ?? 0) / 1024)
  const shown = `${free} MiB of memory free`
  if (free >= 1536) return { check: 'memory', state: 'ok', text: shown }
  const state = free < 512 ? 'problem' : 'warning'
  return {
    check: 'memory',
    state,
    text: `Only ${shown}.`,
    remedy: 'The cloud takes 300 MiB and each small guest 250 MiB: free some memory.',
  }
}

async function disk(world: World, path: string): Promise<Finding> {
  let place = path
  while (place !== '/' && !(await world.files.exists(place)))
    place = place.slice(0, place.lastIndexOf('/')) || '/'
  const free = Math.floor((await world.files.space(place)).freeBytes / mebibyte)
  const shown = `${free} MiB of disk free at ${path}`
  if (free >= 4096) return { check: 'disk', state: 'ok', text: shown }
  const state = free < 512 ? 'problem' : 'warning'
  return {
    check: 'disk',
    state,
    text: `Only ${shown}.`,
    remedy: 'Free some, or choose another place with --data.',
  }
}

async function ports(world: World, question: DoctorQuestion): Promise<Finding[]> {
  if (!question.ports) return []
  const busy: number[] = []
  for (const port of Object.values(question.ports)) {
    try {
      const listener = await world.sockets.listen({ host: question.listen, port }, (connection) =>
        connection.destroy(),
      )
      await listener.close()
    } catch {
      // Whatever keeps us from listening there, the port isn't ours to have.
      busy.push(port)
    }
  }
  if (busy.length === 0) return [{ check: 'ports', state: 'ok', text: 'all ports are free' }]
  return [
    {
      check: 'ports',
      state: 'problem',
      text: `Ports in use by something else: ${busy.join(', ')}.`,
      remedy: "Stop what listens there ('ss -ltnp' tells), or take other ports with --port-base.",
    },
  ]
}

async function packages(world: World): Promise<Finding[]> {
  const missing = await missingPackages(world, Object.keys(hostPackages))
  if (missing.length === 0) return [{ check: 'packages', state: 'ok', text: 'all packages are installed' }]
  return [
    {
      check: 'packages',
      state: 'warning',
      text: `Missing packages: ${missing.map((name) => `${name} (${hostPackages[name]})`).join(', ')}.`,
      remedy: `'nimbo up' installs them, or: ${installCommand(missing).join(' ')}`,
    },
  ]
}

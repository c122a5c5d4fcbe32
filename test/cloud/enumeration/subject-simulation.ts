// The simulation service beside a cloud, with its routes, rules and records as in a simulated cloud. What faults and
// snapshots do is main's part and has tests of its own: here they are only kept, so that nobody's request strikes the cloud
// under test.
import { join } from 'node:path'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { silentLog } from '#kit/log/log.ts'
import { identityClient } from '#services/identity/client.ts'
import type { SimulationSurroundings } from '#services/simulation/app.ts'
import type { Snapshot } from '#services/simulation/resources/snapshot.ts'
import { openSimulation, type RunningSimulation } from '#services/simulation/service.ts'
import type { TestCloud } from '../test-cloud.ts'
import type { Bench, Guard, Guards, Subject } from './bench.ts'
import type { Digest } from './row.ts'

export type BesideCloud = {
  readonly service: RunningSimulation
  /** All that it keeps. */
  digest(): Digest
}

export async function openBeside(cloud: TestCloud, folder: string): Promise<BesideCloud> {
  const { platform, world } = cloud
  const snapshots = new Map<string, Snapshot>()
  const { authenticate } = identityClient({ platform, user: 'nova', journal: platform.journal, cacheMs: 0 })
  // Virtual time is not to jump to the end of a fault whenever the cloud settles: the hour would be lived through.
  const after: typeof world.timers.after = (ms, fire) => world.timers.after(ms, fire, { background: true })
  const service = await openSimulation(
    {
      world: { ...world, timers: { ...world.timers, after } },
      log: silentLog,
      journal: platform.journal,
      authenticate,
      endpoint: platform.endpoint,
      folder: join(folder, 'simulation'),
    },
    { strike: async ({ kind }) => ({ subject: kind, end: async () => {} }), snapshots: keeper(snapshots) },
  )
  return {
    service,
    digest: () => {
      const faults = [...service.app.faults.values()].map(({ id, endedAt }) => [id, endedAt])
      return new Map([
        ['faults', JSON.stringify(faults)],
        ['snapshots', JSON.stringify([...snapshots])],
      ])
    },
  }
}

function keeper(snapshots: Map<string, Snapshot>): SimulationSurroundings['snapshots'] {
  return {
    list: async () => [...snapshots.values()],
    async save({ name, description }) {
      if (snapshots.has(name)) throw new CloudError('conflict', `There is a snapshot '${name}' already.`)
      const facts = { createdAt: 0, version: '1', hosts: 1, sizeBytes: 1, tookMs: 1 }
      const saved = { name, description, ...facts }
      snapshots.set(name, saved)
      return saved
    },
    restore: async (name) => snapshots.get(name)!,
    delete: async (name) => void snapshots.delete(name),
  }
}

const guard = (rule: string, more: Partial<Guard> = {}): Guard => ({ rule: `simulation:${rule}`, ...more })
const aFault = (bench: Bench) => ({
  fault: {
    kind: 'link-slow',
    host: bench.cloud.hosts[0]!.name,
    to: 'controller',
    latency_ms: 5,
    duration: 3600,
  },
})
const aSnapshot = (bench: Bench) => ({ snapshot: { name: bench.name(), description: 'A sample' } })

const guards: Guards = {
  'GET /': { rule: 'public' },
  'GET /fault-kinds': guard('list_faults'),
  'GET /faults': guard('list_faults'),
  'POST /faults': guard('add_fault', { body: aFault }),
  'GET /faults/:id': guard('list_faults'),
  'DELETE /faults/:id': guard('end_fault'),
  'GET /snapshots': guard('list_snapshots'),
  'POST /snapshots': guard('save_snapshot', { body: aSnapshot }),
  'GET /snapshots/:name': guard('list_snapshots'),
  'DELETE /snapshots/:name': guard('delete_snapshot'),
  'POST /snapshots/:name/restore': guard('restore_snapshot'),
}

export const simulation: Subject = {
  type: 'simulation',
  guards,
  makers: {
    faults: async (bench) => (await bench.ask('simulation', 'POST', '/faults', aFault(bench))).fault.id,
    snapshots: async (bench) =>
      (await bench.ask('simulation', 'POST', '/snapshots', aSnapshot(bench))).snapshot.name,
  },
  target: () => ({}),
}

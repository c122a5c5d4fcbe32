// Wires compute: database, policy, routes, tasks, loops and the bus. No logic.
import { compute, conductor, scheduler } from '#contracts/compute.ts'
import type { Served } from '#kit/bus/bus.ts'
import { migrate } from '#kit/db/migrate.ts'
import { openDatabase } from '#kit/db/open.ts'
import type { Authenticate, HttpService } from '#kit/http/server.ts'
import type { Journal, Trace } from '#kit/journal/journal.ts'
import { type RunningLoop, startLoop } from '#kit/loop/loop.ts'
import { openPolicy } from '#kit/policy/engine.ts'
import { openApi } from '#kit/service/api.ts'
import type { Platform, RunningService } from '#kit/service/platform.ts'
import { startTasks } from '#kit/task/runner.ts'
import { taskMigration } from '#kit/task/store.ts'
import type { AnyDefinition, Tasks } from '#kit/task/task.ts'
import { imageClient } from '#services/image/client.ts'
import { networkClient } from '#services/network/client.ts'
import { placementClient } from '#services/placement/client.ts'
import { volumeClient } from '#services/volume/client.ts'
import { computeRoutes } from './api/index.ts'
import { microversions } from './api/version.ts'
import type { Compute, Peers } from './app.ts'
import type { ComputeConfig } from './config.ts'
import { computeFaults } from './fault.ts'
import { allocationLoop } from './loops/allocation.ts'
import { addressLoop, consoleLoop, heartbeatLoop, stuckLoop } from './loops/housekeeping.ts'
import { providerLoop } from './loops/provider.ts'
import { reservationLoop } from './loops/reservation.ts'
import { recentChoices } from './ops/recent-choice.ts'
import { computeRules } from './resources/rule.ts'
import type { Binary } from './resources/service.ts'
import { conductorHandlers } from './rpc/conductor.ts'
import { schedulerHandlers } from './rpc/scheduler.ts'
import { first } from './store/migrations/0001-first.ts'
import { serverSums } from './store/migrations/0002-server-sum.ts'
import { interfaceClaim } from './tasks/interface-claim.ts'
import { serverCreate } from './tasks/server-create.ts'
import { serverDelete } from './tasks/server-delete.ts'
import { serverInterfaceAttach, serverInterfaceDetach } from './tasks/server-interface.ts'
import { serverPower } from './tasks/server-power.ts'
import { serverVolumeAttach, serverVolumeDetach } from './tasks/server-volume.ts'

/** The part of identity's client that compute needs, made by main with user nova; one for each role's name. */
export type ComputeIdentity = {
  authenticate: Authenticate
  serviceToken(trace: Trace): Promise<string>
}

export type RunningCompute = RunningService & { app: Compute; http: HttpService }

const computeMigrations = [taskMigration, first, ...serverSums]
export const computeTasks: readonly AnyDefinition[] = [
  serverCreate,
  serverDelete,
  serverPower,
  serverVolumeAttach,
  serverVolumeDetach,
  serverInterfaceAttach,
  serverInterfaceDetach,
  interfaceClaim,
]

export async function openCompute(
  platform: Platform,
  config: ComputeConfig,
  identity: ComputeIdentity,
): Promise<RunningCompute> {
  const { world, bus } = platform
  const log = platform.log.with({ service: 'compute' })
  const journal = platform.journal.as('nova-api')
  const db = await openDatabase(world, platform.databaseUrl('compute'))
  await migrate(world, db, computeMigrations)
  const policy = openPolicy({ rules: computeRules })

  const peers = (name: string): Peers => {
    const own: { platform: Platform; journal: Journal } = { platform, journal: platform.journal.as(name) }
    return {
      image: imageClient(own),
      placement: placementClient(own),
      network: networkClient(own),
      volume: volumeClient(own),
      serviceToken: identity.serviceToken,
    }
  }
  let providers: RunningLoop | undefined
  let tasks: Tasks | undefined
  const app: Compute = {
    world,
    log,
    journal,
    db,
    policy,
    config,
    bus,
    // Row 56's call and row 60's cast: the conductor role sends them, in the task that the API has started.
    scheduler: bus.caller(scheduler, 'nova-api'),
    builds: bus.caller(compute, 'nova-scheduler'),
    hosts: bus.caller(compute, 'nova-conductor'),
    api: peers('nova-api'),
    conductor: peers('nova-conductor'),
    schedulerPeers: peers('nova-scheduler'),
    choices: recentChoices(),
    get tasks() {
      return tasks!
    },
    nudgeProviders: () => providers?.nudge(),
  }
  tasks = startTasks({
    world,
    log,
    journal: platform.journal.as('nova-conductor'),
    db,
    app,
    definitions: computeTasks,
    owner: `compute@${world.host.name}`,
    concurrency: 32,
  })

  const http = await openApi(platform, {
    name: 'nova-api',
    app,
    routes: computeRoutes,
    types: ['compute'],
    prefixes: ['/v2.1', '/v2.1/:project_id', '/v2', '/v2/:project_id'],
    strictSlash: true,
    faults: computeFaults,
    policy,
    authenticate: identity.authenticate,
    microversions,
    requestIdHeaders: ['x-compute-request-id'],
  })

  const has = (role: string) => config.roles.includes(role)
  const served: Served[] = []
  const loops: RunningLoop[] = []
  const binaries: Binary[] = []
  const host = world.host.name
  if (has('scheduler')) {
    served.push(await bus.serve(scheduler, host, 'nova-scheduler', schedulerHandlers(app)))
    binaries.push('nova-scheduler')
  }
  if (has('conductor')) {
    served.push(await bus.serve(conductor, host, 'nova-conductor', conductorHandlers(app)))
    binaries.unshift('nova-conductor')
    binaries.push('nova-consoleauth')
    providers = startLoop(world, log, providerLoop(app))
    const rest = [
      allocationLoop(app),
      reservationLoop(app),
      consoleLoop(app),
      addressLoop(app),
      stuckLoop(app),
    ]
    loops.push(providers, ...rest.map((loop) => startLoop(world, log, loop)))
  }
  const heartbeat = heartbeatLoop(app, binaries)
  await heartbeat.run()
  loops.push(startLoop(world, log, heartbeat))

  return {
    name: 'compute',
    app,
    http,
    async stop() {
      await http.close()
      for (const each of served) await each.stop()
      for (const each of loops) await each.stop()
      await tasks?.stop()
      await db.close()
    },
  }
}

// Wires volume: database, policy, tasks, the hosts' questions, heart-beats, routes.
import { volumeAgent } from '#contracts/volume-agent.ts'
import { migrate } from '#kit/db/migrate.ts'
import { openDatabase } from '#kit/db/open.ts'
import type { Authenticate, HttpService } from '#kit/http/server.ts'
import type { Trace } from '#kit/journal/journal.ts'
import { startLoop } from '#kit/loop/loop.ts'
import { openPolicy } from '#kit/policy/engine.ts'
import { openApi } from '#kit/service/api.ts'
import type { Platform, RunningService } from '#kit/service/platform.ts'
import { startTasks } from '#kit/task/runner.ts'
import { taskMigration } from '#kit/task/store.ts'
import { imageClient } from '#services/image/client.ts'
import { microversions } from './api/discovery.ts'
import { prefixes, routes } from './api/index.ts'
import type { VolumeApp } from './app.ts'
import type { VolumeConfig } from './config.ts'
import { volumeFaults } from './fault.ts'
import { beatOwn } from './ops/volume-service.ts'
import { ensureDefaultType } from './ops/volume-type.ts'
import { allRules } from './resources/rule.ts'
import { definitions, serveHosts } from './rpc.ts'
import { first } from './store/migrations/0001-first.ts'
import { growth } from './store/migrations/0002-growth.ts'

export type RunningVolume = RunningService & { app: VolumeApp; http: HttpService }
/** Of service user cinder. */
export type IdentityAccess = {
  authenticate: Authenticate
  serviceToken: (trace: Trace) => Promise<string>
}

const beatMs = 10_000

export async function openVolume(
  platform: Platform,
  config: VolumeConfig,
  identity: IdentityAccess,
): Promise<RunningVolume> {
  const { world, bus } = platform
  const log = platform.log.with({ service: 'cinder-api' })
  const journal = platform.journal.as('cinder-api')
  const db = await openDatabase(world, platform.databaseUrl('volume'))
  await migrate(world, db, [taskMigration, first, growth])
  const policy = openPolicy({ rules: allRules })
  const app: Omit<VolumeApp, 'tasks'> & { tasks?: VolumeApp['tasks'] } = {
    world,
    log,
    journal,
    db,
    policy,
    config,
    bus,
    agent: bus.caller(volumeAgent, 'cinder-scheduler'),
    images: imageClient({ platform, journal }),
    serviceToken: identity.serviceToken,
  }
  const running = app as VolumeApp
  await ensureDefaultType(running)
  running.tasks = startTasks({
    world,
    log,
    journal: platform.journal.as('cinder-scheduler'),
    db,
    app: running,
    definitions,
    owner: `volume@${world.host.name}`,
  })
  const served = await serveHosts(running)
  const beats = startLoop(world, log, { name: 'volume-beat', everyMs: beatMs, run: () => beatOwn(running) })
  beats.nudge()
  const http = await openApi(platform, {
    name: 'cinder-api',
    app: running,
    routes,
    types: ['block-storage', 'volumev3', 'volumev2', 'volume', 'block-store'],
    prefixes,
    strictSlash: true,
    faults: volumeFaults,
    policy,
    authenticate: identity.authenticate,
    microversions,
    requestIdHeaders: ['x-compute-request-id'],
  })
  return {
    name: 'volume',
    app: running,
    http,
    async stop() {
      await http.close()
      await beats.stop()
      await served.stop()
      await running.tasks.stop()
      await db.close()
    },
  }
}

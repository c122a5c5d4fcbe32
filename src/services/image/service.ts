// Wires image: database, store, digest thread, routes.
import { join } from 'node:path'
import { type ImageStore, loadImageStore } from '#drivers/imagestore/load.ts'
import { migrate } from '#kit/db/migrate.ts'
import { openDatabase } from '#kit/db/open.ts'
import { openDigester } from '#kit/digest/digest.ts'
import { httpDownload } from '#kit/http/download.ts'
import type { Authenticate, HttpService } from '#kit/http/server.ts'
import type { Trace } from '#kit/journal/journal.ts'
import { startLoop } from '#kit/loop/loop.ts'
import { openPolicy } from '#kit/policy/engine.ts'
import { openApi } from '#kit/service/api.ts'
import type { Platform, RunningService } from '#kit/service/platform.ts'
import { startTasks } from '#kit/task/runner.ts'
import { allRoutes } from './api/index.ts'
import type { ImageApp } from './app.ts'
import type { ImageConfig } from './config.ts'
import { imageFaults } from './fault.ts'
import { cacheLoop } from './loops/cache.ts'
import { expiryLoop } from './loops/expiry.ts'
import { protectionLoop } from './loops/protection.ts'
import { removalLoop } from './loops/removal.ts'
import { tidyCache } from './ops/cache.ts'
import { recoverUploads } from './ops/image-data.ts'
import { limitsFromIdentity } from './ops/limit.ts'
import { bootstrapMetadefs } from './ops/metadef-bootstrap.ts'
import { openProtectionFile } from './ops/protection-file.ts'
import { openRemotes } from './ops/remote.ts'
import { recoverStages } from './ops/stage.ts'
import { openStores } from './ops/store.ts'
import { allRules } from './resources/rule.ts'
import { migrations } from './store/schema.ts'
import { imageImport } from './tasks/image-import.ts'

export type RunningImage = RunningService & { app: ImageApp; http: HttpService }

export async function openImage(
  platform: Platform,
  config: ImageConfig,
  authenticate: Authenticate,
  peers?: { serviceToken: (trace: Trace) => Promise<string> },
): Promise<RunningImage> {
  const { world } = platform
  const db = await openDatabase(world, platform.databaseUrl('image'))
  await migrate(world, db, migrations)
  await bootstrapMetadefs({ db, world })
  const download = httpDownload(world, {
    hosts: config.downloadHosts,
    ports: config.downloadPorts.map(Number),
    reserved: config.downloadReserved,
  })
  const folder = platform.folder('image')
  const stores = await openStores(world, config, folder, download)
  const staging = (await loadImageStore('file', world, { folder: join(folder, 'staging') })) as ImageStore
  const cache = config.cache
    ? ((await loadImageStore('file', world, { folder: join(folder, 'cache') })) as ImageStore)
    : undefined
  const policy = openPolicy({
    rules: allRules,
    refusal: (rule) => `You are not authorized to complete ${rule} action.`,
  })
  const digester = openDigester(world)
  const log = platform.log.with({ service: 'glance-api' })
  const journal = platform.journal.as('glance-api')
  const protections = await openProtectionFile({ world, log, journal, config })
  const limitsOf =
    config.unifiedLimits && peers ? limitsFromIdentity(platform, peers.serviceToken) : undefined
  const app: Omit<ImageApp, 'tasks'> & { tasks?: ImageApp['tasks'] } = {
    limitsOf,
    protections,
    world,
    log,
    db,
    policy,
    config,
    stores,
    staging,
    workFolder: join(folder, 'staging', 'work'),
    cache,
    download,
    remotes: openRemotes(platform),
    digester,
    bus: platform.bus,
  }
  const running = app as ImageApp
  await recoverUploads(running)
  await recoverStages(running)
  await world.files.removeTree(running.workFolder)
  const tasks = startTasks({
    world,
    log,
    journal,
    db,
    app: running,
    definitions: [imageImport],
    owner: `image@${world.host.name}`,
  })
  app.tasks = tasks
  const loops = [removalLoop, expiryLoop].map((loop) => startLoop(world, log, loop(running)))
  if (config.propertyProtectionFile !== undefined) loops.push(startLoop(world, log, protectionLoop(running)))
  if (cache) {
    await tidyCache(running, cache)
    loops.push(startLoop(world, log, cacheLoop(running, cache)))
  }
  const http = await openApi(platform, {
    name: 'glance-api',
    app: running,
    routes: allRoutes,
    types: ['image'],
    prefixes: ['/v2'],
    strictSlash: true,
    refuseMethods: true,
    faults: imageFaults,
    policy,
    authenticate,
  })
  return {
    name: 'image',
    app: running,
    http,
    async stop() {
      await http.close()
      for (const loop of loops) await loop.stop()
      await tasks.stop()
      await digester.close()
      await db.close()
    },
  }
}

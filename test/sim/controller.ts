// The controller's process in a simulation: the platform and all services as src/main/controller.ts puts them together, on a
// machine of the universe.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { withAudit } from '#kit/journal/audit-store.ts'
import type { Retention } from '#kit/journal/retention.ts'
import { sqliteSink } from '#kit/journal/sqlite-sink.ts'
import type { JournalStore } from '#kit/journal/store.ts'
import type { Log } from '#kit/log/log.ts'
import { testCost } from '#kit/password/password.ts'
import type { World } from '#kit/world/world.ts'
import { type ControlPlane, openControlPlane } from '#main/cloud.ts'
import { retentionOf } from '#main/journal-settings.ts'
import { type OpenPlatform, openPlatform } from '#main/platform.ts'
import { usualPorts } from '#main/port.ts'
import type { HostSurroundings } from '#services/host/app.ts'
import {
  busAgents,
  config,
  controllerName,
  dataRoot,
  endpoint,
  externalBroker,
  region,
  secrets,
} from './setup.ts'
import type { Tape } from './tape.ts'

export type RunningController = { platform: OpenPlatform; plane: ControlPlane; store: JournalStore }

export type ControllerPlan = { world: World; log: Log; hosts: readonly string[]; tape: Tape }

export async function startController(plan: ControllerPlan): Promise<RunningController> {
  const { world, log, hosts, tape } = plan
  await world.files.makeFolder(`${dataRoot}/db`)
  const open = async (name: string, retention: Retention) => {
    await world.files.append(databasePath(name), '')
    return sqliteSink(world, databasePath(name), retention)
  }
  const { journal, audit } = retentionOf(config.journal)
  const store = taped(withAudit(await open('journal', journal), await open('audit', audit)), tape)
  const platform = await openPlatform({
    world,
    log,
    store,
    secrets,
    endpoint,
    region,
    databaseUrl: (service) => `sqlite:${databasePath(service)}?synchronous=GROUP`,
    folder: (service) => `${dataRoot}/${service}`,
    external: externalBroker,
    openBroker: () => {
      throw new CloudError('internal', 'The simulated controller uses the broker of another machine')
    },
    agents: busAgents(hosts),
  })
  const around = surroundings(platform)
  const plane = await openControlPlane({ platform, config, secrets, store, passwordCost: testCost, around })
  for (const [type, service] of plane.services)
    await service.listen({ host: controllerName, port: usualPorts[type] })
  return { platform, plane, store }
}

export function databasePath(service: string): string {
  return `${dataRoot}/db/${service}.db`
}

/** What it takes is what the run is compared by. */
function taped(store: JournalStore, tape: Tape): JournalStore {
  return {
    append(events) {
      tape.record(events)
      return store.append(events)
    },
    query: (query) => store.query(query),
    close: () => store.close(),
  }
}

/** Its hosts are there from the beginning, and no other joins. */
function surroundings(platform: OpenPlatform): HostSurroundings {
  const noneJoins = 'The hosts of a simulated run are given with its seed.'
  return {
    authority: () => Promise.reject(new CloudError('conflict', noneJoins)),
    notJoinable: () => noneJoins,
    ownNames: () => [controllerName],
    grantBus: platform.grantBus,
    revokeBus: platform.revokeBus,
    admit: async () => {},
    publicFacts: () => ({ data_plane: 'sim' }),
    memberFacts: () => ({}),
    passwordSeed: secrets['host-users'],
  }
}

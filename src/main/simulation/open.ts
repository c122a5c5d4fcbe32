// Opens the simulation service beside a simulated cloud. It goes on while the cloud's control plane is stopped, started again or
// replaced, and speaks to whichever runs at the moment.
import type { Authenticate } from '#kit/http/server.ts'
import { type JournalSink, openJournal } from '#kit/journal/store.ts'
import type { Log } from '#kit/log/log.ts'
import type { World } from '#kit/world/world.ts'
import { openSimulation } from '#services/simulation/service.ts'
import { publicOrigin, usesTls } from '../api.ts'
import type { Cloud } from '../data-folder.ts'
import { openPolicyFiles, policyFolder } from '../policy-file.ts'
import type { ServiceConfig } from '../section.ts'
import { serverCertificate } from '../server-certificate.ts'
import { openSnapshots } from './snapshot.ts'
import { striker, type Target } from './strike.ts'

export type SimulationPlan = {
  log: Log
  /** The journal's file, whichever is open. */
  sink: JournalSink
  authenticate: Authenticate
  target: () => Target
  config: Pick<ServiceConfig, 'api' | 'policy'>
  still<T>(work: () => T): Promise<T>
  replaceData(work: () => Promise<void>): Promise<void>
}

export async function openSimulationHere(
  world: World,
  cloud: Cloud,
  plan: SimulationPlan,
): Promise<{ stop(): Promise<void> }> {
  const { settings, ports, folder } = cloud
  const { log, sink, authenticate, config } = plan
  const tls = usesTls(settings) ? await serverCertificate(world, cloud) : undefined
  const journal = openJournal({ world, log, host: world.host.name, service: 'nimbo-simulation', sink })
  const simulation = await openSimulation(
    {
      world,
      log,
      journal,
      authenticate,
      endpoint: (service) => publicOrigin(cloud, service),
      folder: `${folder.root}/simulation`,
    },
    {
      strike: striker(plan.target),
      snapshots: await openSnapshots(world, cloud, plan),
    },
  )
  const policies = openPolicyFiles({
    world,
    log,
    journal,
    config: config.policy,
    folder: policyFolder(cloud, config.policy),
  })
  simulation.http.govern(config.api)
  await policies.attach('simulation', simulation.http.policy)
  await simulation.http.listen({ host: settings.listen, port: ports.simulation }, tls)
  return {
    async stop() {
      await policies.stop()
      await simulation.stop()
      await journal.close()
    },
  }
}

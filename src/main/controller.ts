// The controller's process: the control plane on this host's files and ports. A simulated cloud runs it beside its hosts.
import { migrate } from '#kit/db/migrate.ts'
import { openDatabase } from '#kit/db/open.ts'
import type { ServerTls } from '#kit/http/server.ts'
import { withAudit } from '#kit/journal/audit-store.ts'
import { databaseSink, eventMigration } from '#kit/journal/database-sink.ts'
import type { Retention } from '#kit/journal/retention.ts'
import { sqliteSink } from '#kit/journal/sqlite-sink.ts'
import type { JournalStore } from '#kit/journal/store.ts'
import { type Log, openLog } from '#kit/log/log.ts'
import type { ServiceType } from '#kit/service/platform.ts'
import type { World } from '#kit/world/world.ts'
import { publicOrigin, trustedAuthority, usesTls } from './api.ts'
import { brokerThread } from './broker-thread.ts'
import { type ControlPlane, openControlPlane } from './cloud.ts'
import type { CloudBroker, CloudBrokerPlan, OpenDoor } from './cloud-broker.ts'
import { plainBusAddress } from './controller-access.ts'
import type { Cloud } from './data-folder.ts'
import { cloudDatabases } from './database.ts'
import { hostSurroundings } from './host-surroundings.ts'
import { retentionOf } from './journal-settings.ts'
import { localAgent } from './local-agent.ts'
import { type OpenPlatform, openPlatform } from './platform.ts'
import { policyFolder } from './policy-file.ts'
import type { PortName } from './port.ts'
import { cloudConfig } from './section.ts'
import { keepServerCertificate, serverCertificate } from './server-certificate.ts'
import { externalBroker } from './transport.ts'

/** Identity answers on its old admin port as well (row 40). */
const alsoOn: Partial<Record<ServiceType, PortName>> = { identity: 'identityAdmin' }

export type ControllerParts = {
  log: Log
  /** Closed with the controller. */
  store: JournalStore
  /** The embedded broker, where there is no other. */
  openBroker: (plan: CloudBrokerPlan) => Promise<CloudBroker>
  /** The simulation service is beside it. */
  simulated?: boolean
}

export type Controller = { readonly platform: OpenPlatform; stop(): Promise<void> }

export async function runController(world: World, cloud: Cloud): Promise<{ stop(): Promise<void> }> {
  const { folder, settings } = cloud
  return openController(world, cloud, {
    log: openLog({ level: settings.logLevel }),
    store: await openJournalStore(world, cloud),
    openBroker: brokerThread(settings.logLevel, `${folder.run}/broker.sock`),
  })
}

/** `synchronous` is of files alone. */
export async function openJournalStore(
  world: World,
  cloud: Cloud,
  synchronous?: 'OFF',
): Promise<JournalStore> {
  const { shared, urlOf } = await cloudDatabases(world, cloud)
  const kept = retentionOf(cloudConfig(world, cloud).journal)
  const open = async (name: string, retention: Retention) => {
    if (shared) {
      const db = await openDatabase(world, urlOf(name))
      await migrate(world, db, [eventMigration])
      return databaseSink(world, db, retention)
    }
    const path = `${cloud.folder.root}/db/${name}.db`
    // SQLite makes a file for all to read; what it finds it leaves as it is.
    await world.files.append(path, '')
    return sqliteSink(world, path, { synchronous, ...retention })
  }
  return withAudit(await open('journal', kept.journal), await open('audit', kept.audit))
}

/** Its ports are open when it resolves. */
export async function openController(
  world: World,
  cloud: Cloud,
  { log, store, openBroker, simulated }: ControllerParts,
): Promise<Controller> {
  const { folder, settings, ports, secrets } = cloud
  const tls = usesTls(settings) ? await serverCertificate(world, cloud) : undefined
  const config = cloudConfig(world, cloud)
  const databases = await cloudDatabases(world, cloud)
  const platform = await openPlatform({
    world,
    log,
    store,
    secrets,
    endpoint: (type) => publicOrigin(cloud, type),
    authority: tls && (await trustedAuthority(world, cloud)),
    region: settings.region,
    databaseUrl: databases.urlOf,
    folder: (service) => `${folder.root}/${service}`,
    brokerFolder: `${folder.root}/broker`,
    openBroker,
    external: await externalBroker(world, settings),
    agents: [localAgent(world, cloud)],
  })
  const plane = await openControlPlane({
    platform,
    config,
    secrets,
    store,
    around: await hostSurroundings(world, cloud, platform),
    policyFolder: policyFolder(cloud, config.policy),
    simulated,
  })
  for (const [type, service] of plane.services) {
    await service.listen({ host: settings.listen, port: ports[type] }, tls)
    const other = alsoOn[type]
    if (other) await service.listen({ host: settings.listen, port: ports[other] }, tls)
  }
  const amqp = { host: plainBusAddress(settings), port: ports.amqp }
  await platform.broker?.listen({ protocol: 'amqp', address: amqp })
  const administration = { host: settings.listen, port: ports.amqpManagement }
  const management = settings.busManagement
    ? await platform.broker?.listen({ protocol: 'management', address: administration, tls })
    : undefined
  const secured =
    tls && (await serveSecured(world, log, cloud, tls, { plane, broker: platform.broker, management }))
  return {
    platform,
    async stop() {
      await secured?.stop()
      await plane.stop()
      await platform.close()
    },
  }
}

/** The bus of joined hosts, and new certificates for all that listens. */
async function serveSecured(
  world: World,
  log: Log,
  cloud: Cloud,
  tls: ServerTls,
  { plane, broker, management }: { plane: ControlPlane; broker?: CloudBroker; management?: OpenDoor },
): Promise<{ stop(): Promise<void> }> {
  const { settings, ports } = cloud
  const ca = await trustedAuthority(world, cloud)
  const forHosts = (own: ServerTls) => ({ ...own, ca, requireClientCert: true })
  const address = { host: settings.listen, port: ports.amqpTls }
  const bus = await broker?.listen({ protocol: 'amqp', address, tls: forHosts(tls), membersOnly: true })
  const renewal = keepServerCertificate(world, log, cloud, tls, (next) => {
    for (const service of plane.services.values()) service.renew(next)
    void bus?.renew(forHosts(next))
    void management?.renew(next)
  })
  return { stop: () => renewal.stop() }
}

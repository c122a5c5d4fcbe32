// A simulated cloud in one process: the controller with its broker, and all hosts. They talk over the bus and by HTTP with
// tokens as they would between processes; only the sockets between them are left out, where they are in one thread.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { HttpClient } from '#kit/http/client.ts'
import { type JournalStore, type OpenJournal, openJournal } from '#kit/journal/store.ts'
import { openLog } from '#kit/log/log.ts'
import type { World } from '#kit/world/world.ts'
import { type IdentityClient, identityClient } from '#services/identity/client.ts'
import { publicOrigin } from './api.ts'
import { brokerHere } from './broker-here.ts'
import { type Controller, openController, openJournalStore } from './controller.ts'
import { localBus } from './controller-access.ts'
import type { Cloud } from './data-folder.ts'
import { simulatedHosts } from './host-kind.ts'
import type { PortName } from './port.ts'
import type { Secrets } from './secret.ts'
import { cloudConfig } from './section.ts'
import { hostsHere, type SimulatedHosts } from './simulated-hosts.ts'
import { type HostsThread, hostsThread } from './simulated-hosts-thread.ts'
import { openSimulationHere } from './simulation/open.ts'
import { restartableBroker } from './simulation/restartable-broker.ts'
import { finishRestore } from './simulation/restore.ts'

export type SimulatedCloud = { stop(): Promise<void> }

export async function runSimulatedCloud(world: World, cloud: Cloud): Promise<SimulatedCloud> {
  const { folder, settings, secrets } = cloud
  const log = openLog({ level: settings.logLevel })
  const config = cloudConfig(world, cloud)
  const bus = await localBus(world, cloud)
  const endpoint = (name: PortName) => publicOrigin(cloud, name)
  let store: JournalStore
  let controller: Controller | undefined
  let nova: { journal: OpenJournal; client: IdentityClient } | undefined
  let hosts: SimulatedHosts | undefined
  /** Of many hosts. */
  let thread: HostsThread | undefined

  const broker = restartableBroker(brokerHere)
  const openControllerHere = () =>
    openController(world, cloud, {
      log,
      store: staysOpen(store),
      openBroker: thread?.openBroker ?? broker.open,
      simulated: true,
    })
  /** Of whichever controller runs now. */
  const reached = (): Controller => {
    if (controller) return controller
    throw new CloudError('unavailable', 'The controller is down.')
  }
  const http: HttpClient = {
    request: async (request) => reached().platform.http.request(request),
    close() {},
  }
  const connectBus = async () => reached().platform.broker?.connect() ?? bus.connectBus()
  /** As whom agents here ask, and by whom tokens for the simulation service are checked. One login: each may cost a fifth of
   * a second of hashing on purpose. */
  const openNova = () => {
    const sink = staysOpen(store)
    const journal = openJournal({ world, log, host: world.host.name, service: 'agent', sink })
    const servicePassword = (user: string) => secrets[user as keyof Secrets]
    const client = identityClient({
      platform: { world, http, endpoint, servicePassword },
      user: 'nova',
      journal: journal.as('nova-compute'),
      // The simulation service hears of no revocation; it is asked so seldom that each token can be looked up.
      cacheMs: 0,
    })
    return { journal, client }
  }
  const openHosts = async ({ serviceToken }: IdentityClient): Promise<SimulatedHosts> => {
    if (thread) return thread.hosts
    const line = { http, bus: { ...bus, connectBus }, endpoint, serviceToken, sink: staysOpen(store) }
    return hostsHere(world, cloud, { log, config, line })
  }

  const startControlPlane = async () => {
    if (simulatedHosts(settings).length >= settings.hostThreadFrom) thread = await hostsThread(cloud, log)
    store = thread?.journal ?? (await openJournalStore(world, cloud, 'OFF'))
    controller = await openControllerHere()
    nova = openNova()
    hosts = await openHosts(nova.client)
  }
  const stop = async () => {
    await hosts?.close()
    await controller?.stop()
    controller = undefined
    await nova?.journal.close()
    await store.close()
    await thread?.end()
  }
  await finishRestore(world, folder)
  await startControlPlane()
  const simulation = await openSimulationHere(world, cloud, {
    config,
    log,
    sink: { append: (events) => store.append(events), close() {} },
    authenticate: (token, at) => nova!.client.authenticate(token, at),
    target: () => ({
      /** With the embedded broker; hosts go on, and reach neither until it is started again. */
      async stopController() {
        const running = controller
        controller = undefined
        await running?.stop()
      },
      async startController() {
        controller ??= await openControllerHere()
      },
      killBroker: thread?.killBroker ?? broker.kill,
      startBroker: thread?.startBroker ?? broker.start,
      strikeHosts: (wish) => hosts!.strike(wish),
    }),
    still: (work) => hosts!.still(work),
    async replaceData(change) {
      await stop()
      try {
        await change()
      } finally {
        await startControlPlane()
        await hosts!.start()
      }
    },
  })
  await hosts!.start()
  return {
    async stop() {
      await simulation.stop()
      await stop()
    },
  }
}

/** The journal of all in this process: whoever writes to it closes his own, and not the file. */
function staysOpen(store: JournalStore): JournalStore {
  return { append: (events) => store.append(events), query: (query) => store.query(query), close() {} }
}

// A simulated cloud in one process: the controller with its broker, and all hosts. They talk over the bus and by HTTP with
// tokens as they would between processes; only the sockets between them are left out.
import { openWiringShare } from '#agents/network/index.ts'
import { type SimFabric, simFabric } from '#drivers/wiring/load.ts'
import { openBus } from '#kit/bus/client.ts'
import { loadConfig } from '#kit/config/load.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { HttpClient } from '#kit/http/client.ts'
import { type JournalStore, type OpenJournal, openJournal } from '#kit/journal/store.ts'
import { type Log, openLog } from '#kit/log/log.ts'
import type { World } from '#kit/world/world.ts'
import { type IdentityClient, identityClient } from '#services/identity/client.ts'
import { publicOrigin } from './api.ts'
import { brokerHere } from './broker-here.ts'
import { type Controller, openController, openJournalStore } from './controller.ts'
import { localBus } from './controller-access.ts'
import type { Cloud } from './data-folder.ts'
import { simulatedHosts } from './host-kind.ts'
import { hostNetworks } from './host-network.ts'
import type { PortName } from './port.ts'
import type { Secrets } from './secret.ts'
import { agentSections, serviceSections } from './section.ts'
import { cloudSection } from './settings.ts'
import { type SimulatedHost, type SimulatedHostPlan, simulatedHost } from './simulated-host.ts'
import { openSimulationHere } from './simulation/open.ts'
import { restartableBroker } from './simulation/restartable-broker.ts'
import { finishRestore } from './simulation/restore.ts'
import { freeGuests } from './simulation/strike.ts'

export type SimulatedCloud = {
  /** By name: 'node1'. */
  readonly hosts: ReadonlyMap<string, SimulatedHost>
  readonly controllerUp: boolean
  /** With the embedded broker; hosts go on, and reach neither until it is started again. */
  stopController(): Promise<void>
  startController(): Promise<void>
  /** Everything in the process ends, `change` may do as it likes with the data folder, and everything starts again. */
  replaceData(change: () => Promise<void>): Promise<void>
  stop(): Promise<void>
}

type OpenHosts = {
  hosts: ReadonlyMap<string, SimulatedHost>
  fabric: SimFabric
  journal: OpenJournal
  /** As whom agents ask, and by whom tokens for the simulation service are checked. */
  nova: IdentityClient
}

export async function runSimulatedCloud(world: World, cloud: Cloud): Promise<SimulatedCloud> {
  const { folder, settings, secrets } = cloud
  const log = openLog({ level: settings.logLevel })
  const config = loadConfig([cloudSection, ...serviceSections, ...agentSections], {
    yaml: cloud.configText,
    file: folder.config,
    env: world.env,
  })
  const networks = await hostNetworks(world, settings, config.agent)
  const bus = await localBus(world, cloud)
  const endpoint = (name: PortName) => publicOrigin(cloud, name)
  let store: JournalStore
  let controller: Controller | undefined
  let opened: OpenHosts | undefined

  const broker = restartableBroker(brokerHere)
  const openControllerHere = () =>
    openController(world, cloud, { log, store: staysOpen(store), openBroker: broker.open, simulated: true })
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
  const openAgentJournal = (given: { world: World; log: Log; host: string }) =>
    openJournal({ ...given, service: 'agent', sink: staysOpen(store) })
  const openHosts = (): OpenHosts => {
    const fabric = simFabric()
    const journal = openAgentJournal({ world, log, host: world.host.name })
    const servicePassword = (user: string) => secrets[user as keyof Secrets]
    // One login for all: each costs a fifth of a second of hashing on purpose.
    const nova = identityClient({
      platform: { world, http, endpoint, servicePassword },
      user: 'nova',
      journal: journal.as('nova-compute'),
      // The simulation service hears of no revocation; it is asked so seldom that each token can be looked up.
      cacheMs: 0,
    })
    const openLine: SimulatedHostPlan['openLine'] = async ({ world, log, name, client, connect }) => {
      const journal = openAgentJournal({ world, log, host: name })
      const hostBus = await openBus({
        world,
        log: log.with({ agent: 'bus', host: name }),
        journal,
        connect: () => connect(connectBus),
        user: bus.busUser,
        password: bus.busPassword,
        vhost: bus.busVhost,
        limited: !bus.busShared,
        durableQueueType: bus.busQueueType,
        name: `agent@${name}`,
      })
      return {
        bus: hostBus,
        http: client(http),
        journal,
        async close() {
          await hostBus.close()
          await journal.close()
        },
      }
    }
    const common = {
      networks,
      metadataSecret: secrets['metadata-signing'],
      endpoint,
      serviceToken: nova.serviceToken,
      config,
      share: openWiringShare(),
      openLine,
    }
    const hosts = simulatedHosts(settings).map((spec) => {
      const machine = { ...spec, folder: `${folder.root}/hosts/${spec.name}`, fabric }
      return [spec.name, simulatedHost(world, log, { ...common, machine })] as const
    })
    return { hosts: new Map(hosts), fabric, journal, nova }
  }

  const startControlPlane = async () => {
    store = await openJournalStore(world, cloud, 'OFF')
    controller = await openControllerHere()
    opened = openHosts()
  }
  const startHosts = async () => {
    const { hosts } = opened!
    await Promise.all([...hosts.values()].map((host) => host.startAgent()))
    freeGuests(hosts)
  }
  const stop = async () => {
    await Promise.all([...(opened?.hosts.values() ?? [])].map((host) => host.close()))
    await controller?.stop()
    controller = undefined
    await opened?.journal.close()
    await store.close()
  }
  await finishRestore(world, folder)
  await startControlPlane()
  const running: SimulatedCloud = {
    get hosts() {
      return opened!.hosts
    },
    get controllerUp() {
      return controller !== undefined
    },
    async stopController() {
      const running = controller
      controller = undefined
      await running?.stop()
    },
    async startController() {
      controller ??= await openControllerHere()
    },
    async replaceData(change) {
      await stop()
      try {
        await change()
      } finally {
        await startControlPlane()
        await startHosts()
      }
    },
    async stop() {
      await simulation.stop()
      await stop()
    },
  }
  const simulation = await openSimulationHere(world, cloud, {
    config,
    log,
    sink: { append: (events) => store.append(events), close() {} },
    authenticate: (token, at) => opened!.nova.authenticate(token, at),
    target: () => ({
      ...running,
      fabric: opened!.fabric,
      killBroker: broker.kill,
      startBroker: broker.start,
    }),
    async flush() {
      await Promise.all([...opened!.hosts.values()].map((host) => host.machine.flush()))
    },
    replaceData: running.replaceData,
  })
  await startHosts()
  return running
}

/** The journal of all in this process: whoever writes to it closes his own, and not the file. */
function staysOpen(store: JournalStore): JournalStore {
  return { append: (events) => store.append(events), query: (query) => store.query(query), close() {} }
}

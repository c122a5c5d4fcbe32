// How a host's agent reaches the controller, and as whom: on the controller's own machine by the cloud's folder, on a
// joined host by what joining gave it.
import type { Bus } from '#kit/bus/bus.ts'
import { connectToAny } from '#kit/bus/transport.ts'
import { type HttpClient, httpClient } from '#kit/http/client.ts'
import type { Journal, Trace } from '#kit/journal/journal.ts'
import type { Log } from '#kit/log/log.ts'
import type { Connection, ListenTls, World } from '#kit/world/world.ts'
import { identityClient } from '#services/identity/client.ts'
import { originOf, ownAddress, trustedAuthority, usesTls } from './api.ts'
import type { Cloud } from './data-folder.ts'
import { keepHostCertificate } from './host-certificate.ts'
import { localAgent } from './local-agent.ts'
import { type Member, type MemberTransport, memberFiles } from './member.ts'
import type { PortName } from './port.ts'
import type { Secrets } from './secret.ts'
import { tokensOverBus } from './service-token.ts'
import { externalBroker } from './transport.ts'

/** What the access needs once the bus is open. */
export type OverBus = { bus: Bus; journal: Journal; log: Log }

export type ControllerAccess = {
  /** This host's name in the cloud. */
  readonly host: string
  /** The controller as a joined host knows it; undefined on the controller's own host. */
  readonly controller: string | undefined
  readonly busUser: string
  readonly busPassword: string
  /** The default is '/'. */
  readonly busVhost?: string
  /** The user is everybody's and may do everything, as on a RabbitMQ whose management API the cloud doesn't know. */
  readonly busShared?: boolean
  /** The default is classic. */
  readonly busQueueType?: 'classic' | 'quorum'
  /** A new stream to the message broker. */
  connectBus(): Promise<Connection>
  /** Where a part of the controller answers; no slash at its end. */
  endpoint(name: PortName): string
  readonly http: HttpClient
  readonly metadataSecret: string
  /** Of doors to guests' screens, for a console proxy on another machine. */
  readonly consoleTls?: () => Promise<ListenTls>
  /** Tokens of a service user of this host's. */
  serviceToken(over: OverBus): (trace: Trace) => Promise<string>
  /** What has to go on while the agent runs. */
  keep(over: OverBus): { stop(): Promise<void> }
}

export async function controllerAccess(world: World, cloud: Cloud): Promise<ControllerAccess> {
  return cloud.member ? memberAccess(world, cloud.folder.root, cloud.member) : ownAccess(world, cloud)
}

/** On the controller's own machine tokens are asked for over HTTP: no bus is needed. */
export type OwnAccess = Omit<ControllerAccess, 'serviceToken'> & {
  serviceToken(over: Pick<OverBus, 'journal'>): (trace: Trace) => Promise<string>
}

export async function ownAccess(world: World, cloud: Cloud): Promise<OwnAccess> {
  const { settings, ports, secrets } = cloud
  const address = ownAddress(settings.listen)
  const http = httpClient({ ca: await trustedAuthority(world, cloud) })
  const endpoint = (name: PortName) => originOf(settings, address, ports[name])
  const servicePassword = (user: string) => secrets[user as keyof Secrets]
  return {
    host: world.host.name,
    controller: undefined,
    ...(await localBus(world, cloud)),
    endpoint,
    http,
    metadataSecret: secrets['metadata-signing'],
    serviceToken({ journal }) {
      const platform = { world, http, endpoint, servicePassword }
      return identityClient({ platform, user: 'nova', journal: journal.as('nova-compute') }).serviceToken
    },
    keep: () => ({ stop: async () => {} }),
  }
}

async function memberAccess(world: World, root: string, member: Member): Promise<ControllerAccess> {
  const { host, controller, ports, bus, transport } = member
  const files = memberFiles(root)
  const { readText } = world.files
  // Read anew each time: the certificate may have been renewed.
  const connectSecured = async () => {
    const [ca, cert, key] = await Promise.all([
      readText(files.authority),
      readText(files.certificate),
      readText(files.key),
    ])
    return world.sockets.connect({ host: controller, port: ports.amqpTls }, { tls: { ca, cert, key } })
  }
  return {
    host,
    controller,
    busUser: bus.user,
    busPassword: bus.password,
    ...(transport ? remoteBus(world, bus, transport) : { connectBus: connectSecured }),
    endpoint: (name) => `https://${controller.includes(':') ? `[${controller}]` : controller}:${ports[name]}`,
    http: httpClient({ ca: await readText(files.authority) }),
    metadataSecret: member.metadataSecret,
    async consoleTls() {
      const [cert, key] = await Promise.all([readText(files.certificate), readText(files.key)])
      return { cert, key }
    },
    serviceToken: ({ bus }) => tokensOverBus(world, bus, host),
    keep: (over) => keepHostCertificate({ world, host, files, ...over }),
  }
}

function remoteBus(world: World, bus: Member['bus'], transport: MemberTransport) {
  const { vhost, authority, queueType } = transport
  return {
    busVhost: vhost,
    busQueueType: queueType,
    connectBus: connectToAny(world, { ...transport, ...bus }, { ca: authority }),
  }
}

export type BusAccess = Pick<
  ControllerAccess,
  'busUser' | 'busPassword' | 'busVhost' | 'busShared' | 'busQueueType' | 'connectBus'
>

/** Of the agents on the controller's own machine. */
export async function localBus(world: World, cloud: Cloud): Promise<BusAccess> {
  const { settings, ports } = cloud
  const { user: busUser, password: busPassword } = localAgent(world, cloud)
  const external = await externalBroker(world, settings)
  if (!external) {
    const address = { host: plainBusAddress(settings), port: ports.amqp }
    return { busUser, busPassword, connectBus: () => world.sockets.connect(address) }
  }
  const { transport, management, authority, durableQueueType } = external
  return {
    ...(management
      ? { busUser, busPassword }
      : { busUser: transport.user, busPassword: transport.password, busShared: true }),
    busVhost: transport.vhost,
    busQueueType: durableQueueType,
    connectBus: connectToAny(world, transport, { ca: authority }),
  }
}

/** AMQP without TLS never leaves the machine in a cloud that speaks TLS. */
export function plainBusAddress(settings: Cloud['settings']): string {
  return usesTls(settings) ? '127.0.0.1' : ownAddress(settings.listen)
}

// How a host's agent reaches the controller, and as whom: on the controller's own machine by the cloud's folder, on a
// joined host by what joining gave it.
import type { HttpClient } from '#kit/http/client.ts'
import { httpClient } from '#kit/http/client.ts'
import type { Connection, World } from '#kit/world/world.ts'
import { originOf, ownAddress, trustedAuthority, usesTls } from './api.ts'
import type { Cloud } from './data-folder.ts'
import type { PortName } from './port.ts'

export type ControllerAccess = {
  /** This host's name in the cloud. */
  readonly host: string
  readonly busUser: string
  readonly busPassword: string
  /** A new stream to the message broker. */
  connectBus(): Promise<Connection>
  /** Where a part of the controller answers; no slash at its end. */
  endpoint(name: PortName): string
  readonly http: HttpClient
  readonly metadataSecret: string
}

export async function controllerAccess(world: World, cloud: Cloud): Promise<ControllerAccess> {
  const { settings, ports, secrets } = cloud
  const address = ownAddress(settings.listen)
  return {
    host: world.host.name,
    busUser: 'agent',
    busPassword: secrets['bus-agent'],
    connectBus: () => world.sockets.connect({ host: plainBusAddress(settings), port: ports.amqp }),
    endpoint: (name) => originOf(settings, address, ports[name]),
    http: httpClient({ ca: await trustedAuthority(world, cloud) }),
    metadataSecret: secrets['metadata-signing'],
  }
}

/** AMQP without TLS never leaves the machine in a cloud that speaks TLS. */
export function plainBusAddress(settings: Cloud['settings']): string {
  return usesTls(settings) ? '127.0.0.1' : ownAddress(settings.listen)
}

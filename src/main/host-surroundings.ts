// What the host service must know of the set-up around it: the authority, the bus, and what a joined host is told.
import type { Authority } from '#kit/certificate/authority.ts'
import type { World } from '#kit/world/world.ts'
import type { HostSurroundings } from '#services/host/app.ts'
import { isLoopback, usesTls } from './api.ts'
import type { ExternalBroker } from './bus-engine.ts'
import { type Cloud, cloudId } from './data-folder.ts'
import type { MemberTransport } from './member.ts'
import type { OpenPlatform } from './platform.ts'
import { cloudAuthority, namesOf } from './server-certificate.ts'
import { externalBroker } from './transport.ts'

export async function hostSurroundings(
  world: World,
  cloud: Cloud,
  bus: Pick<OpenPlatform, 'grantBus' | 'revokeBus' | 'broker'>,
): Promise<HostSurroundings> {
  const { settings, ports, secrets } = cloud
  const id = await cloudId(world, cloud.folder)
  const external = await externalBroker(world, settings)
  let authority: Promise<Authority> | undefined
  return {
    authority() {
      authority ??= cloudAuthority(world, cloud)
      return authority
    },
    notJoinable: () => whyNotJoinable(cloud, external),
    ownNames: () => namesOf(world, cloud),
    grantBus: bus.grantBus,
    revokeBus: bus.revokeBus,
    admit: async (fingerprints) => bus.broker?.admit(fingerprints),
    publicFacts: () => ({
      id,
      region: settings.region,
      data_plane: settings.dataPlane,
      port_base: settings.portBase,
    }),
    memberFacts: () => ({
      ports,
      metadata_secret: secrets['metadata-signing'],
      ...(external && { transport: transportFor(external) }),
    }),
    passwordSeed: secrets['host-users'],
  }
}

/** Those by which other hosts reach the brokers, too. */
function busAddresses({ transport }: ExternalBroker): MemberTransport['addresses'] {
  return transport.addresses.filter(({ host }) => !isLoopback(host))
}

/** Why no other host can join, with the remedy; undefined where hosts can. */
export function whyNotJoinable(
  { settings, folder }: Pick<Cloud, 'settings' | 'folder'>,
  external?: ExternalBroker,
): string | undefined {
  const remedy = (what: string) =>
    `${what} in ${folder.config}, then 'nimbo down' and 'nimbo up'. Guests go on running meanwhile.`
  if (isLoopback(settings.listen))
    return remedy(
      "Other hosts can't reach this cloud, which listens on a loopback address: set cloud.listen (0.0.0.0 means " +
        'all addresses) and cloud.public_host',
    )
  if (!usesTls(settings)) return remedy('Hosts join over TLS alone: set cloud.tls to true, or remove it,')
  if (isLoopback(settings.publicHost))
    return remedy(
      "The catalog leads other hosts to a loopback address: set cloud.public_host to this machine's own",
    )
  if (external && !external.management)
    return remedy('Hosts need users of their own on the message bus: set cloud.transport_management_url')
  if (external && busAddresses(external).length === 0)
    return remedy(
      "cloud.transport_url leads other hosts to a loopback address: name the brokers as this machine's network knows them",
    )
  return undefined
}

/** Without its user: each host gets its own. */
function transportFor(external: ExternalBroker): MemberTransport {
  const { transport, authority, durableQueueType } = external
  const { secure, vhost } = transport
  return { addresses: busAddresses(external), secure, vhost, authority, queueType: durableQueueType }
}

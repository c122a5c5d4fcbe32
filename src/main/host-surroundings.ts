// What the host service must know of the set-up around it: the authority, the bus, and what a joined host is told.
import type { Authority } from '#kit/certificate/authority.ts'
import type { World } from '#kit/world/world.ts'
import type { HostSurroundings } from '#services/host/app.ts'
import { isLoopback, usesTls } from './api.ts'
import { type Cloud, cloudId } from './data-folder.ts'
import type { OpenPlatform } from './platform.ts'
import { cloudAuthority } from './server-certificate.ts'

export async function hostSurroundings(
  world: World,
  cloud: Cloud,
  bus: Pick<OpenPlatform, 'grantBus' | 'revokeBus'>,
): Promise<HostSurroundings> {
  const { settings, ports, secrets } = cloud
  const id = await cloudId(world, cloud.folder)
  let authority: Promise<Authority> | undefined
  return {
    authority() {
      authority ??= cloudAuthority(world, cloud)
      return authority
    },
    notJoinable: () => whyNotJoinable(cloud),
    grantBus: bus.grantBus,
    revokeBus: bus.revokeBus,
    publicFacts: () => ({
      id,
      region: settings.region,
      data_plane: settings.dataPlane,
      port_base: settings.portBase,
    }),
    memberFacts: () => ({ ports, metadata_secret: secrets['metadata-signing'] }),
    passwordSeed: secrets['host-users'],
  }
}

/** Why no other host can join, with the remedy; undefined where hosts can. */
function whyNotJoinable({ settings, folder }: Cloud): string | undefined {
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
  return undefined
}

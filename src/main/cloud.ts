// The control plane of one process: all services on one platform, in the order in which they need each other.

import { isServerUrl } from '#kit/db/server-url.ts'
import { fullMessage } from '#kit/errors/cloud-error.ts'
import type { HttpService } from '#kit/http/server.ts'
import type { JournalStore } from '#kit/journal/store.ts'
import type { ScryptCost } from '#kit/password/password.ts'
import type { ServiceType } from '#kit/service/platform.ts'
import { computeClient } from '#services/compute/client.ts'
import { openCompute } from '#services/compute/service.ts'
import { openConsole } from '#services/console/service.ts'
import type { HostSurroundings } from '#services/host/app.ts'
import { openHosts } from '#services/host/service.ts'
import { type IdentityClient, identityClient } from '#services/identity/client.ts'
import { bootstrap, type CatalogService } from '#services/identity/ops/bootstrap.ts'
import { openIdentity } from '#services/identity/service.ts'
import { openImage } from '#services/image/service.ts'
import { openJournalService } from '#services/journal/service.ts'
import { openMetadata } from '#services/metadata/service.ts'
import { openNetwork } from '#services/network/service.ts'
import { openPlacement } from '#services/placement/service.ts'
import { openVolume } from '#services/volume/service.ts'
import type { OpenPlatform } from './platform.ts'
import { openPolicyFiles } from './policy-file.ts'
import { isGenerated, type Secrets } from './secret.ts'
import type { ServiceConfig } from './section.ts'

export type CloudPlan = {
  platform: OpenPlatform
  config: ServiceConfig
  secrets: Secrets
  store: JournalStore
  around: HostSurroundings
  /** Where operators' policy files are; without it there are none. */
  policyFolder?: string
  /** Faults and snapshots are in the catalog. */
  simulated?: boolean
  /** Tests hash cheaply; nobody else may. */
  passwordCost?: ScryptCost
}

export type ControlPlane = {
  /** By service type, what answers its HTTP requests. */
  readonly services: ReadonlyMap<ServiceType, HttpService>
  stop(): Promise<void>
}

const serviceUsers = ['nova', 'neutron', 'glance', 'placement', 'cinder'] as const
type ServiceUser = (typeof serviceUsers)[number]

export async function openControlPlane(plan: CloudPlan): Promise<ControlPlane> {
  const { platform, config, secrets } = plan
  const services = new Map<ServiceType, HttpService>()
  const running: { stop(): Promise<void> }[] = []
  const add = <S extends { http: HttpService; stop(): Promise<void> }>(type: ServiceType, service: S): S => {
    services.set(type, service.http)
    platform.host(type, service.http)
    running.push(service)
    return service
  }

  const identity = add(
    'identity',
    await openIdentity(platform, config.identity, {
      passwordCost: plan.passwordCost,
      // All controllers have the same; of it hosts' passwords are made, too.
      ...(isServerUrl(platform.databaseUrl('identity')) && { sharedSecret: secrets['host-users'] }),
    }),
  )
  await bootstrap(identity.app, {
    region: platform.region,
    adminPassword: secrets.admin,
    serviceUsers: serviceUsers.map((name) => ({ name, password: secrets[name] })),
    catalog: catalogOf(platform.endpoint, plan.simulated === true),
    isRandom: isGenerated,
  })
  const clients = new Map<ServiceUser, IdentityClient>()
  /** One for each user: a login may cost a fifth of a second of hashing on purpose. */
  const clientOf = (user: ServiceUser): IdentityClient => {
    const known = clients.get(user)
    if (known) return known
    const client = identityClient({
      platform,
      user,
      journal: platform.journal.as(user),
      epoch: identity.epoch,
    })
    identity.onChange(() => client.forgetTokens())
    clients.set(user, client)
    return client
  }
  add('journal', await openJournalService(platform, plan.store, clientOf('nova').authenticate))
  add('placement', await openPlacement(platform, config.placement, clientOf('placement').authenticate))
  const { authenticate, serviceToken } = clientOf('glance')
  add('image', await openImage(platform, config.image, authenticate, { serviceToken }))
  const compute = computeClient({ platform, journal: platform.journal.as('neutron-server') })
  add(
    'network',
    await openNetwork(platform, config.network, clientOf('neutron').authenticate, {
      compute,
      serviceToken: clientOf('neutron').serviceToken,
    }),
  )
  add('volume', await openVolume(platform, config.volume, clientOf('cinder')))
  const novncBaseUrl = config.compute.novncBaseUrl || `${platform.endpoint('console')}/vnc_auto.html`
  add('compute', await openCompute(platform, { ...config.compute, novncBaseUrl }, clientOf('nova')))
  const authority = async () => (await plan.around.authority()).certificate
  add('console', await openConsole(platform, config.console, authority))
  add('metadata', await openMetadata(platform, config.metadata, secrets['metadata-signing']))
  add('hosts', await openHosts(platform, config.hosts, clientOf('nova'), plan.around))
  logInAhead(platform, clients.values())
  const policies = openPolicyFiles({ ...platform, config: config.policy, folder: plan.policyFolder })
  running.push(policies)
  for (const [type, service] of services) {
    service.govern(config.api)
    await policies.attach(type, service.policy)
  }

  return {
    services,
    async stop() {
      for (const service of running.toReversed()) await service.stop()
    },
  }
}

/** The first request of each service needn't wait for its login. One by one: hashing on all cores would delay the rest. */
function logInAhead({ world, journal, log }: OpenPlatform, clients: Iterable<IdentityClient>): void {
  const logIn = async () => {
    for (const client of clients) {
      await client
        .serviceToken(journal.newTrace())
        .catch((error) =>
          log.warn({ error: fullMessage(error) }, 'a service could not log in ahead of its first request'),
        )
    }
  }
  void world.activity.track(logIn())
}

/** The catalog as stock clients look for it: volume under each of its names. */
function catalogOf(endpoint: (type: ServiceType) => string, simulated: boolean): CatalogService[] {
  const volume = `${endpoint('volume')}/v3/$(project_id)s`
  return [
    { type: 'identity', name: 'keystone', url: `${endpoint('identity')}/v3` },
    { type: 'image', name: 'glance', url: endpoint('image') },
    { type: 'placement', name: 'placement', url: endpoint('placement') },
    { type: 'compute', name: 'nova', url: `${endpoint('compute')}/v2.1` },
    { type: 'network', name: 'neutron', url: endpoint('network') },
    { type: 'volumev3', name: 'cinderv3', url: volume },
    { type: 'block-storage', name: 'cinder', url: volume },
    { type: 'journal', name: 'journal', url: endpoint('journal') },
    { type: 'hosts', name: 'hosts', url: `${endpoint('hosts')}/v1` },
    ...(simulated ? [{ type: 'simulation', name: 'simulation', url: `${endpoint('simulation')}/v1` }] : []),
  ]
}

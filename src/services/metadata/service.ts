// Wires the metadata service: it has no database, what it tells it asks of compute's conductor.
import { conductor } from '#contracts/compute.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { type HttpService, httpService } from '#kit/http/server.ts'
import { openPolicy } from '#kit/policy/engine.ts'
import type { Platform, RunningService } from '#kit/service/platform.ts'
import { treeRoutes } from './api/tree.ts'
import type { Metadata } from './app.ts'
import type { MetadataConfig } from './config.ts'
import { metadataFaults } from './fault.ts'

const name = 'nova-metadata'

export type RunningMetadata = RunningService & { app: Metadata; http: HttpService }

/** `cloudSecret` signs where the operator set no secret of his own. Throws 'badRequest' where there is none at all. */
export async function openMetadata(
  platform: Platform,
  config: MetadataConfig,
  cloudSecret: string,
): Promise<RunningMetadata> {
  const { world } = platform
  const secret = config.metadataProxySharedSecret || cloudSecret
  if (secret === '')
    throw new CloudError(
      'badRequest',
      "metadata.metadata_proxy_shared_secret is empty: metadata would be anybody's",
    )
  const app: Metadata = {
    world,
    config,
    secret,
    conductor: platform.bus.caller(conductor, name),
    known: new Map(),
    tree: { domain: config.dhcpDomain, random: (count) => world.random.bytes(count) },
  }
  const http = await httpService({
    name,
    app,
    world,
    log: platform.log.with({ service: name }),
    journal: platform.journal.as(name),
    routes: treeRoutes,
    prefixes: [''],
    faults: metadataFaults,
    policy: openPolicy({ rules: [] }),
    authenticate: async () => {
      throw new CloudError('unauthorized', 'The metadata service takes no tokens.')
    },
    authUri: () => platform.endpoint('identity'),
  })
  return { name: 'metadata', app, http, stop: () => http.close() }
}

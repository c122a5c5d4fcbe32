// Wires the metadata service: it has no database, what it tells it asks of compute's conductor.
import { conductor } from '#contracts/compute.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { HttpService } from '#kit/http/server.ts'
import { openPolicy } from '#kit/policy/engine.ts'
import { openApi, withoutTokens } from '#kit/service/api.ts'
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
  const http = await openApi(platform, {
    name,
    app,
    routes: treeRoutes,
    prefixes: [''],
    faults: metadataFaults,
    policy: openPolicy({ rules: [] }),
    authenticate: withoutTokens('The metadata service'),
  })
  return { name: 'metadata', app, http, stop: () => http.close() }
}

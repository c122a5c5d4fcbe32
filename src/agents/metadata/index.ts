// The metadata agent of a host: takes guests' questions from the haproxies of their networks over a unix socket, looks up
// who asks, and passes them to the metadata service under the shared secret.
import { agentTypes, networkPlugin } from '#contracts/network-agent.ts'
import type { Bus } from '#kit/bus/bus.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { HttpClient } from '#kit/http/client.ts'
import { unixHttpServer } from '#kit/http/unix.ts'
import type { Journal } from '#kit/journal/journal.ts'
import type { Log } from '#kit/log/log.ts'
import { startReports } from '#kit/loop/report.ts'
import type { World } from '#kit/world/world.ts'
import type { MetadataAgentConfig } from './config.ts'
import { failed, forward } from './forward.ts'
import { openLookup } from './lookup.ts'

export { type MetadataAgentConfig, metadataAgentConfig } from './config.ts'

export type MetadataAgentParts = {
  world: World
  log: Log
  journal: Journal
  bus: Bus
  http: HttpClient
  host: string
  /** Of its loops, as a loop has it. */
  phase?: number | undefined
  endpoint: (type: 'metadata') => string
  /** This host's part of the data folder; the socket is neutron/metadata_proxy below it. */
  folder: string
  /** The cloud's secret, where the configuration names none. */
  secret: string
  config: MetadataAgentConfig
}

export type MetadataAgent = { nudge(): void; stop(): Promise<void> }

/** A guest posts nothing but its password; Nova keeps 1020 bytes of that. */
const bodyLimit = 64 * 1024

/** Where haproxies find the agent of a host. */
export function metadataSocket(
  folder: string,
  config: Pick<MetadataAgentConfig, 'metadataProxySocket'>,
): string {
  return config.metadataProxySocket ?? `${folder}/neutron/metadata_proxy`
}

export async function startMetadataAgent(parts: MetadataAgentParts): Promise<MetadataAgent> {
  const { world, bus, host, http, config } = parts
  const log = parts.log.with({ agent: 'metadata', host })
  const service = agentTypes.metadata.binary
  const journal = parts.journal.as(service)
  const plugin = bus.caller(networkPlugin, service)
  const path = metadataSocket(parts.folder, config)
  const forwarding = {
    log,
    journal,
    http,
    metadataUrl: () => parts.endpoint('metadata'),
    secret: config.metadataProxySharedSecret || parts.secret,
    lookup: openLookup(world, plugin, host, config.cacheTime),
  }
  // Others may pass through, to a socket whose own mode says who may write.
  await world.files.makeFolder(path.slice(0, path.lastIndexOf('/')), { mode: 0o711 })
  const server = await unixHttpServer(world, log, {
    path,
    mode: octal(config.metadataProxySocketMode),
    bodyLimit,
    handle: (request) => forward(forwarding, request).catch((error) => failed(log, error)),
  })
  const report = startReports(world, log, journal, {
    name: 'metadata-report',
    everyMs: config.reportInterval,
    phase: parts.phase,
    send: (startedAt, options) =>
      plugin.agentReport(
        {
          host,
          ...agentTypes.metadata,
          topic: 'N/A',
          availabilityZone: config.availabilityZone,
          configurations: {
            metadata_proxy_socket: path,
            nova_metadata_host: new URL(parts.endpoint('metadata')).hostname,
            nova_metadata_port: Number(new URL(parts.endpoint('metadata')).port || 80),
          },
          startedAt,
        },
        options,
      ),
  })
  report.nudge()
  return {
    nudge: () => report.nudge(),
    async stop() {
      await server.close()
      await report.stop()
    },
  }
}

function octal(text: string): number {
  if (!/^[0-7]{3,4}$/.test(text))
    throw new CloudError('badRequest', `metadata_agent.metadata_proxy_socket_mode '${text}' is no octal mode`)
  return Number.parseInt(text, 8)
}

// The haproxy that takes guests' metadata requests in a network's or a router's namespace to the metadata agent. Its files
// lie where rows 207 and 208 have them; run again, it is left alone unless its configuration is another.
import type { Journal, Trace } from '#kit/journal/journal.ts'
import { haproxyConfig } from '#kit/metadata-proxy/haproxy.ts'
import type { World } from '#kit/world/world.ts'
import { type Daemon, type DaemonHost, endDaemon, runningDaemon, startDaemon } from './daemon.ts'
import type { NamespaceProcess } from './driver.ts'

export type MetadataProxyPlan = {
  /** Whose namespace it is. */
  of: 'network' | 'router'
  id: string
  namespace: string
  /** Where it listens; guests' requests come to port 80, or are sent on from there. */
  port: number
  /** Of the metadata agent. */
  socketPath: string
  /** This host's part of the data folder. */
  folder: string
}
type Place = Pick<MetadataProxyPlan, 'id' | 'folder'>

export async function serveMetadataProxy(
  host: DaemonHost & { journal: Journal },
  trace: Trace,
  running: readonly NamespaceProcess[],
  plan: MetadataProxyPlan,
): Promise<void> {
  const { world, journal } = host
  const { of, id, port, socketPath } = plan
  const path = configPath(plan)
  const daemon: Daemon = {
    namespace: plan.namespace,
    program: 'haproxy',
    args: ['-db', '-f', path],
    logFile: logPath(plan),
  }
  const text = haproxyConfig({
    ...(of === 'network' ? { networkId: id } : { routerId: id }),
    port,
    socketPath,
  })
  const same = (await world.files.exists(path)) && (await world.files.readText(path)) === text
  if (same && runningDaemon(running, daemon)) return
  await journal.span(trace, { kind: 'driver', name: 'haproxy.start', subject: `${of}:${id}` }, () =>
    startDaemon(host, running, daemon, async () => {
      await world.files.makeFolder(proxyFolder(plan), { mode: 0o755 })
      await world.files.writeAtomic(path, text, { mode: 0o644 })
    }),
  )
}

/** Where none is wanted any more, in a namespace that stays. */
export async function endMetadataProxy(
  host: DaemonHost,
  running: readonly NamespaceProcess[],
  place: Place & Pick<MetadataProxyPlan, 'namespace'>,
): Promise<void> {
  await endDaemon(host, running, { namespace: place.namespace, program: 'haproxy' })
  await host.world.files.remove(configPath(place))
}

/** What is left of it when its namespace has gone with its processes. */
export async function removeMetadataProxyFiles(world: World, place: Place): Promise<void> {
  await world.files.remove(configPath(place))
  await world.files.remove(logPath(place))
}

const proxyFolder = ({ folder }: Pick<Place, 'folder'>) => `${folder}/neutron/ns-metadata-proxy`
const configPath = (place: Place) => `${proxyFolder(place)}/${place.id}.conf`
const logPath = (place: Place) => `${proxyFolder(place)}/${place.id}.log`

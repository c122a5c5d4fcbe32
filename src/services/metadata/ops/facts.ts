// What is known of a server, asked of the conductor and kept a moment: cloud-init asks thirty questions in a row.
import type { InstanceFacts } from '#kit/metadata-tree/facts.ts'
import type { MetadataContext } from '../app.ts'

/** More servers than boot at once behind one metadata service. */
const mostKnown = 2000
/** The width of ids in the contract. */
const longestId = 64

export async function findFacts(
  context: MetadataContext,
  serverId: string,
): Promise<InstanceFacts | undefined> {
  const { known, world, conductor, config } = context.app
  const kept = known.get(serverId)
  if (kept && kept.until > world.clock.monotonic()) return kept.facts
  known.delete(serverId)
  if (serverId.length > longestId) return undefined
  const { facts } = await conductor.metadataGet(
    { serverId },
    { trace: context.trace, subject: `server:${serverId}` },
  )
  if (!facts) return undefined
  const [oldest] = known.keys()
  if (known.size >= mostKnown && oldest !== undefined) known.delete(oldest)
  known.set(serverId, { facts, until: world.clock.monotonic() + config.metadataCacheExpiration })
  return facts
}

// Whose address a request came from. Remembered a moment, as one boot asks some thirty times; nothing is remembered of
// addresses that are nobody's.
import { isIP } from 'node:net'
import type { MetadataPort, networkPlugin } from '#contracts/network-agent.ts'
import type { Caller } from '#kit/bus/bus.ts'
import type { Trace } from '#kit/journal/journal.ts'
import type { World } from '#kit/world/world.ts'

export type Place = { networkId: string | null; routerId: string | null; ip: string }
export type Owner = NonNullable<MetadataPort['port']>

const mostKnown = 2000

/** Where a request came from, by the headers that haproxy set; undefined where they don't say so. */
export function placeOf(headers: Record<string, string | undefined>): Place | undefined {
  const ip = headers['x-forwarded-for'] ?? ''
  const networkId = headers['x-neutron-network-id'] ?? null
  const routerId = headers['x-neutron-router-id'] ?? null
  if (isIP(ip) === 0 || (networkId === null) === (routerId === null)) return undefined
  return { networkId, routerId, ip }
}

export function openLookup(
  world: World,
  plugin: Caller<typeof networkPlugin.methods>,
  host: string,
  keepMs: number,
): (trace: Trace, place: Place) => Promise<Owner | undefined> {
  const known = new Map<string, { owner: Owner; until: number }>()
  return async (trace, place) => {
    const key = `${place.networkId} ${place.routerId} ${place.ip}`
    const kept = known.get(key)
    if (kept && kept.until > world.clock.monotonic()) return kept.owner
    known.delete(key)
    const { port } = await plugin.metadataPort({ host, ...place }, { trace })
    if (!port) return undefined
    const [oldest] = known.keys()
    if (known.size >= mostKnown && oldest !== undefined) known.delete(oldest)
    known.set(key, { owner: port, until: world.clock.monotonic() + keepMs })
    return port
  }
}

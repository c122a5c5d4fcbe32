// The condition it removes: a guest has a card or a disk that its server has not, or lacks one that it has. A user has
// deleted the port of a card; a driver failed after its effect; what it had done was lost with the host's power.
import type { GuestState } from '#drivers/virt/load.ts'
import { fullMessage } from '#kit/errors/cloud-error.ts'
import type { Trace } from '#kit/journal/journal.ts'
import type { Operations } from './operation.ts'
import type { Parts } from './parts.ts'
import type { Peers } from './peer.ts'
import { connectVolume } from './spec.ts'

/** As the conductor tells of them; what is absent is not known, and nothing is concluded from it. */
export type WantedParts = {
  building: boolean
  portIds?: string[]
  /** `settled` while nothing is being done with it. */
  volumes?: { volumeId: string; settled: boolean }[]
}

type Difference = { id: string; kind: 'card' | 'disk'; part: string; what: 'stray' | 'missing' }

const names = {
  card: { stray: 'virt.detachInterface', missing: 'virt.attachInterface' },
  disk: { stray: 'virt.detachVolume', missing: 'virt.attachVolume' },
}

export type PartSync = (
  trace: Trace,
  guests: readonly GuestState[],
  wanted: ReadonlyMap<string, WantedParts>,
) => Promise<void>

export function openPartSync(parts: Parts, peers: Peers, operations: Operations): PartSync {
  const { world, log, driver, conductor, host, journal, config } = parts
  let seen = new Map<string, number>()

  async function mend({ id, kind, part, what }: Difference, trace: Trace): Promise<void> {
    if (what === 'stray')
      return kind === 'card' ? driver.detachInterface(id, part) : driver.detachVolume(id, part)
    const subject = `server:${id}`
    if (kind === 'card') {
      const nic = (await peers.nics(trace, id, subject)).find((each) => each.portId === part)
      if (nic) await driver.attachInterface(id, nic)
      return
    }
    const { server } = await conductor.serverGet({ host, serverId: id }, { trace, subject })
    if (server?.volumes.some((each) => each.volumeId === part))
      await driver.attachVolume(id, await connectVolume(peers, trace, server, part, subject))
  }

  return async (trace, guests, wanted) => {
    const now = world.clock.monotonic()
    const found = differences(guests, wanted)
    const key = (each: Difference) => `${each.id} ${each.kind} ${each.part} ${each.what}`
    const since = new Map(found.map((each) => [key(each), seen.get(key(each)) ?? now]))
    seen = since
    for (const each of found) {
      const { id, kind, part, what } = each
      // Seen twice with the grace between: a task may be at it.
      if (now - since.get(key(each))! < config.orphanGrace || operations.busy(id)) continue
      since.delete(key(each))
      const fields = { serverId: id, kind, part, what }
      log.info(fields, "a guest's card or disk is not as its server's and is mended")
      const event = {
        kind: 'driver' as const,
        name: names[kind][what],
        subject: `server:${id}`,
        data: fields,
      }
      await operations
        .alone(id, () => journal.span(trace, event, (child) => mend(each, child)))
        .catch((error) =>
          log.warn({ ...fields, error: fullMessage(error) }, 'it could not be mended; it will be'),
        )
    }
  }
}

function differences(guests: readonly GuestState[], wanted: ReadonlyMap<string, WantedParts>): Difference[] {
  return guests.flatMap(({ id, nics, volumes }) => {
    const server = wanted.get(id)
    if (!server || server.building) return []
    const of = (
      kind: Difference['kind'],
      known: readonly string[] | undefined,
      settled: readonly string[] | undefined,
      here: readonly string[],
    ): Difference[] => [
      ...(known ? here.filter((part) => !known.includes(part)) : []).map(
        (part) => ({ id, kind, part, what: 'stray' }) as const,
      ),
      ...(settled ?? [])
        .filter((part) => !here.includes(part))
        .map((part) => ({ id, kind, part, what: 'missing' }) as const),
    ]
    return [
      ...of(
        'card',
        server.portIds,
        server.portIds,
        nics.map(({ portId }) => portId),
      ),
      ...of(
        'disk',
        server.volumes?.map(({ volumeId }) => volumeId),
        server.volumes?.filter(({ settled }) => settled).map(({ volumeId }) => volumeId),
        volumes.map(({ volumeId }) => volumeId),
      ),
    ]
  })
}

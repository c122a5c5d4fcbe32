// Tells hosts that a network they wire, or a group that their rules name, has other ports. In a cloud of many hosts one new
// port concerns hundreds of them, and each that looks costs the controller something: so what changes while they are being
// told is told with the next round, and no more than so many are told in a second. Lost news only delays: hosts look by
// themselves from time to time.
import { fullMessage } from '#kit/errors/cloud-error.ts'
import { quiet } from '#kit/journal/journal.ts'
import { startLoop } from '#kit/loop/loop.ts'
import type { NetworkApp } from '../app.ts'
import { hostsNaming } from '../store/security-group.ts'
import { hostsOfNetworks } from '../store/wiring.ts'

export type SpreadNews = {
  networkIds: Iterable<string>
  groupIds: Iterable<string>
  /** Hosts that look in any case. */
  told: ReadonlySet<string>
}

/** Told at once before the next must wait for their turn: in a small cloud nobody waits. */
const atOnce = 20
const pauseMs = 400
/** Where telling takes long the controller has much to do, and this is what can wait best. */
const patience = 10
/** A round that nobody asked for finds nothing. */
const idleMs = 3_600_000

type Noted = { networkIds: Set<string>; groupIds: Set<string>; told: Set<string> | undefined }
const nothing = (): Noted => ({
  networkIds: new Set(),
  groupIds: new Set(),
  told: undefined,
})

export function openSpread(app: NetworkApp): { tell(news: SpreadNews): void; stop(): Promise<void> } {
  const { world, log, journal, db } = app
  let noted = nothing()
  let stopping = false
  const round = async () => {
    const { networkIds, groupIds, told } = noted
    const trace = quiet(journal.newTrace())
    noted = nothing()
    const hosts = new Set<string>()
    for (const list of (await hostsOfNetworks(db, [...networkIds])).values())
      for (const host of list) hosts.add(host)
    if (groupIds.size > 0) for (const host of await hostsNaming(db, [...groupIds])) hosts.add(host)
    let count = 0
    let since = world.clock.monotonic()
    for (const host of [...hosts.difference(told ?? new Set())].sort()) {
      if (stopping) return
      if (++count % atOnce === 0) {
        await world.timers.sleep(Math.max(pauseMs, patience * (world.clock.monotonic() - since)))
        since = world.clock.monotonic()
      }
      await app.l2Agents
        .wiringChanged({ generation: 0 }, { host, trace })
        .catch((error) => log.debug({ host, error: fullMessage(error) }, 'an agent could not be nudged'))
    }
  }
  const loop = startLoop(world, log, { name: 'wiring-spread', everyMs: idleMs, run: round })
  return {
    tell({ networkIds, groupIds, told }) {
      // A host that looks because of one change may be too early for another.
      for (const id of networkIds) noted.networkIds.add(id)
      for (const id of groupIds) noted.groupIds.add(id)
      noted.told = noted.told?.intersection(told) ?? new Set(told)
      loop.nudge()
    },
    async stop() {
      stopping = true
      await loop.stop()
    },
  }
}

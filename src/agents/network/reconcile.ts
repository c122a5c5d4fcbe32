// The condition it removes: this host's ports are wired otherwise than the network service wants them.
// One turn looks at all of it: what is here, what should be, apply, tell which ports are up and which have gone.
import type { HostWiring, networkPlugin } from '#contracts/network-agent.ts'
import type { WiringDriver } from '#drivers/wiring/load.ts'
import type { Caller } from '#kit/bus/bus.ts'
import { fullMessage } from '#kit/errors/cloud-error.ts'
import type { Journal, Trace } from '#kit/journal/journal.ts'
import type { Log } from '#kit/log/log.ts'
import type { World } from '#kit/world/world.ts'
import type { WiringShare } from './share.ts'
import { openWiringView } from './view.ts'

export type Plugin = Caller<(typeof networkPlugin)['methods']>

export type ReconcilerParts = {
  world: World
  log: Log
  journal: Journal
  plugin: Plugin
  host: string
  driver: WiringDriver
  /** Who opens guests' taps: QEMU's user. */
  guestUid: number
  share: WiringShare
}

/** Milliseconds that an unwanted port is left alone. */
const graceMs = 3000

export type Reconciler = {
  /** `again` in the answer: something is to be looked at once more soon. */
  turn(trace: Trace, verify: boolean): Promise<{ again: boolean }>
  /** The network service lost sight of us: it is told of every port again. */
  forgetReports(): void
  readonly portCount: number
}

export function openReconciler(parts: ReconcilerParts): Reconciler {
  const { world, log, journal, plugin, host, driver, guestUid } = parts
  const view = openWiringView(host, parts.share)
  let portCount = 0
  /** The generation of each port that the network service was told to be up. */
  const reported = new Map<string, number>()
  /** Here but not wanted, since when: agents plug ports of their own a little before their binding is told of. */
  let suspects = new Map<string, number>()

  const apply = (trace: Trace, wiring: HostWiring, verify: boolean) => {
    const known = wiring.ports.every((port) => reported.get(port.portId) === port.generation)
    const work = () => driver.applyWiring(wiring, { verify })
    // A turn that finds everything as it should be leaves no mark in the journal.
    if (known && !verify) return work()
    return journal.span(
      trace,
      { kind: 'driver', name: 'wiring.apply', data: { ports: wiring.ports.length } },
      work,
    )
  }

  /**
   * A guest's tap is made as soon as its port is bound to this host: when the guest starts, its wiring is in place.
   * False where one could not be made; the others are wired all the same.
   */
  const plugGuests = async (
    trace: Trace,
    wiring: HostWiring,
    here: ReadonlySet<string>,
  ): Promise<boolean> => {
    const missing = wiring.ports.filter(
      ({ portId, deviceOwner }) => deviceOwner.startsWith('compute:') && !here.has(portId),
    )
    const plugs = await Promise.allSettled(
      missing.map((port) => {
        const subject = `port:${port.portId}`
        const data = { networkId: port.networkId }
        return journal.span(trace, { kind: 'driver', name: 'wiring.plug', subject, data }, () =>
          driver.plugPort(port, { ownerUid: guestUid }),
        )
      }),
    )
    plugs.forEach((plug, index) => {
      if (plug.status === 'rejected')
        log.error(
          { portId: missing[index]!.portId, error: fullMessage(plug.reason) },
          "a guest's tap could not be made",
        )
    })
    return plugs.every((plug) => plug.status === 'fulfilled')
  }

  const removeUnwanted = async (unwanted: readonly string[]) => {
    const now = world.clock.monotonic()
    const since = new Map(unwanted.map((portId) => [portId, suspects.get(portId) ?? now]))
    suspects = since
    for (const [portId, seenAt] of since) {
      if (now - seenAt < graceMs) continue
      log.debug({ portId }, 'removing a port that this host should not have')
      await driver.unplugPort(portId)
      since.delete(portId)
    }
  }

  return {
    async turn(trace, verify) {
      // In this order: a port plugged after the list can't be mistaken for one that nobody wants.
      const live = await driver.list()
      // With the look at the switch itself comes one at all that should be there: nothing wrong lasts longer than that.
      if (verify) view.forget()
      const wiring = view.take(await plugin.wiringSince(view.known(), { trace }))
      if (!wiring) {
        log.debug({}, 'an older wiring arrived late and is left')
        return { again: true }
      }
      const plugged = await plugGuests(
        trace,
        wiring,
        new Set(live.filter((port) => port.ready).map((port) => port.portId)),
      )
      const result = await apply(trace, wiring, verify)
      portCount = result.wired.length

      const wanted = new Set(wiring.ports.map((port) => port.portId))
      const unwanted = live.map((port) => port.portId).filter((portId) => !wanted.has(portId))
      await removeUnwanted(unwanted)

      const wired = new Map(result.wired.map((port) => [port.portId, port.generation]))
      const ups = result.wired.filter(({ portId, generation }) => reported.get(portId) !== generation)
      const downs = [...reported.keys()].filter((portId) => !wired.has(portId))
      const told = await Promise.allSettled([
        ...ups.map(async ({ portId, generation }) => {
          await plugin.portUp({ host, portId, generation }, { trace, subject: `port:${portId}` })
          reported.set(portId, generation)
        }),
        ...downs.map(async (portId) => {
          await plugin.portDown({ host, portId }, { trace, subject: `port:${portId}` })
          reported.delete(portId)
        }),
      ])
      const failed = told.filter((one) => one.status === 'rejected')
      for (const { reason } of failed)
        log.warn(
          { error: fullMessage(reason) },
          'the network service could not be told of a port; it will be',
        )
      return { again: !plugged || suspects.size > 0 || failed.length > 0 }
    },
    forgetReports() {
      reported.clear()
      view.forget()
    },
    get portCount() {
      return portCount
    },
  }
}

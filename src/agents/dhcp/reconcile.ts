// The condition it removes: networks of this host are served otherwise than the network service wants them.
import {
  dhcpNamespace,
  type LivePort,
  type NamespaceProcess,
  removeMetadataProxyFiles,
} from '#drivers/wiring/load.ts'
import { fullMessage } from '#kit/errors/cloud-error.ts'
import type { Trace } from '#kit/journal/journal.ts'
import type { Log } from '#kit/log/log.ts'
import { inParallel } from '#kit/parallel/parallel.ts'
import { isServed, type NetworkParts, type NetworkState, serveNetwork } from './network.ts'

export type Reconciler = {
  /** `again` in the answer: something is to be looked at once more soon. */
  turn(trace: Trace): Promise<{ again: boolean }>
  /** The network service lost sight of us: it is told again what is ready. */
  forgetReports(): void
  /** Devices may have gone or come back empty: they are set anew. */
  forgetDevices(): void
  readonly counts: { networks: number; subnets: number; ports: number }
}

/** Each may start two programs; more at once only slow each other down. */
const width = 4
const prefix = dhcpNamespace('')

export function openReconciler(parts: NetworkParts & { log: Log }): Reconciler {
  const { log, plugin, host, driver } = parts
  const states = new Map<string, NetworkState>()
  let newest = Number.NEGATIVE_INFINITY
  let counts = { networks: 0, subnets: 0, ports: 0 }
  return {
    async turn(trace) {
      const seen: { ports: LivePort[]; running: NamespaceProcess[] } = {
        ports: await driver.list(),
        running: await driver.processes(),
      }
      const { generation, networks } = await plugin.hostDhcp({ host }, { trace })
      if (generation < newest) return { again: true }
      newest = generation
      const served = networks.filter(isServed)
      const failed = await inParallel(served, width, async (network) => {
        const state = states.get(network.networkId) ?? { loaded: false }
        states.set(network.networkId, state)
        await serveNetwork(parts, trace, network, state, seen)
      })
      for (const { item, error } of failed) {
        // From the start, whatever was done: what failed may have left anything.
        delete states.get(item.networkId)?.plugged
        log.warn(
          { networkId: item.networkId, error: fullMessage(error) },
          'a network could not be served; it will be tried again',
        )
      }
      // One that came here after its DHCP was switched off has left a port and nothing else.
      const bound = networks.filter((network) => !isServed(network) && network.port !== null)
      const unwanted = new Set([
        ...(await leftovers(parts, new Set(served.map(({ networkId }) => networkId)))),
        ...bound.map(({ networkId }) => networkId),
      ])
      const stuck = await inParallel([...unwanted], width, async (networkId) => {
        states.delete(networkId)
        await leaveNetwork(parts, trace, networkId)
      })
      for (const { item, error } of stuck)
        log.warn({ networkId: item, error: fullMessage(error) }, 'a network could not be left; it will be')
      counts = {
        networks: served.length,
        subnets: served.reduce((sum, { subnets }) => sum + subnets.length, 0),
        ports: served.reduce((sum, { hosts }) => sum + hosts.length, 0),
      }
      return { again: failed.length + stuck.length > 0 }
    },
    forgetReports() {
      for (const state of states.values()) delete state.ready
    },
    forgetDevices() {
      for (const state of states.values()) delete state.plugged
    },
    get counts() {
      return counts
    },
  }
}

/** Networks of which there is a namespace or a folder here, though nobody wants them. */
async function leftovers(parts: NetworkParts, wanted: ReadonlySet<string>): Promise<string[]> {
  const { driver, world, places } = parts
  const names = (await driver.namespaces()).filter((name) => name.startsWith(prefix))
  const folders = (await world.files.exists(places.root)) ? await world.files.list(places.root) : []
  const here = new Set([...names.map((name) => name.slice(prefix.length)), ...folders])
  return [...here].filter((networkId) => !wanted.has(networkId))
}

async function leaveNetwork(parts: NetworkParts, trace: Trace, networkId: string): Promise<void> {
  const { driver, world, places, plugin, host, journal } = parts
  await journal.span(
    trace,
    { kind: 'driver', name: 'dhcp.leave', subject: `network:${networkId}` },
    async (span) => {
      await driver.removeNamespace(dhcpNamespace(networkId))
      await plugin.releaseDhcpPort({ host, networkId }, { trace: span, subject: `network:${networkId}` })
      await removeMetadataProxyFiles(world, { id: networkId, folder: places.folder })
      // Last, for it is what a turn after a crash finds again.
      await world.files.removeTree(places.network(networkId))
    },
  )
}

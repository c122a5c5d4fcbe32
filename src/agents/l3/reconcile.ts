// The condition it removes: routers of this host are otherwise than the network service wants them.
import type { networkPlugin, RouterWiring } from '#contracts/network-agent.ts'
import { routerNamespace } from '#drivers/wiring/load.ts'
import type { Caller } from '#kit/bus/bus.ts'
import { fullMessage } from '#kit/errors/cloud-error.ts'
import type { Trace } from '#kit/journal/journal.ts'
import type { Log } from '#kit/log/log.ts'
import { inParallel } from '#kit/parallel/parallel.ts'
import { leaveRouter, type RouterParts, type RouterState, serveRouter } from './router.ts'

export type Reconciler = {
  /** `again` in the answer: something is to be looked at once more soon. */
  turn(trace: Trace): Promise<{ again: boolean }>
  /** The network service lost sight of us: it is told again how routers are. */
  forgetReports(): void
  /** Devices may have gone or come back empty: they are set anew. */
  forgetDevices(): void
  readonly counts: { routers: number; floating_ips: number; interfaces: number; ex_gw_ports: number }
}

export type ReconcilerParts = RouterParts & {
  log: Log
  host: string
  plugin: Caller<typeof networkPlugin.methods>
}

type Status = 'ACTIVE' | 'DOWN' | 'ERROR'
/**
 * What the network service was told of a router and its floating IPs, with the generation of which it was told: one that
 * was led elsewhere and back, or to another port, is DOWN there until it's told again, though nothing changed here.
 */
type Report = { router: string; floating: Map<string, string> }

const width = 4
const prefix = routerNamespace('')

export function openReconciler(parts: ReconcilerParts): Reconciler {
  const { log, plugin, host, driver } = parts
  const states = new Map<string, RouterState>()
  const reports = new Map<string, Report>()
  let newest = Number.NEGATIVE_INFINITY
  let counts = { routers: 0, floating_ips: 0, interfaces: 0, ex_gw_ports: 0 }

  const tell = async (trace: Trace, router: RouterWiring, status: Status) => {
    const { routerId, generation, gateway, floatingIps } = router
    const told = reports.get(routerId) ?? { router: '', floating: new Map<string, string>() }
    reports.set(routerId, told)
    const options = { trace, subject: `router:${routerId}` }
    const key = `${generation} ${status}`
    if (told.router !== key) {
      await plugin.routerStatus({ host, routerId, generation, status }, options)
      told.router = key
    }
    const works: Status = status === 'ACTIVE' && !gateway ? 'DOWN' : status
    const now = new Map(floatingIps.map(({ floatingIpId }) => [floatingIpId, `${generation} ${works}`]))
    const gone = [...told.floating.keys()].filter((floatingIpId) => !now.has(floatingIpId))
    const statuses = [
      ...[...now]
        .filter(([floatingIpId, report]) => told.floating.get(floatingIpId) !== report)
        .map(([floatingIpId]) => ({ floatingIpId, status: works })),
      ...gone.map((floatingIpId) => ({ floatingIpId, status: 'DOWN' as const })),
    ]
    if (statuses.length > 0) await plugin.floatingIpStatus({ host, routerId, statuses }, options)
    told.floating = now
  }

  return {
    async turn(trace) {
      const seen = { ports: await driver.list(), running: await driver.processes() }
      const { generation, routers } = await plugin.hostRouters({ host }, { trace })
      if (generation < newest) return { again: true }
      newest = generation
      const served = routers.filter(({ adminUp }) => adminUp)
      const failed = await inParallel(routers, width, async (router) => {
        if (!router.adminUp) return tell(trace, router, 'DOWN')
        const state = states.get(router.routerId) ?? newState()
        states.set(router.routerId, state)
        try {
          await serveRouter(parts, trace, router, state, seen)
        } catch (error) {
          // From the start, whatever was done: what failed may have left anything.
          states.delete(router.routerId)
          await tell(trace, router, 'ERROR')
          throw error
        }
        await tell(trace, router, 'ACTIVE')
      })
      for (const { item, error } of failed)
        log.warn(
          { routerId: item.routerId, error: fullMessage(error) },
          'a router could not be served; it will be tried again',
        )
      const wanted = new Set(served.map(({ routerId }) => routerId))
      const unwanted = (await driver.namespaces())
        .filter((name) => name.startsWith(prefix))
        .map((name) => name.slice(prefix.length))
        .filter((routerId) => !wanted.has(routerId))
      const stuck = await inParallel(unwanted, width, async (routerId) => {
        states.delete(routerId)
        await leaveRouter(parts, trace, routerId)
      })
      for (const { item, error } of stuck)
        log.warn({ routerId: item, error: fullMessage(error) }, 'a router could not be left; it will be')
      const known = new Set(routers.map(({ routerId }) => routerId))
      for (const routerId of reports.keys()) if (!known.has(routerId)) reports.delete(routerId)
      counts = {
        routers: served.length,
        floating_ips: served.reduce((sum, { floatingIps }) => sum + floatingIps.length, 0),
        interfaces: served.reduce((sum, { interfaces }) => sum + interfaces.length, 0),
        ex_gw_ports: served.filter(({ gateway }) => gateway !== null).length,
      }
      return { again: failed.length + stuck.length > 0 }
    },
    forgetReports: () => reports.clear(),
    forgetDevices() {
      for (const state of states.values()) state.plugged.clear()
    },
    get counts() {
      return counts
    },
  }
}

function newState(): RouterState {
  return { plugged: new Map(), prepared: false, floating: new Map() }
}

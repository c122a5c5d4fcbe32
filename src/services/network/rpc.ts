// The network service's side of contracts/network-agent.ts: what agents ask, and what they tell.
import type { networkPlugin } from '#contracts/network-agent.ts'
import type { Handlers, Incoming } from '#kit/bus/bus.ts'
import type { NetworkApp } from './app.ts'
import { takeReport } from './ops/agent-report.ts'
import { perform, type Work } from './ops/change.ts'
import { ensureDhcpPort, hostDhcp, releaseDhcpPort } from './ops/dhcp.ts'
import { metadataPort } from './ops/metadata.ts'
import { markDhcpReady, markUnwired, markWired } from './ops/provisioning.ts'
import { floatingIpStatus, hostRouters, routerStatus } from './ops/router-wiring.ts'
import { readHostWiring, readPortDetails } from './ops/wiring.ts'
import { readWiringSince } from './ops/wiring-since.ts'

export function networkHandlers(app: NetworkApp): Handlers<typeof networkPlugin.methods> {
  const within = <T>({ trace }: Incoming, work: (work: Work) => Promise<T>) => perform({ app, trace }, work)
  return {
    hostWiring: ({ host }) => app.db.transaction((tx) => readHostWiring(tx, host)),
    wiringSince: (known) => app.db.transaction((tx) => readWiringSince(tx, app.recent, known)),
    portDetails: async ({ host, portIds }) => ({
      ports: await app.db.transaction((tx) => readPortDetails(tx, host, portIds)),
    }),
    portUp: async (params, at) => ({ accepted: await within(at, (work) => markWired(work, params)) }),
    portDown: async (params, at) => ({ accepted: await within(at, (work) => markUnwired(work, params)) }),
    agentReport: async (params, at) => ({ status: await within(at, (work) => takeReport(work, params)) }),
    hostDhcp: ({ host }, at) => within(at, (work) => hostDhcp(work, host)),
    ensureDhcpPort: async ({ host, networkId }, at) => ({
      port: await within(at, (work) => ensureDhcpPort(work, host, networkId)),
    }),
    releaseDhcpPort: async ({ host, networkId }, at) => ({
      accepted: await within(at, (work) => releaseDhcpPort(work, host, networkId)),
    }),
    dhcpReady: async (params, at) => {
      await within(at, (work) => markDhcpReady(work, params))
      return undefined
    },
    hostRouters: (params) => hostRouters(app, params),
    routerStatus: async (params, { trace }) => {
      await routerStatus(app, params, trace)
      return undefined
    },
    floatingIpStatus: async (params, { trace }) => {
      await floatingIpStatus(app, params, trace)
      return undefined
    },
    metadataPort: async (params) => ({ port: await metadataPort(app.db, params) }),
  }
}

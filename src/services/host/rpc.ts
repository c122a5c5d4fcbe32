// Answers the agents of joined hosts: tokens, certificates, their state, their leave.
import { hosts } from '#contracts/host.ts'
import type { Bus, Served } from '#kit/bus/bus.ts'
import type { HostApp } from './app.ts'
import { memberNamed, showHost } from './ops/host.ts'
import { renewCertificate } from './ops/member.ts'
import { beginRemoval } from './ops/removal.ts'
import type { HostTokens } from './ops/service-token.ts'

const farewellMs = 1_000

/** `finishRemovals` nudges the loop that ends what was begun. */
export function serveHosts(
  bus: Bus,
  app: HostApp,
  tokens: HostTokens,
  finishRemovals: () => void,
): Promise<Served> {
  return bus.serve(hosts, app.world.host.name, 'nimbo-hosts', {
    async serviceToken({ host }, { trace }) {
      return tokens.issue(trace, await memberNamed(app, host))
    },
    renewCertificate: ({ host, request }) => renewCertificate(app, host, request),
    async state({ host }, { trace }) {
      await memberNamed(app, host)
      const { up, servers, disabled } = await showHost(app, trace, host)
      return { up, servers, disabled }
    },
    async leave({ host, force }, { trace }) {
      await memberNamed(app, host)
      await beginRemoval(app, trace, { host, force })
      // Its line ends with its rights: the answer goes first.
      app.world.timers.after(farewellMs, finishRemovals, { background: true })
      return { left: true }
    },
  })
}

// Answers the agents of joined hosts: tokens, certificates, their state, their leave.
import { hosts } from '#contracts/host.ts'
import type { Bus, Served } from '#kit/bus/bus.ts'
import type { HostApp } from './app.ts'
import { memberNamed, showHost } from './ops/host.ts'
import { renewCertificate } from './ops/member.ts'
import { removeHost } from './ops/removal.ts'
import type { HostTokens } from './ops/service-token.ts'

export function serveHosts(bus: Bus, app: HostApp, tokens: HostTokens): Promise<Served> {
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
      return { left: await removeHost(app, trace, { host, force }) }
    },
  })
}

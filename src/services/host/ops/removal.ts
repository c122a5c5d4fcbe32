// How a host leaves: out at once, by its credentials; then all that the cloud has of it goes, as soon as it can.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Trace } from '#kit/journal/journal.ts'
import type { HostApp } from '../app.ts'
import * as store from '../store/host.ts'
import { rememberMembers } from './membership.ts'

export type Removal = { host: string; force: boolean; userId?: string }

const reason = 'The host is being removed'
/** A report that was on its way may make a service of it anew: for so long it is looked for again. */
const afterglowMs = 60_000

/** True where nothing of it is left; false where servers still hold its services. */
export async function removeHost(app: HostApp, trace: Trace, removal: Removal): Promise<boolean> {
  await beginRemoval(app, trace, removal)
  return finishRemoval(app, trace, removal.host)
}

/** From here on it is no member, though its connections end only with `finishRemoval`. */
export async function beginRemoval(app: HostApp, trace: Trace, removal: Removal): Promise<void> {
  const { host: name, force, userId } = removal
  const row = await store.findHost(app.db, name)
  const at = { trace, token: await app.serviceToken(trace) }
  const [service] = await app.peers.computeServices(at, name)
  if (!row)
    throw service
      ? new CloudError('conflict', `${name} is the cloud's own host: 'nimbo destroy' ends the cloud.`)
      : new CloudError('notFound', `There is no host ${name}.`)
  if (row.removedAt !== null) return
  // First nothing new: a server that is being placed now must not slip through the look below.
  const wasEnabled = service !== undefined && !service.disabled
  if (wasEnabled) await app.peers.changeComputeService(at, service.id, { disabled: true, reason })
  const bound = await boundTo(app, at, name)
  if (bound.length > 0 && !force) {
    if (wasEnabled) await app.peers.changeComputeService(at, service.id, { disabled: false })
    throw new CloudError('conflict', refusal(name, bound), { type: 'HostInUse' })
  }
  await store.updateHost(app.db, name, { removedAt: app.world.clock.now() })
  await rememberMembers(app)
  app.journal.record(trace, {
    kind: 'decision',
    name: 'host.remove',
    subject: `host:${name}`,
    userId,
    data: { force, bound },
  })
  app.log.info({ host: name, force }, 'a host was removed from the cloud')
}

/** Revokes what it has, and takes what the cloud has of it; may run any number of times. */
export async function finishRemoval(app: HostApp, trace: Trace, name: string): Promise<boolean> {
  const row = await store.findHost(app.db, name)
  if (!row || row.removedAt === null) return true
  const at = { trace, token: await app.serviceToken(trace) }
  await app.around.revokeBus(name)
  await app.peers.deleteServiceUser(at, row.userId)
  const [service] = await app.peers.computeServices(at, name)
  const gone = !service || (await endComputeService(app, at, service.id, name))
  for (const agent of await app.peers.networkAgents(at, name))
    await app.peers.deleteNetworkAgent(at, agent.id)
  for (const { host, disabled } of await app.peers.volumeServices(at, name)) {
    if (!disabled) await app.peers.changeVolumeService(at, host, { disabled: true, reason })
    await app.peers.deleteVolumeService(at, host)
  }
  if (gone && app.world.clock.now() - row.removedAt > afterglowMs) await store.deleteHost(app.db, name)
  return gone
}

type At = { trace: Trace; token: string }

async function endComputeService(app: HostApp, at: At, id: string, name: string): Promise<boolean> {
  // Down from now on: servers that are deleted don't wait for a host that is out of reach.
  await app.peers.changeComputeService(at, id, { forcedDown: true })
  for (const server of await app.peers.serversOn(at, name)) await app.peers.failServer(at, server.id)
  return app.peers.deleteComputeService(at, id)
}

type Bound = { what: string; count: number }

async function boundTo(app: HostApp, at: At, name: string): Promise<Bound[]> {
  const [servers, ports, backends] = await Promise.all([
    app.peers.serversOn(at, name),
    app.peers.portsOn(at, name),
    app.peers.volumeServices(at, name),
  ])
  let volumes = 0
  for (const { host } of backends) volumes += await app.peers.volumesOn(at, host)
  const all = [
    { what: 'server', count: servers.length },
    { what: 'port', count: ports },
    { what: 'volume', count: volumes },
  ]
  return all.filter(({ count }) => count > 0)
}

function refusal(name: string, bound: readonly Bound[]): string {
  const list = bound.map(({ what, count }) => `${count} ${what}${count === 1 ? '' : 's'}`).join(', ')
  return (
    `${name} still has ${list}: delete them first. With --force the host is sent away all the same: ` +
    'its servers turn to ERROR and can only be deleted, and its volumes are lost with its disk.'
  )
}

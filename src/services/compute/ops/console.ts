// What a server shows: the log of its serial console, and one-time keys to its screen.
import { createHash } from 'node:crypto'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Trace } from '#kit/journal/journal.ts'
import type { Compute, ComputeContext } from '../app.ts'
import { serverRules } from '../resources/server-rule.ts'
import { insertToken, takeToken } from '../store/console.ts'
import { findServer } from '../store/server.ts'
import { loadServer, subjectOf } from './server-load.ts'

export async function consoleText(
  context: ComputeContext,
  id: string,
  lines: number | null,
): Promise<string> {
  const server = await loadServer(context, id, serverRules.consoleOutput)
  if (server.host === null || server.vmState === 'building')
    throw new CloudError('conflict', `Instance ${id} is not ready`)
  const { output } = await context.app.hosts.consoleOutput(
    { serverId: id, lines: lines === null || lines < 0 ? null : lines },
    { host: server.host, trace: context.trace, subject: subjectOf(id) },
  )
  return output
}

const kinds: Record<string, { protocol: string; kind: 'novnc' }> = {
  novnc: { protocol: 'vnc', kind: 'novnc' },
}

export async function openConsole(
  context: ComputeContext,
  id: string,
  wish: { protocol: string; type: string },
): Promise<{ protocol: string; type: string; url: string }> {
  const { app } = context
  const server = await loadServer(context, id, serverRules.remoteConsole)
  const known = kinds[wish.type]
  if (!known || known.protocol !== wish.protocol)
    throw new CloudError('badRequest', `Unavailable console type ${wish.type}.`)
  if (server.host === null || server.vmState === 'building')
    throw new CloudError('conflict', `Instance ${id} is not ready`)
  if (server.vmState !== 'active' && server.vmState !== 'paused')
    throw new CloudError(
      'conflict',
      `Cannot 'get_vnc_console' instance ${id} while it is in vm_state ${server.vmState}`,
    )
  const token = app.world.random.uuid()
  await insertToken(app.db, {
    hash: hashOf(token),
    serverId: id,
    kind: known.kind,
    expiresAt: app.world.clock.now() + app.config.consoleTokenLife,
  })
  // noVNC's page reads `path` and connects there; the token travels within it.
  return {
    protocol: wish.protocol,
    type: wish.type,
    url: `${app.config.novncBaseUrl}?path=${encodeURIComponent(`?token=${token}`)}`,
  }
}

const hashOf = (token: string) => createHash('sha256').update(token).digest('hex')

export type OpenConsole = {
  serverId: string
  host: string
  port: number
  ticket: string
  serverName: string | null
}

/** Lets the proxy in once: the host opens the guest's screen for one connection that begins with the ticket. */
export async function authorizeConsole(
  app: Compute,
  trace: Trace,
  token: string,
): Promise<OpenConsole | null> {
  const row = await app.db.transaction((tx) => takeToken(tx, hashOf(token)))
  if (!row || row.expiresAt <= app.world.clock.now()) return null
  const server = await findServer(app.db, row.serverId)
  if (!server || server.host === null) return null
  const { secure, ...opened } = await app.hosts.openConsole(
    { serverId: server.id, kind: row.kind },
    { host: server.host, trace, subject: subjectOf(server.id) },
  )
  // Not as the host says, but as it is called: only then does its certificate prove who opened the door.
  return { serverId: server.id, ...opened, serverName: secure ? server.host : null }
}

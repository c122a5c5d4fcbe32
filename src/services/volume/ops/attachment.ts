// A server's hold on a volume: reserved for it, connected with its host, attached, given back. The volume's status
// follows from its attachments, in the same transaction.
import { hostUserPrefix } from '#contracts/host.ts'
import type { Transaction } from '#kit/db/database.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Query } from '#kit/http/route.ts'
import type { PolicyRule } from '#kit/policy/policy.ts'
import type { VolumeContext } from '../app.ts'
import { type Attachment, attachmentRules } from '../resources/attachment.ts'
import { isAdmin, isHost, isService } from '../resources/policy.ts'
import {
  agentOf,
  requireStatus,
  subjectOf,
  type Volume,
  type VolumeStatus,
  volumeRules,
  volumeTarget,
} from '../resources/volume.ts'
import * as store from '../store/attachment.ts'
import { findVolume, updateVolume } from '../store/volume.ts'
import { scope, wholeOf } from './volume-list.ts'
import { loadVolume, noVolume } from './volume-load.ts'

export type Reservation = {
  volumeUuid: string
  instanceUuid?: string
  connector?: Record<string, unknown> | null
  mode?: 'rw' | 'ro'
}

export async function createAttachment(context: VolumeContext, wish: Reservation): Promise<Attachment> {
  const { app } = context
  const row = await loadVolume(context, wish.volumeUuid, attachmentRules.create)
  requireStatus(row, 'reserve', 'reserve')
  const made: Attachment = {
    id: app.world.random.uuid(),
    volumeId: row.id,
    projectId: row.projectId,
    serverId: wish.instanceUuid ?? null,
    hostName: null,
    mountpoint: null,
    status: 'reserved',
    mode: wish.mode ?? (row.readOnly ? 'ro' : 'rw'),
    connectionInfo: null,
    attachedAt: null,
    createdAt: app.world.clock.now(),
  }
  await app.db.transaction(async (tx) => {
    const now = await findVolume(tx, row.id)
    if (!now) throw noVolume(row.id)
    requireStatus(now, 'reserve', 'reserve')
    await store.insertAttachment(tx, made)
    await settleStatus(tx, context, row.id)
  })
  if (!wish.connector) return made
  return connectAttachment(context, made.id, wish.connector)
}

export const noAttachment = (id: string) =>
  new CloudError('notFound', `Volume attachment could not be found with filter: attachment_id = ${id}.`)

/** Another project's attachment is not there, unless for administrators and hosts. */
async function loadAttachment(context: VolumeContext, id: string, rule: PolicyRule): Promise<Attachment> {
  const found = await store.findAttachment(context.app.db, id)
  if (!found) throw noAttachment(id)
  const own = found.projectId === context.caller.projectId
  if (!own && !context.allows(isAdmin, {}) && !context.allows(isHost, {})) throw noAttachment(id)
  context.authorize(rule, volumeTarget(found))
  return found
}

/** The agent of a host may neither take nor settle what another holds: a server that moves is given attachments anew. */
function requireOwnHost(context: VolumeContext, hostName: string): void {
  if (context.allows(isHost, {}) && context.caller.userName !== hostUserPrefix + hostName)
    throw new CloudError('forbidden', 'A host connects volumes with itself alone.')
}

export const showAttachment = (context: VolumeContext, id: string) =>
  loadAttachment(context, id, volumeRules.show)

const filters: Record<string, keyof Attachment> = {
  volume_id: 'volumeId',
  instance_id: 'serverId',
  instance_uuid: 'serverId',
  status: 'status',
  attach_status: 'status',
  attachment_id: 'id',
}

export async function listAttachments(context: VolumeContext, query: Query): Promise<Attachment[]> {
  const list: { equal: Record<string, unknown> } = { equal: {} }
  scope(context, query, list as Parameters<typeof scope>[2])
  for (const [name, column] of Object.entries(filters)) {
    const value = query.get(name)
    if (value !== undefined) list.equal[column] = value
  }
  const rows = await store.listAttachments(context.app.db, list.equal as Partial<Attachment>)
  const marker = query.get('marker')
  const from = marker === undefined ? 0 : rows.findIndex((row) => row.id === marker) + 1
  if (marker !== undefined && from === 0) throw noAttachment(marker)
  return rows.slice(from, from + wholeOf(query, 'limit', rows.length))
}

/** Asks the host that holds the volume how the connector's host reaches it; asked again it says the same. */
export async function connectAttachment(
  context: VolumeContext,
  id: string,
  connector: Record<string, unknown>,
): Promise<Attachment> {
  const { app } = context
  const seen = await loadAttachment(context, id, attachmentRules.update)
  const { host: hostName, mountpoint, mode } = connector
  if (typeof hostName !== 'string' || hostName === '' || hostName.length > 255)
    throw new CloudError('badRequest', 'Invalid input received: the connector must name its host.')
  const requireOwn = ({ hostName: holder }: Attachment) => requireOwnHost(context, holder ?? hostName)
  requireOwnHost(context, hostName)
  requireOwn(seen)
  const row = await findVolume(app.db, seen.volumeId)
  if (!row) throw noVolume(seen.volumeId)
  requireStatus(row, 'connect', 'be connected')
  const readOnly = mode === 'ro' || seen.mode === 'ro' || row.readOnly
  const connection = await connectionOf(context, row, hostName, readOnly ? 'ro' : 'rw')
  const connectionInfo = { ...connection, attachment_id: id, volume_id: row.id }
  return app.db.transaction(async (tx) => {
    const now = await store.findAttachment(tx, id)
    if (!now) throw noAttachment(id)
    requireOwn(now)
    const change: Partial<Attachment> = {
      connectionInfo,
      hostName,
      mode: readOnly ? 'ro' : 'rw',
      ...(typeof mountpoint === 'string' && { mountpoint: mountpoint.slice(0, 255) }),
      // A host that asks again after its server had the volume already loses nothing by it.
      ...(now.status !== 'attached' && { status: 'attaching' as const }),
    }
    await store.updateAttachment(tx, id, change)
    await settleStatus(tx, context, row.id)
    return { ...now, ...change }
  })
}

export type Connection = {
  driver_volume_type: string
  /** The same facts as beside it: the older call has them here. */
  data: Record<string, unknown>
  [fact: string]: unknown
}

/** How guests on that host reach it. */
export async function connectionOf(
  context: VolumeContext,
  row: Volume,
  connectingHost: string,
  accessMode: 'ro' | 'rw',
): Promise<Connection> {
  if (row.host === null)
    throw new CloudError('badRequest', `Invalid volume: Volume ${row.id} lies on no host.`)
  const { driverVolumeType, data: given } = await context.app.agent.connect(
    { volumeId: row.id, connectingHost },
    { host: agentOf(row.host), trace: context.trace, subject: subjectOf(row.id) },
  )
  const data = { ...given, access_mode: accessMode, encrypted: false }
  return { ...data, driver_volume_type: driverVolumeType, data }
}

/** The server has the volume. */
export async function completeAttachment(context: VolumeContext, id: string): Promise<void> {
  const { app } = context
  await loadAttachment(context, id, attachmentRules.complete)
  await app.db.transaction(async (tx) => {
    const now = await store.findAttachment(tx, id)
    if (!now) throw noAttachment(id)
    if (now.status === 'reserved')
      throw new CloudError(
        'badRequest',
        `Invalid volume: attachment ${id} is not connected with any host yet.`,
      )
    if (now.hostName !== null) requireOwnHost(context, now.hostName)
    await store.updateAttachment(tx, id, {
      status: 'attached',
      attachedAt: now.attachedAt ?? app.world.clock.now(),
    })
    await settleStatus(tx, context, now.volumeId)
  })
}

/** Taking a volume from under a running server is compute's to do: it detaches first (CVE-2023-2088). */
export function refuseTaking(context: VolumeContext, { serverId }: Attachment): void {
  if (serverId === null || context.allows(isService, {}) || context.allows(isAdmin, {})) return
  throw new CloudError('conflict', `Detach volume from instance ${serverId} using the Compute API`)
}

/** Returns the attachments that the volume has left. */
export async function deleteAttachment(context: VolumeContext, id: string): Promise<Attachment[]> {
  const { app } = context
  const seen = await loadAttachment(context, id, attachmentRules.delete)
  if (seen.status === 'attached') refuseTaking(context, seen)
  return app.db.transaction(async (tx) => {
    await store.deleteAttachment(tx, id)
    await settleStatus(tx, context, seen.volumeId)
    return store.attachmentsOf(tx, seen.volumeId)
  })
}

const settled: readonly VolumeStatus[] = ['available', 'reserved', 'attaching', 'in-use', 'detaching']

/** Attached before attaching before reserved before available; a volume on which other work goes on keeps its status. */
export async function settleStatus(
  tx: Transaction,
  context: VolumeContext,
  volumeId: string,
  also: readonly VolumeStatus[] = [],
): Promise<void> {
  const row = await findVolume(tx, volumeId)
  if (!row || !(settled.includes(row.status) || also.includes(row.status))) return
  const status = statusBy(await store.attachmentsOf(tx, volumeId))
  await updateVolume(tx, volumeId, { status, updatedAt: context.app.world.clock.now() })
}

function statusBy(attachments: readonly Attachment[]): VolumeStatus {
  const has = (status: Attachment['status']) => attachments.some((each) => each.status === status)
  if (has('attached')) return 'in-use'
  if (has('attaching')) return 'attaching'
  return has('reserved') ? 'reserved' : 'available'
}

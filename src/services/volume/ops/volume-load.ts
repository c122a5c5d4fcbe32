// A volume for a caller: loaded, and seen to be the caller's to touch; and what is shown with it.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { PolicyRule } from '#kit/policy/policy.ts'
import type { VolumeContext } from '../app.ts'
import { isAdmin } from '../resources/policy.ts'
import { type Volume, volumeRules, volumeTarget } from '../resources/volume.ts'
import type { ShownVolume } from '../resources/volume-view.ts'
import { attachmentsByVolume } from '../store/attachment.ts'
import { findVolume } from '../store/volume.ts'
import { volumeHosts } from '../store/volume-service.ts'
import { allTypes } from '../store/volume-type.ts'

export const noVolume = (id: string) => new CloudError('notFound', `Volume ${id} could not be found.`)

/** Another project's volume is not there, unless for administrators. */
export async function loadVolume(context: VolumeContext, id: string, rule: PolicyRule): Promise<Volume> {
  const found = await findVolume(context.app.db, id)
  if (!found) throw noVolume(id)
  if (found.projectId !== context.caller.projectId && !context.allows(isAdmin, {})) throw noVolume(id)
  context.authorize(rule, volumeTarget(found))
  return found
}

/** With types, attachments and hosts: three queries, however many volumes there are. */
export async function shownVolumes(context: VolumeContext, rows: readonly Volume[]): Promise<ShownVolume[]> {
  const { db } = context.app
  const types = new Map((await allTypes(db)).map((each) => [each.id, each.name]))
  const hosts = new Map((await volumeHosts(db)).map((each) => [each.host, each.id]))
  const attachments = await attachmentsByVolume(
    db,
    rows.map((row) => row.id),
  )
  const admin = context.allows(volumeRules.host, {})
  return rows.map((row) => ({
    ...row,
    typeName: types.get(row.typeId) ?? null,
    attachments: attachments.get(row.id) ?? [],
    serviceId: (row.host !== null && hosts.get(row.host)) || null,
    admin,
  }))
}

export async function shownVolume(context: VolumeContext, row: Volume): Promise<ShownVolume> {
  const [shown] = await shownVolumes(context, [row])
  return shown!
}

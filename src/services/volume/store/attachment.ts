// SQL of attachments.
import type { Db } from '#kit/db/database.ts'
import { type Attachment, attachment } from '../resources/attachment.ts'

export const findAttachment = (db: Db, id: string) => attachment.get(db, id)
export const insertAttachment = (db: Db, row: Attachment) => attachment.insert(db, row)
export const updateAttachment = (db: Db, id: string, change: Partial<Attachment>) =>
  attachment.update(db, { id }, change)
/** False where it was gone. */
export const deleteAttachment = async (db: Db, id: string) => (await attachment.delete(db, { id })) > 0
export const deleteAttachmentsOf = (db: Db, volumeId: string) => attachment.delete(db, { volumeId })

const order = {
  orderBy: [
    ['createdAt', 'asc'],
    ['id', 'asc'],
  ],
} as const

export const attachmentsOf = (db: Db, volumeId: string) => attachment.find(db, { volumeId }, order)

/** One query for a whole list of volumes. */
export async function attachmentsByVolume(
  db: Db,
  volumeIds: readonly string[],
): Promise<Map<string, Attachment[]>> {
  const rows = volumeIds.length === 0 ? [] : await attachment.find(db, { volumeId: volumeIds }, order)
  return Map.groupBy(rows, (row) => row.volumeId)
}

export const listAttachments = (db: Db, equal: Partial<Attachment>) => attachment.find(db, equal, order)

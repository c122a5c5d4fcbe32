// SQL of volume types.
import type { Db } from '#kit/db/database.ts'
import { type VolumeType, volumeType, volumeTypeAccess } from '../resources/volume-type.ts'

export const allTypes = (db: Db) =>
  volumeType.find(
    db,
    {},
    {
      orderBy: [
        ['createdAt', 'desc'],
        ['id', 'desc'],
      ],
    },
  )
export const findType = (db: Db, id: string) => volumeType.get(db, id)
export const findTypeByName = (db: Db, name: string) => volumeType.first(db, { name })
/** False where the name is taken. */
export const insertType = (db: Db, row: VolumeType) => volumeType.insertIfAbsent(db, row)
export const updateType = (db: Db, id: string, change: Partial<VolumeType>) =>
  volumeType.update(db, { id }, change)

export async function deleteType(db: Db, id: string): Promise<void> {
  await volumeTypeAccess.delete(db, { typeId: id })
  await volumeType.delete(db, { id })
}

export const accessOfType = (db: Db, typeId: string) => volumeTypeAccess.find(db, { typeId })
export const accessOfProject = (db: Db, projectId: string) => volumeTypeAccess.find(db, { projectId })
/** False where the project had it. */
export const addAccess = (db: Db, typeId: string, projectId: string) =>
  volumeTypeAccess.insertIfAbsent(db, { typeId, projectId })
export const removeAccess = async (db: Db, typeId: string, projectId: string) =>
  (await volumeTypeAccess.delete(db, { typeId, projectId })) > 0

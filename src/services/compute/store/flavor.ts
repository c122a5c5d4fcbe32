// SQL of flavors and of who may use those that aren't public.
import type { Db } from '#kit/db/database.ts'
import { type Flavor, flavor, flavorAccess } from '../resources/flavor.ts'

export const findFlavor = (db: Db, id: string) => flavor.get(db, id)
export const findFlavorByName = (db: Db, name: string) => flavor.first(db, { name })
export const insertFlavor = (db: Db, row: Flavor) => flavor.insert(db, row)
export const updateFlavor = (db: Db, id: string, change: Partial<Flavor>) => flavor.update(db, { id }, change)

export async function deleteFlavor(db: Db, id: string): Promise<number> {
  await flavorAccess.delete(db, { flavorId: id })
  return flavor.delete(db, { id })
}

export type FlavorSort = 'id' | 'name' | 'memoryMb' | 'vcpus' | 'rootGb' | 'createdAt'

/** There are few flavors, and so paging and filters are the op's. */
export function listFlavors(db: Db, sort: FlavorSort, way: 'asc' | 'desc'): Promise<Flavor[]> {
  return flavor.find(
    db,
    {},
    {
      orderBy:
        sort === 'id'
          ? [['id', way]]
          : [
              [sort, way],
              ['id', way],
            ],
    },
  )
}

export async function flavorsOfProject(db: Db, projectId: string): Promise<Set<string>> {
  return new Set((await flavorAccess.find(db, { projectId })).map((each) => each.flavorId))
}

export const listAccess = (db: Db, flavorId: string) =>
  flavorAccess.find(db, { flavorId }, { orderBy: [['projectId', 'asc']] })
export const hasAccess = async (db: Db, flavorId: string, projectId: string) =>
  (await flavorAccess.count(db, { flavorId, projectId })) > 0
export const insertAccess = (db: Db, flavorId: string, projectId: string) =>
  flavorAccess.insertIfAbsent(db, { flavorId, projectId })
export const deleteAccess = (db: Db, flavorId: string, projectId: string) =>
  flavorAccess.delete(db, { flavorId, projectId })

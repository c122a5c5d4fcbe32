// SQL of regions.
import type { Db } from '#kit/db/database.ts'
import { type Region, region } from '../resources/region.ts'
import { defined } from './filter.ts'

export const findRegion = (db: Db, id: string) => region.get(db, id)

export const listRegions = (db: Db, filter: { parentRegionId?: string } = {}): Promise<Region[]> =>
  region.find(db, defined(filter), { orderBy: [['id', 'asc']] })

export const insertRegion = (db: Db, row: Region) => region.insert(db, row)

export const updateRegion = (db: Db, id: string, change: Partial<Region>) => region.update(db, { id }, change)

export const deleteRegion = (db: Db, id: string) => region.delete(db, { id })

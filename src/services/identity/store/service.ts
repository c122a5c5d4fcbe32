// SQL of the catalog's services.
import type { Db } from '#kit/db/database.ts'
import { type Service, service } from '../resources/service.ts'
import { defined } from './filter.ts'

export type ServiceFilter = { type?: string; name?: string }

export const findService = (db: Db, id: string) => service.get(db, id)

export const listServices = (db: Db, filter: ServiceFilter = {}): Promise<Service[]> =>
  service.find(db, defined(filter), {
    orderBy: [
      ['createdAt', 'asc'],
      ['id', 'asc'],
    ],
  })

export const insertService = (db: Db, row: Service) => service.insert(db, row)

export const updateService = (db: Db, id: string, change: Partial<Service>) =>
  service.update(db, { id }, change)

export const deleteService = (db: Db, id: string) => service.delete(db, { id })

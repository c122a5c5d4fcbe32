// SQL of the catalog's endpoints.
import type { Db } from '#kit/db/database.ts'
import { type Endpoint, endpoint, type Interface } from '../resources/endpoint.ts'
import { defined } from './filter.ts'

export type EndpointFilter = { serviceId?: string; interface?: Interface; regionId?: string }

export const findEndpoint = (db: Db, id: string) => endpoint.get(db, id)

export const listEndpoints = (db: Db, filter: EndpointFilter = {}): Promise<Endpoint[]> =>
  endpoint.find(db, defined(filter), {
    orderBy: [
      ['createdAt', 'asc'],
      ['id', 'asc'],
    ],
  })

export const insertEndpoint = (db: Db, row: Endpoint) => endpoint.insert(db, row)

export const updateEndpoint = (db: Db, id: string, change: Partial<Endpoint>) =>
  endpoint.update(db, { id }, change)

export const deleteEndpoint = (db: Db, id: string) => endpoint.delete(db, { id })

export const deleteEndpointsOf = (db: Db, serviceId: string) => endpoint.delete(db, { serviceId })

export const countInRegion = (db: Db, regionId: string) => endpoint.count(db, { regionId })

// Decisions about the catalog's services.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { IdentityContext } from '../app.ts'
import { type NewService, type Service, type ServiceChange, serviceRules } from '../resources/service.ts'
import { deleteEndpointsOf, listEndpoints } from '../store/endpoint.ts'
import { deleteProjectEndpoints } from '../store/endpoint-filter.ts'
import { deletePolicyAssociations } from '../store/endpoint-policy.ts'
import { countLimitsOn, deleteRegisteredLimits, listRegisteredLimits } from '../store/limit.ts'
import {
  deleteService as deleteRow,
  findService,
  insertService,
  listServices,
  type ServiceFilter,
  updateService,
} from '../store/service.ts'
import { change, found } from './change.ts'

export async function listServicesFor(context: IdentityContext, filter: ServiceFilter): Promise<Service[]> {
  context.authorize(serviceRules.list, {})
  return listServices(context.app.db, filter)
}

export async function getService(context: IdentityContext, id: string): Promise<Service> {
  context.authorize(serviceRules.get, {})
  return found(await findService(context.app.db, id), 'service', id)
}

export async function createService(context: IdentityContext, given: NewService): Promise<Service> {
  const { app } = context
  context.authorize(serviceRules.create, {})
  const row: Service = {
    id: app.world.random.hexId(),
    type: given.type,
    name: given.name ?? null,
    enabled: given.enabled ?? true,
    extra: given.extra,
    createdAt: app.world.clock.now(),
  }
  await change(app, (tx) => insertService(tx, row))
  return row
}

export async function changeService(
  context: IdentityContext,
  id: string,
  given: ServiceChange,
): Promise<Service> {
  context.authorize(serviceRules.update, {})
  const row = found(await findService(context.app.db, id), 'service', id)
  const after: Service = {
    ...row,
    type: given.type ?? row.type,
    name: given.name ?? row.name,
    enabled: given.enabled ?? row.enabled,
    extra: { ...row.extra, ...given.extra },
  }
  await change(context.app, (tx) => updateService(tx, id, after))
  return after
}

/** With its endpoints and the limits that it registered, unless a project or a domain has one of its own. */
export async function deleteService(context: IdentityContext, id: string): Promise<void> {
  context.authorize(serviceRules.delete, {})
  found(await findService(context.app.db, id), 'service', id)
  await change(context.app, async (tx) => {
    const limits = (await listRegisteredLimits(tx, { serviceId: id })).map((each) => each.id)
    if ((await countLimitsOn(tx, limits)) > 0)
      throw new CloudError(
        'forbidden',
        `Service ${id} has limits of projects or domains: delete those first.`,
      )
    await deleteRegisteredLimits(tx, limits)
    const endpoints = (await listEndpoints(tx, { serviceId: id })).map((each) => each.id)
    for (const endpointId of endpoints) await deletePolicyAssociations(tx, { endpointId })
    await deletePolicyAssociations(tx, { serviceId: id })
    await deleteProjectEndpoints(tx, { endpointId: endpoints })
    await deleteEndpointsOf(tx, id)
    await deleteRow(tx, id)
  })
}

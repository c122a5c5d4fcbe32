// Routes of allocations, usages and the reshaper.
import { route } from '../app.ts'
import { type Claim, deleteAllocations, getAllocations, replaceAllocations } from '../ops/allocation.ts'
import { reshape } from '../ops/reshape.ts'
import { listUsages } from '../ops/usage.ts'
import {
  allocationRules,
  allocationsListed,
  allocationsReplace,
  type ConsumerBody,
  manyConsumers,
  reshape as reshapeBody,
  unknownType,
} from '../resources/allocation.ts'
import { listProvidersById } from '../store/provider.ts'
import { dated } from './reply.ts'

/** The owner of a consumer that was written before versions asked for one. */
const unknownOwner = '00000000-0000-0000-0000-000000000000'

export const allocationRoutes = [
  route('GET', '/allocations/:consumer', {
    policy: allocationRules.list,
    handle: async (context, { params }) => {
      const { consumer, allocations } = await getAllocations(context, params.consumer!)
      const uuids = [...new Set(allocations.map((row) => row.providerUuid))]
      const providers = uuids.length > 0 ? await listProvidersById(context.app.db, uuids) : []
      const byProvider = Object.fromEntries(
        providers.map(({ uuid, generation }) => [
          uuid,
          { resources: resourcesOf(allocations, uuid), generation },
        ]),
      )
      const version = context.version ?? 0
      const shown = {
        allocations: byProvider,
        ...(consumer && version >= 1012 && { project_id: consumer.projectId, user_id: consumer.userId }),
        ...(consumer && version >= 1028 && { consumer_generation: consumer.generation }),
        ...(consumer && version >= 1038 && { consumer_type: consumer.consumerType ?? unknownType }),
      }
      return dated(context, shown, consumer?.updatedAt)
    },
  }),
  route('PUT', '/allocations/:consumer', {
    policy: allocationRules.update,
    until: '1.11',
    body: allocationsListed,
    handle: (context, { params, body }) =>
      replaceAllocations(context, [
        {
          consumerUuid: params.consumer!,
          allocations: body.allocations.map((each) => ({
            providerUuid: each.resource_provider.uuid,
            resources: each.resources,
          })),
          projectId: body.projectId ?? unknownOwner,
          userId: body.userId ?? unknownOwner,
          consumerGeneration: undefined,
          consumerType: undefined,
        },
      ]),
  }),
  route('PUT', '/allocations/:consumer', {
    policy: allocationRules.update,
    since: '1.12',
    body: allocationsReplace,
    handle: (context, { params, body }) => replaceAllocations(context, [claimOf(params.consumer!, body)]),
  }),
  route('POST', '/allocations', {
    policy: allocationRules.manage,
    since: '1.13',
    body: manyConsumers,
    handle: (context, { body }) => replaceAllocations(context, claimsOf(body)),
  }),
  route('DELETE', '/allocations/:consumer', {
    policy: allocationRules.delete,
    handle: (context, { params }) => deleteAllocations(context, params.consumer!),
  }),
  route('GET', '/usages', {
    policy: 'token',
    since: '1.9',
    handle: async (context, { query }) => dated(context, { usages: await listUsages(context, query) }),
  }),
  route('POST', '/reshaper', {
    policy: allocationRules.reshape,
    since: '1.30',
    body: reshapeBody,
    handle: (context, { body }) => {
      const inventories = Object.entries(body.inventories).map(([providerUuid, given]) => ({
        providerUuid,
        generation: given.resource_provider_generation,
        inventories: given.inventories,
      }))
      return reshape(context, inventories, claimsOf(body.allocations))
    },
  }),
]

const claimsOf = (bodies: Record<string, ConsumerBody>) =>
  Object.entries(bodies).map(([uuid, given]) => claimOf(uuid, given))

function claimOf(consumerUuid: string, given: ConsumerBody): Claim {
  return {
    consumerUuid,
    allocations: Object.entries(given.allocations).map(([providerUuid, { resources }]) => ({
      providerUuid,
      resources,
    })),
    projectId: given.project_id,
    userId: given.user_id,
    consumerGeneration: given.consumer_generation,
    consumerType: given.consumer_type,
  }
}

function resourcesOf(
  allocations: { providerUuid: string; resourceClass: string; used: number }[],
  uuid: string,
): Record<string, number> {
  const own = allocations.filter((row) => row.providerUuid === uuid)
  return Object.fromEntries(own.map((row) => [row.resourceClass, row.used]))
}

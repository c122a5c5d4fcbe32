// Routes of what a provider has: inventories, traits, aggregates; and of what is used of it.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { route } from '../app.ts'
import {
  createInventory,
  deleteInventory,
  getInventory,
  type InventoryGiven,
  listInventories,
  replaceInventories,
  updateInventory,
} from '../ops/inventory.ts'
import { getProvider } from '../ops/provider.ts'
import { replaceAggregates, replaceTraits } from '../ops/provider-mark.ts'
import { unread } from '../resources/checked.ts'
import {
  aggregateList,
  aggregateRules,
  aggregatesReplace,
  type Inventory,
  inventoriesReplace,
  inventoryCreate,
  inventoryReplace,
  inventoryRules,
  inventoryView,
  type Provider,
  providerRules,
  providerTraitRules,
  traitsReplace,
} from '../resources/provider.ts'
import { listByProvider } from '../store/allocation.ts'
import * as store from '../store/provider.ts'
import { dated, latest, located } from './reply.ts'

const path = '/resource_providers/:uuid'
const shown = ({ provider, inventories }: { provider: Provider; inventories: Inventory[] }) => ({
  resource_provider_generation: provider.generation,
  inventories: Object.fromEntries(inventories.map((row) => [row.resourceClass, inventoryView(row)])),
})
const shownOne = ({ provider, inventory }: { provider: Provider; inventory: Inventory }) => ({
  resource_provider_generation: provider.generation,
  ...inventoryView(inventory),
})
export const inventoryRoutes = [
  route('GET', `${path}/inventories`, {
    policy: inventoryRules.list,
    handle: async (context, { params }) => {
      const result = await listInventories(context, params.uuid!)
      return dated(context, shown(result), latest(result.inventories))
    },
  }),
  route('PUT', `${path}/inventories`, {
    policy: inventoryRules.update,
    body: inventoriesReplace,
    handle: async (context, { params, body }) => {
      const result = await replaceInventories(
        context,
        params.uuid!,
        body.resourceProviderGeneration,
        body.inventories,
      )
      return dated(context, shown(result), latest(result.inventories))
    },
  }),
  route('POST', `${path}/inventories`, {
    policy: inventoryRules.create,
    body: inventoryCreate,
    handle: async (context, { params, body }) => {
      const { resourceClass, resourceProviderGeneration } = body
      const result = await createInventory(
        context,
        params.uuid!,
        resourceClass,
        resourceProviderGeneration,
        givenIn(body),
      )
      const location = `${context.origin}/resource_providers/${result.provider.uuid}/inventories/${resourceClass}`
      return located(dated(context, shownOne(result), result.inventory.updatedAt, 201), location)
    },
  }),
  route('DELETE', `${path}/inventories`, {
    policy: inventoryRules.delete,
    until: '1.4',
    // The only call that an older version has not, and yet knows the path of.
    handle: async () => {
      throw new CloudError('methodNotAllowed', 'The method is not allowed before version 1.5.', {
        headers: { allow: 'GET, POST, PUT' },
      })
    },
  }),
  route('DELETE', `${path}/inventories`, {
    policy: inventoryRules.delete,
    since: '1.5',
    handle: async (context, { params }) => {
      await replaceInventories(context, params.uuid!, undefined, {})
    },
  }),
  route('GET', `${path}/inventories/:resource_class`, {
    policy: inventoryRules.show,
    handle: async (context, { params }) => {
      const result = await getInventory(context, params.uuid!, params.resource_class!)
      return dated(context, shownOne(result), result.inventory.updatedAt)
    },
  }),
  route('PUT', `${path}/inventories/:resource_class`, {
    policy: inventoryRules.update,
    body: inventoryReplace,
    handle: async (context, { params, body }) => {
      const { resourceProviderGeneration } = body
      const result = await updateInventory(
        context,
        params.uuid!,
        params.resource_class!,
        resourceProviderGeneration,
        givenIn(body),
      )
      return dated(context, shownOne(result), result.inventory.updatedAt)
    },
  }),
  route('DELETE', `${path}/inventories/:resource_class`, {
    policy: inventoryRules.delete,
    handle: (context, { params }) => deleteInventory(context, params.uuid!, params.resource_class!),
  }),
  route('GET', `${path}/usages`, {
    policy: providerRules.usages,
    handle: async (context, { params }) => {
      const { provider, inventories } = await listInventories(context, params.uuid!)
      const usages = Object.fromEntries(inventories.map((row) => [row.resourceClass, row.used]))
      return dated(context, { resource_provider_generation: provider.generation, usages })
    },
  }),
  route('GET', `${path}/allocations`, {
    policy: providerRules.allocations,
    handle: async (context, { params }) => {
      const provider = await getProvider(context, params.uuid!)
      const allocations: Record<string, { resources: Record<string, number>; consumer_generation?: number }> =
        {}
      const withGeneration = (context.version ?? 0) >= 1028
      for (const row of await listByProvider(context.app.db, provider.uuid)) {
        allocations[row.consumerUuid] ??= {
          resources: {},
          ...(withGeneration && { consumer_generation: row.consumerGeneration }),
        }
        allocations[row.consumerUuid]!.resources[row.resourceClass] = row.used
      }
      return dated(context, { resource_provider_generation: provider.generation, allocations })
    },
  }),
  route('GET', `${path}/traits`, {
    policy: providerTraitRules.list,
    since: '1.6',
    handle: async (context, { params }) => {
      const provider = await getProvider(context, params.uuid!)
      const traits = (await store.listTraitsOf(context.app.db, [provider.uuid])).get(provider.uuid) ?? []
      return dated(context, { resource_provider_generation: provider.generation, traits: traits.sort() })
    },
  }),
  route('PUT', `${path}/traits`, {
    policy: providerTraitRules.update,
    since: '1.6',
    body: traitsReplace,
    handle: async (context, { params, body }) => {
      const { provider, traits } = await replaceTraits(
        context,
        params.uuid!,
        body.resourceProviderGeneration,
        body.traits,
      )
      return dated(context, { resource_provider_generation: provider.generation, traits })
    },
  }),
  route('DELETE', `${path}/traits`, {
    policy: providerTraitRules.delete,
    since: '1.6',
    handle: async (context, { params }) => {
      await replaceTraits(context, params.uuid!, undefined, [])
    },
  }),
  route('GET', `${path}/aggregates`, {
    policy: aggregateRules.list,
    since: '1.1',
    handle: async (context, { params }) => {
      const provider = await getProvider(context, params.uuid!)
      const aggregates =
        (await store.listAggregatesOf(context.app.db, [provider.uuid])).get(provider.uuid) ?? []
      return dated(context, aggregatesShown(context.version, provider, aggregates))
    },
  }),
  route('PUT', `${path}/aggregates`, {
    policy: aggregateRules.update,
    since: '1.1',
    until: '1.18',
    body: aggregateList,
    handle: async (context, { params, body }) => {
      const { provider, aggregates } = await replaceAggregates(context, params.uuid!, undefined, body)
      return dated(context, aggregatesShown(context.version, provider, aggregates))
    },
  }),
  route('PUT', `${path}/aggregates`, {
    policy: aggregateRules.update,
    since: '1.19',
    body: unread(aggregatesReplace),
    handle: async (context, { params, body: given }) => {
      // A provider that isn't there comes before a body that is none.
      await getProvider(context, params.uuid!)
      const body = aggregatesReplace.parse(given, context.version)
      const { provider, aggregates } = await replaceAggregates(
        context,
        params.uuid!,
        body.resourceProviderGeneration,
        body.aggregates,
      )
      return dated(context, aggregatesShown(context.version, provider, aggregates))
    },
  }),
]

function givenIn(body: {
  total: number
  reserved?: number
  minUnit?: number
  maxUnit?: number
  stepSize?: number
  allocationRatio?: number
}): InventoryGiven {
  return {
    total: body.total,
    reserved: body.reserved,
    min_unit: body.minUnit,
    max_unit: body.maxUnit,
    step_size: body.stepSize,
    allocation_ratio: body.allocationRatio,
  }
}

function aggregatesShown(
  version: number | undefined,
  provider: Provider,
  aggregates: string[],
): Record<string, unknown> {
  const withGeneration = (version ?? 0) >= 1019
  return { aggregates, ...(withGeneration && { resource_provider_generation: provider.generation }) }
}

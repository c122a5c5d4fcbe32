// The reshaper: inventories and the allocations of them move between providers in one step, as where a host's processors
// turn out to belong to a child of it. Between the two everything is there twice, so that no claim is without its inventory.
import type { Transaction } from '#kit/db/database.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { PlacementContext } from '../app.ts'
import type { Provider } from '../resources/provider.ts'
import * as store from '../store/provider.ts'
import { applyClaims, type Claim, guarded } from './allocation.ts'
import { generationConflict } from './conflict.ts'
import { deleteOthers, type InventoryGiven, putInventories } from './inventory.ts'
import { canonical } from './provider.ts'

export type NewInventories = {
  providerUuid: string
  generation: number
  inventories: Record<string, InventoryGiven>
}

export async function reshape(
  context: PlacementContext,
  wanted: NewInventories[],
  claims: Claim[],
): Promise<void> {
  await guarded(context, async (tx) => {
    for (const { providerUuid, generation, inventories } of wanted) {
      const provider = await providerAt(tx, providerUuid, generation)
      await putInventories(context, tx, provider.uuid, inventories)
      await raise(context, tx, provider)
    }
    await applyClaims(context, tx, claims)
    for (const { providerUuid, inventories } of wanted) {
      const provider = await providerAt(tx, providerUuid)
      await deleteOthers(tx, provider.uuid, inventories)
      await raise(context, tx, provider)
    }
  })
}

async function providerAt(tx: Transaction, uuid: string, generation?: number): Promise<Provider> {
  const provider = await store.findProvider(tx, canonical(uuid))
  if (!provider)
    throw new CloudError('badRequest', `Resource provider ${uuid} in inventories not found`, {
      type: 'placement.resource_provider.not_found',
    })
  if (generation !== undefined && generation !== provider.generation)
    throw generationConflict(provider.generation, generation)
  return provider
}

async function raise(context: PlacementContext, tx: Transaction, provider: Provider): Promise<void> {
  const now = context.app.world.clock.now()
  if (!(await store.raiseGeneration(tx, provider.uuid, provider.generation, now))) throw generationConflict()
}

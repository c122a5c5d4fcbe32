// Claims: a consumer's allocations are replaced as a whole, in one transaction, or not at all.

import type { Transaction } from '#kit/db/database.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { PlacementContext } from '../app.ts'
import type { Allocation, Consumer } from '../resources/allocation.ts'
import * as store from '../store/allocation.ts'
import * as providers from '../store/provider.ts'
import { concurrentUpdate } from './conflict.ts'
import { canonical } from './provider.ts'

export type Claim = {
  consumerUuid: string
  allocations: { providerUuid: string; resources: Record<string, number> }[]
  projectId: string
  userId: string
  /** Undefined where the version has none; null says that the consumer must be new. */
  consumerGeneration: number | null | undefined
}

const maxConcurrencyAttempts = 5

export async function getAllocations(
  context: PlacementContext,
  consumerUuid: string,
): Promise<{ consumer: Consumer | undefined; allocations: Allocation[] }> {
  const uuid = canonical(consumerUuid)
  const consumer = await store.findConsumer(context.app.db, uuid)
  return { consumer, allocations: consumer ? await store.listByConsumer(context.app.db, uuid) : [] }
}

/** All of them or none; a claim that doesn't fit is a conflict and changes nothing. */
export async function replaceAllocations(context: PlacementContext, claims: Claim[]): Promise<void> {
  // Two claims on one provider may race for its generation; the loser of that race just looks again.
  for (let attempt = 1; ; attempt++) {
    try {
      return await context.app.db.transaction(async (tx) => {
        const touched = new Map<string, number>()
        for (const claim of claims) await replaceOne(context, tx, claim, touched)
        for (const [uuid, generation] of touched) {
          if (!(await providers.raiseGeneration(tx, uuid, generation, context.app.world.clock.now())))
            throw new Raced()
        }
      })
    } catch (error) {
      if (!(error instanceof Raced)) throw error
      if (attempt === maxConcurrencyAttempts)
        throw concurrentUpdate('Another thread concurrently updated the data. Please retry your update')
    }
  }
}

class Raced extends Error {}

export async function deleteAllocations(context: PlacementContext, consumerUuid: string): Promise<void> {
  const uuid = canonical(consumerUuid)
  const removed = await context.app.db.transaction(async (tx) => {
    const held = await store.listByConsumer(tx, uuid)
    await release(tx, held)
    await store.deleteByConsumer(tx, uuid)
    await store.deleteConsumer(tx, uuid)
    return held.length
  })
  if (removed === 0) throw new CloudError('notFound', `No allocations for consumer '${uuid}'`)
}

async function replaceOne(
  context: PlacementContext,
  tx: Transaction,
  claim: Claim,
  touched: Map<string, number>,
): Promise<void> {
  const uuid = canonical(claim.consumerUuid)
  const consumer = await store.findConsumer(tx, uuid)
  checkConsumerGeneration(uuid, claim.consumerGeneration, consumer)
  const held = consumer ? await store.listByConsumer(tx, uuid) : []
  await release(tx, held)
  await store.deleteByConsumer(tx, uuid)

  const rows: Allocation[] = []
  for (const { providerUuid, resources } of claim.allocations) {
    const provider = await providers.findProvider(tx, canonical(providerUuid))
    if (!provider)
      throw new CloudError(
        'badRequest',
        `Allocation for resource provider '${providerUuid}' that does not exist.`,
      )
    touched.set(provider.uuid, provider.generation)
    for (const [resourceClass, used] of Object.entries(resources)) {
      await take(tx, provider.uuid, provider.name, resourceClass, used)
      rows.push({ consumerUuid: uuid, providerUuid: provider.uuid, resourceClass, used })
    }
  }
  for (const row of held) {
    if (touched.has(row.providerUuid)) continue
    const provider = await providers.findProvider(tx, row.providerUuid)
    if (provider) touched.set(provider.uuid, provider.generation)
  }
  await keepConsumer(context, tx, uuid, claim, consumer, rows.length > 0)
  if (rows.length > 0) await store.insertAllocations(tx, rows)
}

async function keepConsumer(
  context: PlacementContext,
  tx: Transaction,
  uuid: string,
  claim: Claim,
  seen: Consumer | undefined,
  holds: boolean,
): Promise<void> {
  const { projectId, userId } = claim
  if (!holds) {
    await store.deleteConsumer(tx, uuid)
  } else if (!seen) {
    const created = { uuid, projectId, userId, generation: 1, createdAt: context.app.world.clock.now() }
    if (!(await store.insertConsumer(tx, created))) throw new Raced()
  } else if (!(await store.updateConsumer(tx, seen, { projectId, userId }))) {
    throw new Raced()
  }
}

function checkConsumerGeneration(
  uuid: string,
  given: number | null | undefined,
  consumer: Consumer | undefined,
): void {
  if (given === undefined) return
  const actual = consumer?.generation ?? null
  if (given !== actual) {
    throw concurrentUpdate(
      `consumer generation conflict - expected ${actual ?? 'null'} but got ${given ?? 'null'} for consumer ${uuid}`,
    )
  }
}

async function take(
  tx: Transaction,
  providerUuid: string,
  providerName: string,
  resourceClass: string,
  amount: number,
): Promise<void> {
  const inventory = await providers.findInventory(tx, providerUuid, resourceClass)
  if (!inventory)
    throw new CloudError(
      'conflict',
      `Inventory for '${resourceClass}' on resource provider '${providerUuid}' invalid.`,
    )
  const { minUnit, maxUnit, stepSize } = inventory
  if (amount < minUnit || amount > maxUnit || amount % stepSize !== 0) {
    throw new CloudError(
      'conflict',
      `Unable to allocate inventory for resource provider ${providerName}: ${amount} of ${resourceClass} breaks min_unit ${minUnit}, max_unit ${maxUnit} or step_size ${stepSize}.`,
    )
  }
  if (!(await providers.takeFromInventory(tx, providerUuid, resourceClass, amount))) {
    throw new CloudError(
      'conflict',
      `Unable to create allocation for '${resourceClass}' on resource provider '${providerUuid}'. The requested amount would exceed the capacity.`,
    )
  }
}

async function release(tx: Transaction, held: Allocation[]): Promise<void> {
  for (const row of held)
    await providers.giveBackToInventory(tx, row.providerUuid, row.resourceClass, row.used)
}

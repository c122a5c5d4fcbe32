// Claims: a consumer's allocations are replaced as a whole, in one transaction, or not at all.
import type { Transaction } from '#kit/db/database.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { PlacementContext } from '../app.ts'
import type { Allocation, Consumer } from '../resources/allocation.ts'
import * as store from '../store/allocation.ts'
import * as providers from '../store/provider.ts'
import { concurrentUpdate } from './conflict.ts'
import { canonical } from './provider.ts'
import { isUuid } from './query.ts'
import { missingClass } from './vocabulary.ts'

export type Claim = {
  consumerUuid: string
  allocations: { providerUuid: string; resources: Record<string, number> }[]
  projectId: string
  userId: string
  /** Undefined where the version has none; null says that the consumer must be new. */
  consumerGeneration: number | null | undefined
  /** Undefined where the version has none: what is there stays. */
  consumerType: string | undefined
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
  await guarded(context, (tx) => applyClaims(context, tx, claims))
}

/** Two writers on one provider may race for its generation; the loser of that race just looks again. */
export async function guarded(
  { app }: PlacementContext,
  work: (tx: Transaction) => Promise<void>,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await app.db.transaction(work)
    } catch (error) {
      if (!(error instanceof Raced)) throw error
      if (attempt === maxConcurrencyAttempts)
        throw concurrentUpdate('Another thread concurrently updated the data. Please retry your update')
    }
  }
}

class Raced extends Error {}

export async function applyClaims(
  context: PlacementContext,
  tx: Transaction,
  claims: readonly Claim[],
): Promise<void> {
  // What is given back by one of them is there for the others, in whatever order they stand.
  const seen = new Map<Claim, Consumer | undefined>()
  for (const claim of claims) seen.set(claim, await giveBack(tx, claim))
  const touched = new Map<string, number>()
  for (const claim of claims) await claimAll(context, tx, claim, seen.get(claim), touched)
  for (const [uuid, generation] of touched) {
    if (!(await providers.raiseGeneration(tx, uuid, generation, context.app.world.clock.now())))
      throw new Raced()
  }
}

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

/** Checks the consumer's generation and frees all that it holds. */
async function giveBack(tx: Transaction, claim: Claim): Promise<Consumer | undefined> {
  const uuid = canonical(claim.consumerUuid)
  if (!isUuid(uuid)) throw new CloudError('badRequest', `Malformed consumer_uuid: ${claim.consumerUuid}`)
  const consumer = await store.findConsumer(tx, uuid)
  checkConsumerGeneration(uuid, claim.consumerGeneration, consumer)
  if (!consumer) return undefined
  await release(tx, await store.listByConsumer(tx, uuid))
  await store.deleteByConsumer(tx, uuid)
  return consumer
}

async function claimAll(
  context: PlacementContext,
  tx: Transaction,
  claim: Claim,
  consumer: Consumer | undefined,
  touched: Map<string, number>,
): Promise<void> {
  const uuid = canonical(claim.consumerUuid)
  const rows: Allocation[] = []
  for (const { providerUuid, resources } of claim.allocations) {
    const provider = await providers.findProvider(tx, canonical(providerUuid))
    if (!provider)
      throw new CloudError(
        'badRequest',
        `Allocation for resource provider '${providerUuid}' that does not exist.`,
        { type: 'placement.resource_provider.not_found' },
      )
    touched.set(provider.uuid, provider.generation)
    for (const [resourceClass, used] of Object.entries(resources)) {
      await take(tx, uuid, provider.uuid, resourceClass, used)
      rows.push({ consumerUuid: uuid, providerUuid: provider.uuid, resourceClass, used })
    }
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
  const { projectId, userId, consumerType } = claim
  const now = context.app.world.clock.now()
  if (!holds) {
    await store.deleteConsumer(tx, uuid)
  } else if (!seen) {
    const times = { updatedAt: now, createdAt: now }
    const created = { uuid, projectId, userId, consumerType: consumerType ?? null, generation: 1, ...times }
    if (!(await store.insertConsumer(tx, created))) throw new Raced()
  } else if (!(await store.updateConsumer(tx, seen, { projectId, userId, consumerType, updatedAt: now }))) {
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
  consumerUuid: string,
  providerUuid: string,
  resourceClass: string,
  amount: number,
): Promise<void> {
  const refuse = (reason: string, kind: 'conflict' | 'badRequest' = 'conflict') =>
    new CloudError(kind, `Unable to allocate inventory for consumer ${consumerUuid}: ${reason}`)
  const inventory = await providers.findInventory(tx, providerUuid, resourceClass)
  if (!inventory) {
    const unknown = await missingClass(tx, [resourceClass])
    if (unknown !== undefined) throw refuse(`No such resource class ${unknown}.`, 'badRequest')
    throw refuse(`Inventory for '${resourceClass}' on resource provider '${providerUuid}' invalid.`)
  }
  const where = `Unable to create allocation for '${resourceClass}' on resource provider '${providerUuid}'.`
  const { minUnit, maxUnit, stepSize } = inventory
  if (amount < minUnit || amount > maxUnit || amount % stepSize !== 0) {
    throw refuse(
      `${where} The requested amount of ${amount} would violate inventory constraints: min_unit ${minUnit}, max_unit ${maxUnit}, step_size ${stepSize}.`,
    )
  }
  if (!(await providers.takeFromInventory(tx, providerUuid, resourceClass, amount)))
    throw refuse(`${where} The requested amount would exceed the capacity.`)
}

/** Nobody's generation is raised: who gives something back is in nobody's way. */
async function release(tx: Transaction, held: Allocation[]): Promise<void> {
  for (const row of held)
    await providers.giveBackToInventory(tx, row.providerUuid, row.resourceClass, row.used)
  await providers.raiseEdition(tx, [...new Set(held.map((row) => row.providerUuid))])
}

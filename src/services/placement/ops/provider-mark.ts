// Decisions about what marks a provider: its traits and the aggregates that it stands in.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { PlacementContext } from '../app.ts'
import type { Provider } from '../resources/provider.ts'
import * as store from '../store/provider.ts'
import { concurrentUpdate, generationConflict } from './conflict.ts'
import { canonical, existing } from './provider.ts'
import { missingTraits } from './vocabulary.ts'

export async function replaceTraits(
  context: PlacementContext,
  uuid: string,
  seen: number | undefined,
  traits: string[],
): Promise<{ provider: Provider; traits: string[] }> {
  const { db, world } = context.app
  return db.transaction(async (tx) => {
    const provider = await existing(tx, canonical(uuid))
    if (seen !== undefined && seen !== provider.generation)
      throw concurrentUpdate(
        "Resource provider's generation already changed. Please update the generation and try again.",
      )
    const unknown = await missingTraits(tx, traits)
    if (unknown.length > 0) throw new CloudError('badRequest', `No such trait ${unknown.join(', ')}.`)
    await store.replaceTraits(tx, provider.uuid, traits)
    if (!(await store.raiseGeneration(tx, provider.uuid, provider.generation, world.clock.now())))
      throw generationConflict()
    return { provider: { ...provider, generation: provider.generation + 1 }, traits: [...traits].sort() }
  })
}

/** Before 1.19 the generation is neither asked for nor raised. */
export async function replaceAggregates(
  context: PlacementContext,
  uuid: string,
  seen: number | undefined,
  aggregates: string[],
): Promise<{ provider: Provider; aggregates: string[] }> {
  const { db, world } = context.app
  const list = [...new Set(aggregates.map(canonical))]
  return db.transaction(async (tx) => {
    const provider = await existing(tx, canonical(uuid))
    if (seen !== undefined && seen !== provider.generation)
      throw concurrentUpdate(
        `resource provider generation conflict - Resource provider's generation already changed (actual: ${provider.generation}, given: ${seen}). Please update the generation and try again.`,
      )
    await store.replaceAggregates(tx, provider.uuid, list)
    if (seen === undefined) {
      await store.raiseEdition(tx, [provider.uuid])
      return { provider, aggregates: list }
    }
    if (!(await store.raiseGeneration(tx, provider.uuid, provider.generation, world.clock.now())))
      throw generationConflict()
    return { provider: { ...provider, generation: provider.generation + 1 }, aggregates: list }
  })
}

// Decisions about resource providers and the trees they stand in.

import type { Db } from '#kit/db/database.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { PlacementContext } from '../app.ts'
import type { Provider } from '../resources/provider.ts'
import * as allocations from '../store/allocation.ts'
import * as store from '../store/provider.ts'
import { duplicateName, noSuchProvider } from './conflict.ts'

export async function getProvider(context: PlacementContext, uuid: string): Promise<Provider> {
  return existing(context.app.db, canonical(uuid))
}

export async function existing(db: Db, uuid: string): Promise<Provider> {
  const found = await store.findProvider(db, uuid)
  if (!found) throw noSuchProvider(uuid)
  return found
}

/** Ids may come without dashes; they are kept with them. */
export function canonical(uuid: string): string {
  const bare = uuid.replaceAll('-', '').toLowerCase()
  return bare.length === 32 ? bare.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5') : uuid
}

export type NewProvider = { name: string; uuid?: string; parentProviderUuid?: string | null }

export async function createProvider(context: PlacementContext, given: NewProvider): Promise<Provider> {
  const { db, world } = context.app
  return db.transaction(async (tx) => {
    const uuid = given.uuid === undefined ? world.random.uuid() : canonical(given.uuid)
    if (await store.findProvider(tx, uuid))
      throw duplicateName(`Conflicting resource provider uuid: ${uuid} already exists.`)
    await refuseName(tx, given.name)
    const parent = given.parentProviderUuid
      ? await parentOf(tx, canonical(given.parentProviderUuid), uuid)
      : undefined
    const now = world.clock.now()
    const row: Provider = {
      uuid,
      name: given.name,
      generation: 0,
      rootUuid: parent?.rootUuid ?? uuid,
      parentUuid: parent?.uuid ?? null,
      updatedAt: now,
      createdAt: now,
    }
    await store.insertProvider(tx, row)
    return row
  })
}

export async function updateProvider(
  context: PlacementContext,
  uuid: string,
  given: NewProvider,
): Promise<Provider> {
  const { db, world } = context.app
  return db.transaction(async (tx) => {
    const found = await existing(tx, canonical(uuid))
    if (given.name !== found.name) await refuseName(tx, given.name)
    let { parentUuid, rootUuid } = found
    if (given.parentProviderUuid !== undefined && given.parentProviderUuid !== parentUuid) {
      // A tree that has allocations can't be taken apart; only a provider that stands alone may be put under another.
      if (parentUuid !== null)
        throw new CloudError('badRequest', 're-parenting a provider is not currently allowed.')
      const parent = await parentOf(tx, canonical(given.parentProviderUuid!), found.uuid)
      parentUuid = parent.uuid
      rootUuid = parent.rootUuid
      const below = await store.listTree(tx, found.uuid)
      await store.setRoot(
        tx,
        below.map((each) => each.uuid),
        rootUuid,
      )
    }
    const change = {
      name: given.name,
      parentUuid,
      rootUuid,
      generation: found.generation + 1,
      updatedAt: world.clock.now(),
    }
    await store.updateProvider(tx, found.uuid, change)
    return { ...found, ...change }
  })
}

export async function deleteProvider(context: PlacementContext, uuid: string): Promise<void> {
  await context.app.db.transaction(async (tx) => {
    const found = await existing(tx, canonical(uuid))
    if ((await store.countChildren(tx, found.uuid)) > 0) {
      throw new CloudError(
        'conflict',
        `Unable to delete parent resource provider ${found.uuid}: It has child resource providers.`,
        {
          type: 'placement.resource_provider.cannot_delete_parent',
        },
      )
    }
    if ((await allocations.countByProvider(tx, found.uuid)) > 0) {
      throw new CloudError(
        'conflict',
        `Unable to delete resource provider ${found.uuid}: Resource provider has allocations.`,
        {
          type: 'placement.resource_provider.inuse',
        },
      )
    }
    await store.deleteProvider(tx, found.uuid)
  })
}

async function refuseName(db: Db, name: string): Promise<void> {
  if (await store.findProviderByName(db, name))
    throw duplicateName(`Conflicting resource provider name: ${name} already exists.`)
}

async function parentOf(db: Db, parentUuid: string, childUuid: string): Promise<Provider> {
  const parent = await store.findProvider(db, parentUuid)
  if (!parent) throw new CloudError('badRequest', `parent provider UUID '${parentUuid}' does not exist.`)
  if (parent.rootUuid === childUuid || parent.uuid === childUuid) {
    throw new CloudError('badRequest', 'creating loop in the provider tree is not allowed.')
  }
  return parent
}

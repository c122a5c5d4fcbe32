// Decisions about resource providers and the trees they stand in.
import type { Db, Transaction } from '#kit/db/database.ts'
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
  return /^[0-9a-f]{32}$/.test(bare)
    ? bare.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
    : uuid
}

/** More than a provider can go through, so that who is made later has a later edition. */
const changesPerMs = 1000

export type NewProvider = { name: string; uuid?: string; parentProviderUuid?: string | null }

export async function createProvider(context: PlacementContext, given: NewProvider): Promise<Provider> {
  const { db, world } = context.app
  return db.transaction(async (tx) => {
    const uuid = given.uuid === undefined ? world.random.uuid() : canonical(given.uuid)
    const refuse = (reason: string) =>
      new CloudError('badRequest', `Unable to create resource provider "${given.name}", ${uuid}: ${reason}`)
    if (await store.findProvider(tx, uuid))
      throw duplicateName(`Conflicting resource provider uuid: ${uuid} already exists.`)
    await refuseName(tx, given.name)
    const parentUuid = given.parentProviderUuid ? canonical(given.parentProviderUuid) : undefined
    if (parentUuid === uuid) throw refuse('parent provider UUID cannot be same as UUID.')
    const parent = parentUuid === undefined ? undefined : await store.findProvider(tx, parentUuid)
    if (parentUuid !== undefined && !parent) throw refuse('parent provider UUID does not exist.')
    const now = world.clock.now()
    const row: Provider = {
      uuid,
      name: given.name,
      generation: 0,
      edition: now * changesPerMs,
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
    const change: Partial<Provider> = { name: given.name, updatedAt: world.clock.now() }
    if (given.parentProviderUuid !== undefined)
      Object.assign(change, await move(context, tx, found, given.parentProviderUuid))
    await store.updateProvider(tx, found.uuid, change)
    return { ...found, ...change }
  })
}

const moveSince = 1037

/** Puts the provider, with all below it, under another one or under none. */
async function move(
  { version = 0 }: PlacementContext,
  tx: Transaction,
  provider: Provider,
  given: string | null,
): Promise<Pick<Provider, 'parentUuid' | 'rootUuid'>> {
  const parentUuid = given === null ? null : canonical(given)
  const { parentUuid: before, rootUuid } = provider
  if (parentUuid === before) return { parentUuid, rootUuid }
  const refuse = (reason: string) =>
    new CloudError('badRequest', `Unable to save resource provider ${provider.uuid}: ${reason}`)
  if (before !== null && version < moveSince)
    throw refuse(
      `${parentUuid === null ? 'un-parenting' : 're-parenting'} a provider is not currently allowed.`,
    )
  const parent = parentUuid === null ? undefined : await store.findProvider(tx, parentUuid)
  if (parentUuid !== null && !parent) throw refuse('parent provider UUID does not exist.')
  const below = subtreeOf(provider.uuid, await store.listTree(tx, rootUuid))
  if (parent && below.includes(parent.uuid))
    throw refuse('creating loop in the provider tree is not allowed.')
  const newRoot = parent?.rootUuid ?? provider.uuid
  await store.setRoot(tx, below, newRoot)
  return { parentUuid, rootUuid: newRoot }
}

/** The provider and all that stand below it. */
function subtreeOf(uuid: string, tree: Provider[]): string[] {
  const found = [uuid]
  for (const above of found)
    found.push(...tree.filter((each) => each.parentUuid === above).map((each) => each.uuid))
  return found
}

export async function deleteProvider(context: PlacementContext, uuid: string): Promise<void> {
  await context.app.db.transaction(async (tx) => {
    const found = await store.findProvider(tx, canonical(uuid))
    if (!found) throw noSuchProvider(uuid, ' for delete')
    if ((await store.countChildren(tx, found.uuid)) > 0) {
      throw new CloudError(
        'conflict',
        `Unable to delete parent resource provider ${found.uuid}: It has child resource providers.`,
        { type: 'placement.resource_provider.cannot_delete_parent' },
      )
    }
    if ((await allocations.countByProvider(tx, found.uuid)) > 0) {
      throw new CloudError(
        'conflict',
        `Unable to delete resource provider ${found.uuid}: Resource provider has allocations.`,
        { type: 'placement.resource_provider.inuse' },
      )
    }
    await store.deleteProvider(tx, found.uuid)
  })
}

async function refuseName(db: Db, name: string): Promise<void> {
  if (await store.findProviderByName(db, name))
    throw duplicateName(`Conflicting resource provider name: ${name} already exists.`)
}

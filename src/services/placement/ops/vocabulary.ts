// Decisions about resource classes and traits.

import type { Db } from '#kit/db/database.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { PlacementContext } from '../app.ts'
import { standardTraits } from '../resources/standard-trait.ts'
import { isStandardClass, isStandardTrait, standardClasses } from '../resources/vocabulary.ts'
import * as providers from '../store/provider.ts'
import * as store from '../store/vocabulary.ts'

export async function listClasses(context: PlacementContext): Promise<string[]> {
  return [...standardClasses, ...(await store.listClasses(context.app.db))]
}

/** Standard classes as they are numbered, then custom ones. */
export function inOrder(names: readonly string[]): string[] {
  const place = (name: string) =>
    (standardClasses.indexOf(name) + standardClasses.length + 1) % (standardClasses.length + 1)
  return [...names].sort((a, b) => place(a) - place(b))
}

/** The first that nobody has made. */
export async function missingClass(db: Db, names: readonly string[]): Promise<string | undefined> {
  const custom = names.filter((name) => !isStandardClass(name))
  if (custom.length === 0) return undefined
  const known = new Set(await store.classesAmong(db, custom))
  return custom.find((name) => !known.has(name))
}

export async function missingTraits(db: Db, names: readonly string[]): Promise<string[]> {
  const custom = names.filter((name) => !isStandardTrait(name))
  if (custom.length === 0) return []
  const known = new Set(await store.traitsAmong(db, custom))
  return custom.filter((name) => !known.has(name))
}

export async function assertClassExists(context: PlacementContext, name: string): Promise<void> {
  if (isStandardClass(name) || (await store.findClass(context.app.db, name))) return
  throw new CloudError('notFound', `No such resource class ${name}.`)
}

/** True where it is new. */
export async function ensureClass(context: PlacementContext, name: string): Promise<boolean> {
  return store.addClass(context.app.db, name, context.app.world.clock.now())
}

export async function createClass(context: PlacementContext, name: string): Promise<void> {
  if (!(await ensureClass(context, name)))
    throw new CloudError('conflict', `Conflicting resource class already exists: ${name}`)
}

export async function renameClass(context: PlacementContext, name: string, to: string): Promise<void> {
  await context.app.db.transaction(async (tx) => {
    if (isStandardClass(name))
      throw new CloudError('badRequest', `Cannot update standard resource class ${name}`)
    if (!(await store.findClass(tx, name)))
      throw new CloudError('notFound', `No such resource class ${name}.`)
    if ((await providers.countInventoriesOf(tx, name)) > 0)
      throw new CloudError('conflict', `Resource class ${name} is in use and can't be renamed`)
    if (await store.findClass(tx, to))
      throw new CloudError('conflict', `Resource class already exists: ${to}`)
    await store.renameClass(tx, name, to)
  })
}

export async function deleteClass(context: PlacementContext, name: string): Promise<void> {
  await context.app.db.transaction(async (tx) => {
    if (isStandardClass(name))
      throw new CloudError(
        'badRequest',
        `Error in delete resource class: Cannot delete standard resource class ${name}.`,
      )
    if ((await providers.countInventoriesOf(tx, name)) > 0) {
      throw new CloudError(
        'conflict',
        `Error in delete resource class: Class is in use in inventory. (${name})`,
      )
    }
    if ((await store.deleteClass(tx, name)) === 0)
      throw new CloudError('notFound', `No such resource class ${name}.`)
  })
}

/** `startswith:PREFIX`, `in:A,B`, and whether any provider has it. */
export async function listTraits(
  context: PlacementContext,
  filter: string | undefined,
  associated: boolean | undefined,
): Promise<string[]> {
  let names = [...standardTraits, ...(await store.listTraits(context.app.db))]
  if (filter?.startsWith('startswith:'))
    names = names.filter((name) => name.startsWith(filter.slice('startswith:'.length)))
  else if (filter?.startsWith('in:')) {
    const wanted = new Set(filter.slice('in:'.length).split(','))
    names = names.filter((name) => wanted.has(name))
  } else if (filter !== undefined) {
    throw new CloudError(
      'badRequest',
      'Badly formatted name parameter. Expected name query string parameter in form: ?name=[in|startswith]:[name1,name2|prefix]. Got: "' +
        filter +
        '"',
    )
  }
  if (associated === undefined) return names
  const used = await providers.traitsInUse(context.app.db)
  return names.filter((name) => used.has(name) === associated)
}

export async function assertTraitExists(context: PlacementContext, name: string): Promise<void> {
  if (isStandardTrait(name) || (await store.findTrait(context.app.db, name))) return
  throw new CloudError('notFound', `No such trait ${name}.`)
}

/** True where it is new. */
export async function ensureTrait(context: PlacementContext, name: string): Promise<boolean> {
  if (isStandardTrait(name)) return false
  if (!/^CUSTOM_[A-Z0-9_]+$/.test(name) || name.length > 255) {
    throw new CloudError(
      'badRequest',
      `The trait is invalid. A valid trait must be no longer than 255 characters, start with the prefix "CUSTOM_" and use following characters: "A"-"Z", "0"-"9" and "_"`,
    )
  }
  return store.addTrait(context.app.db, name, context.app.world.clock.now())
}

export async function deleteTrait(context: PlacementContext, name: string): Promise<void> {
  await context.app.db.transaction(async (tx) => {
    if (isStandardTrait(name)) throw new CloudError('badRequest', `Cannot delete standard trait ${name}.`)
    if ((await providers.countProvidersWithTrait(tx, name)) > 0) {
      throw new CloudError('conflict', `The trait ${name} is in use by a resource provider.`)
    }
    if ((await store.deleteTrait(tx, name)) === 0) throw new CloudError('notFound', `No such trait ${name}.`)
  })
}

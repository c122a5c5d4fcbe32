// Changes of an image's locations by its owner: places elsewhere are named, described and taken away.
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import type { Transaction } from '#kit/db/database.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { ImageApp, ImageContext } from '../app.ts'
import { type Image, type ImageStatus, imageTarget, type WholeImage } from '../resources/image.ts'
import { type ImageLocation, locationRules, validationData } from '../resources/location.ts'
import { addLocation, addRemoval, deleteLocation, updateMetadata } from '../store/location.ts'
import { urlOf } from './content-view.ts'
import type { PatchOperation } from './patch.ts'

export type NewLocation = {
  url: string
  metadata: Record<string, unknown>
  validation_data?: { checksum?: string; os_hash_algo: string; os_hash_value: string }
}

const newLocation = Type.Object(
  {
    url: Type.String({ minLength: 1, maxLength: 2048 }),
    metadata: Type.Record(Type.String(), Type.Unknown()),
    validation_data: Type.Optional(validationData),
  },
  { additionalProperties: false },
)
const one = Compile(newLocation)
const several = Compile(Type.Array(newLocation, { maxItems: 1000 }))
const mostMetadata = 16_384

/** What a patch does to locations, worked out before its transaction: whoever has the bytes was asked. */
export type LocationPlan = {
  add: { location: ImageLocation; hashes: NewLocation['validation_data'] }[]
  describe: { location: ImageLocation; metadata: Record<string, unknown> }[]
  remove: ImageLocation[]
  /** What a queued image becomes by its first location. */
  change: Partial<Image>
}

/** Undefined where the patch leaves locations alone. */
export async function planLocations(
  context: ImageContext,
  image: WholeImage,
  patch: readonly PatchOperation[],
): Promise<LocationPlan | undefined> {
  const operations = patch.filter(({ path }) => path[0] === 'locations')
  if (operations.length === 0) return undefined
  const { app } = context
  if (!app.config.showLocations)
    throw new CloudError('forbidden', "It's not allowed to change locations if locations are invisible.")
  const plan: LocationPlan = { add: [], describe: [], remove: [], change: {} }
  for (const { op, path, value } of operations) {
    const rule = op === 'remove' ? locationRules.delete : locationRules.set
    context.authorize(rule, imageTarget(image))
    requireStatus(image, op)
    if (op === 'add') await planAdd(app, image, plan, readOne(value))
    else if (op === 'remove') planRemove(image, plan, path[1]!)
    else await planReplace(app, image, plan, value)
  }
  return plan
}

/** In the patch's transaction; kind 'conflict' where the locations are others by now. */
export async function applyLocations(
  app: ImageApp,
  tx: Transaction,
  before: WholeImage,
  seen: WholeImage,
  plan: LocationPlan,
): Promise<Partial<Image>> {
  const places = (image: WholeImage) => image.locations.map((each) => `${each.position} ${each.url}`).join()
  if (before.status !== seen.status || places(before) !== places(seen))
    throw new CloudError('conflict', `The locations of image ${before.id} were changed meanwhile`)
  for (const location of plan.remove) {
    await deleteLocation(tx, location)
    if (location.url === null)
      await addRemoval(tx, { imageId: before.id, store: location.store, dueAt: app.world.clock.now() })
  }
  for (const { location, metadata } of plan.describe) await updateMetadata(tx, location, metadata)
  for (const { location } of plan.add) await addLocation(tx, location)
  return plan.change
}

/** The row of a place elsewhere, whose server was asked how much is there. */
export async function planAdd(
  app: ImageApp,
  image: WholeImage,
  plan: LocationPlan,
  given: NewLocation,
): Promise<void> {
  const { url, metadata, validation_data: hashes } = given
  const known = [...image.locations, ...plan.add.map((each) => each.location)]
  if (known.some((each) => urlOf(app, each) === url))
    throw new CloudError('badRequest', `Invalid location: ${url} is one of this image already`)
  if (known.length >= app.config.maxLocations)
    throw new CloudError(
      'tooLarge',
      `The limit has been exceeded on the number of allowed image locations. Attempted: ${known.length + 1}, Maximum: ${app.config.maxLocations}`,
    )
  if (JSON.stringify(metadata).length > mostMetadata)
    throw new CloudError('badRequest', 'Invalid location: its metadata is too long')
  checkHashes(image, plan, hashes)
  const { id: store, size } = await ask(app, url)
  const { store: _, ...own } = metadata
  const row = { imageId: image.id, position: 0, store, url, metadata: own, createdAt: app.world.clock.now() }
  plan.add.push({ location: row, hashes })
  if (image.status !== 'queued' || plan.change.status) return
  plan.change = {
    status: 'active',
    size,
    ...(hashes && {
      checksum: hashes.checksum ?? null,
      osHashAlgo: hashes.os_hash_algo,
      osHashValue: hashes.os_hash_value,
    }),
  }
}

async function ask(app: ImageApp, url: string): Promise<{ id: string; size: number }> {
  const web = app.stores.list.find((each) => each.source.kind === 'http') ?? app.stores.find('http')
  try {
    app.download.allow(url)
    const there = await web?.source.info(url)
    if (!web || !there) throw new CloudError('notFound', 'there is nothing')
    return { id: web.id, size: there.sizeBytes }
  } catch (error) {
    if (!(error instanceof CloudError)) throw error
    throw new CloudError('badRequest', `Invalid location: ${error.message}`, { cause: error })
  }
}

/** Once the image has hashes, each location must claim the same. */
function checkHashes(image: WholeImage, plan: LocationPlan, hashes: NewLocation['validation_data']): void {
  if (!hashes) return
  const has = { ...image, ...plan.change }
  if (has.status === 'queued') return
  const differs =
    hashes.os_hash_algo !== has.osHashAlgo ||
    hashes.os_hash_value !== has.osHashValue ||
    (hashes.checksum !== undefined && hashes.checksum !== has.checksum)
  if (differs)
    throw new CloudError('conflict', `Conflicting value for 'validation_data': image ${image.id} has others`)
}

function planRemove(image: WholeImage, plan: LocationPlan, place: string): void {
  const location = /^\d{1,9}$/.test(place) ? image.locations[Number(place)] : undefined
  if (!location) throw new CloudError('badRequest', `Invalid position for removing a location: ${place}`)
  plan.remove.push(location)
  if (plan.remove.length >= image.locations.length)
    throw new CloudError('forbidden', 'Cannot delete the last location of an image.')
}

async function planReplace(
  app: ImageApp,
  image: WholeImage,
  plan: LocationPlan,
  value: unknown,
): Promise<void> {
  if (!several.Check(value))
    throw new CloudError('badRequest', 'Invalid value for locations: no list of them')
  const wanted = value as NewLocation[]
  for (const each of wanted) readOne(each)
  if (image.locations.length === 0) {
    for (const each of wanted) await planAdd(app, image, plan, each)
    return
  }
  const same =
    wanted.length === image.locations.length &&
    wanted.every((each, index) => each.url === urlOf(app, image.locations[index]!))
  if (!same)
    throw new CloudError('badRequest', 'Original locations is not empty: only their metadata may be replaced')
  for (const [index, { metadata }] of wanted.entries()) {
    const { store: _, ...own } = metadata
    plan.describe.push({ location: image.locations[index]!, metadata: own })
  }
}

function readOne(value: unknown): NewLocation {
  if (!one.Check(value))
    throw new CloudError('badRequest', 'Invalid location: it has a url, metadata, and maybe validation_data')
  return value as NewLocation
}

function requireStatus({ status }: WholeImage, op: PatchOperation['op']): void {
  const allowed: ImageStatus[] = op === 'remove' ? ['active'] : ['active', 'queued']
  if (allowed.includes(status)) return
  throw new CloudError('conflict', `It's not allowed to ${op} locations if image status is ${status}.`)
}

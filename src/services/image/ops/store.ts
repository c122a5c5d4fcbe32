// The stores of this cloud, and which of them takes or gives the bytes of an image.
import { join } from 'node:path'
import { type ImageSource, type ImageStore, isWritable, loadImageStore } from '#drivers/imagestore/load.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { HttpDownload } from '#kit/http/download.ts'
import type { World } from '#kit/world/world.ts'
import type { ImageApp, ImageContext } from '../app.ts'
import { type ImageConfig, importMethods } from '../config.ts'
import type { WholeImage } from '../resources/image.ts'
import { type ImageLocation, locationRules } from '../resources/location.ts'
import type { StoreSetting } from '../resources/store.ts'

export type Store = {
  id: string
  source: ImageSource
  description: string
  weight: number
  readOnly: boolean
}

export type Stores = {
  /** Whether clients are told of stores at all. */
  several: boolean
  list: Store[]
  /** Takes what names no store. */
  standard: string
  find(id: string): Store | undefined
}

/** The one store of a cloud that declares none. */
const onlyStore: StoreSetting = { id: 'file', kind: 'file' }
/** Reads locations that were named elsewhere, where no store of the list does. */
const elsewhere: StoreSetting = { id: 'http', kind: 'http' }

export async function openStores(
  world: World,
  config: ImageConfig,
  folder: string,
  download: HttpDownload,
): Promise<Stores> {
  const several = config.stores.length > 0
  const settings = several ? config.stores : [onlyStore]
  const open = async (setting: StoreSetting): Promise<Store> => {
    const own = setting.id === onlyStore.id ? folder : join(folder, 'stores', setting.id)
    const source = await loadImageStore(setting.kind, world, { folder: setting.folder ?? own, download })
    return {
      id: setting.id,
      source,
      description: setting.description ?? '',
      weight: setting.weight ?? 0,
      readOnly: setting.readOnly === true || !isWritable(source),
    }
  }
  const list: Store[] = []
  for (const setting of settings) list.push(await open(setting))
  const hidden =
    config.showLocations && !settings.some((each) => each.kind === 'http') ? [await open(elsewhere)] : []
  const standard =
    settings.find((each) => each.default) ?? settings[list.findIndex((each) => !each.readOnly)]!
  const byId = new Map([...list, ...hidden].map((each) => [each.id, each]))
  return { several, list, standard: standard.id, find: (id) => byId.get(id) }
}

/** Kind 'badRequest' where the client names a store that isn't there or can't be written to. */
export function writableStore(app: ImageApp, asked: string | undefined): { id: string; store: ImageStore } {
  const id = asked ?? app.stores.standard
  const found = app.stores.list.find((each) => each.id === id)
  if (!found || (asked !== undefined && !app.stores.several))
    throw new CloudError('badRequest', `Store '${id}' is not known here: ${storeNames(app).join(', ')}`)
  if (found.readOnly || !isWritable(found.source))
    throw new CloudError('badRequest', `Store '${id}' can't be written to`)
  return { id, store: found.source }
}

export function storeNames(app: ImageApp, readOnlyToo = true): string[] {
  return app.stores.list.filter((each) => readOnlyToo || !each.readOnly).map((each) => each.id)
}

/** The places to read an image from, the heaviest store first. */
export function readingOrder(
  app: ImageApp,
  image: WholeImage,
): { location: ImageLocation; source: ImageSource }[] {
  const places = image.locations.flatMap((location) => {
    const store = app.stores.find(location.store)
    return store ? [{ location, source: store.source, weight: store.weight }] : []
  })
  return places.toSorted((a, b) => b.weight - a.weight)
}

export const refOf = (location: ImageLocation): string => location.url ?? location.imageId

export function listStores(app: ImageApp): Record<string, unknown>[] {
  return severalStores(app).list.map(({ id, description, readOnly }) => ({
    id,
    description,
    ...(id === app.stores.standard && { default: 'true' }),
    ...(readOnly && { 'read-only': 'true' }),
  }))
}

export function describeStores(context: ImageContext): Record<string, unknown>[] {
  context.authorize(locationRules.storeDetail, {})
  const { app } = context
  const { list } = severalStores(app)
  return listStores(app).map((shown, index) => {
    const { source, weight } = list[index]!
    return { ...shown, type: source.kind, weight, properties: source.properties }
  })
}

export function severalStores(app: ImageApp): Stores {
  if (!app.stores.several) throw new CloudError('notFound', 'Multi backend is not supported at this site.')
  return app.stores
}

/** What a client is told when it has created an image: how its bytes may come, and where to. */
export function wayHeaders(app: ImageApp): Record<string, string> {
  const methods = importMethodsOf(app)
  return {
    ...(methods.length > 0 && { 'openstack-image-import-methods': methods.join(',') }),
    ...(app.stores.several && { 'openstack-image-store-ids': storeNames(app, false).join(',') }),
  }
}

/** Those that are switched on and can work: a download needs a host that may be asked, a copy a second store. */
export function importMethodsOf({ config, stores }: ImageApp): string[] {
  return config.importMethods.filter((method) => {
    if (method === 'web-download') return config.downloadHosts.length > 0
    if (method === 'copy-image') return stores.several
    return (importMethods as readonly string[]).includes(method)
  })
}

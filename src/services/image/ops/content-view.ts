// What a client is shown of where an image's bytes lie, as configuration and policy want it.
import { isWritable } from '#drivers/imagestore/load.ts'
import type { ImageApp, ImageContext } from '../app.ts'
import { imageTarget, type WholeImage } from '../resources/image.ts'
import { type ImageLocation, locationRules } from '../resources/location.ts'

/** Whether any view of an image tells where its bytes lie. */
export function showsLocations({ config, stores }: ImageApp): boolean {
  return stores.several || config.showLocations || config.showDirectUrl
}

/** Members of the image's view beside those that every image has. */
export function dataFields(context: ImageContext, image: WholeImage): Record<string, unknown> {
  const { app } = context
  const { config, stores } = app
  const shown: Record<string, unknown> = {}
  if (stores.several && image.locations.length > 0)
    shown.stores = [...new Set(image.locations.map((each) => each.store))].toSorted().join(',')
  if (image.importingToStores !== null) shown.os_glance_importing_to_stores = image.importingToStores
  if (image.failedImport !== null) shown.os_glance_failed_import = image.failedImport
  if (!config.showLocations && !config.showDirectUrl) return shown
  if (!context.allows(locationRules.get, imageTarget(image))) return shown
  if (config.showLocations) shown.locations = image.locations.map((each) => locationView(app, each))
  const [first] = image.locations
  if (config.showDirectUrl && first) shown.direct_url = urlOf(app, first)
  return shown
}

export function locationView(app: ImageApp, location: ImageLocation): Record<string, unknown> {
  const metadata = { ...location.metadata, ...(app.stores.several && { store: location.store }) }
  return { url: urlOf(app, location), metadata }
}

export function urlOf(app: ImageApp, { imageId, store, url }: ImageLocation): string {
  if (url !== null) return url
  const source = app.stores.find(store)?.source
  return source && isWritable(source) ? source.locate(imageId) : `${store}://${imageId}`
}

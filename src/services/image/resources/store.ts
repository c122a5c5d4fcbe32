// Image stores as operators declare them and as clients see them.
import { type ImageStoreKind, imageStoreKinds } from '#drivers/imagestore/load.ts'

export type StoreSetting = {
  id: string
  kind: ImageStoreKind
  /** Where its files lie; the default is a folder of its own below the data folder. */
  folder?: string
  description?: string
  /** Of several stores that hold an image the heaviest is read first. */
  weight?: number
  readOnly?: boolean
  /** Takes what names no store; the first one unless said otherwise. */
  default?: boolean
}

/** Names of rows in `image_removal` for bytes that are staged or cached. */
export const stagingStore = 'os_glance_staging_store'
export const cacheStore = 'os_glance_cache'

const members: Record<string, (value: unknown) => boolean> = {
  id: (value) => typeof value === 'string' && /^[a-z0-9][a-z0-9_-]{0,62}$/i.test(value),
  kind: (value) => imageStoreKinds.includes(value as ImageStoreKind),
  folder: (value) => typeof value === 'string' && value.startsWith('/'),
  description: (value) => typeof value === 'string',
  weight: (value) => Number.isSafeInteger(value),
  readOnly: (value) => typeof value === 'boolean',
  default: (value) => typeof value === 'boolean',
}

/** What is wrong with the option, or undefined. */
export function checkStores(value: unknown): string | undefined {
  if (!Array.isArray(value)) return 'must be a list of stores'
  for (const each of value) {
    if (typeof each !== 'object' || each === null) return 'must be a list of objects'
    for (const [name, member] of Object.entries(each))
      if (!members[name]?.(member))
        return `has a store whose ${name} is ${name in members ? 'wrong' : 'no option'}: ${JSON.stringify(member)}`
    if (!('id' in each && 'kind' in each)) return 'must give each store an id and a kind'
  }
  const list = value as StoreSetting[]
  if (new Set(list.map((each) => each.id)).size < list.length) return 'has two stores of one id'
  if (list.filter((each) => each.default).length > 1) return 'has two default stores'
  if (list.length > 0 && !list.some((each) => each.kind !== 'http' && !each.readOnly))
    return 'has no store that can be written to'
  if (list.some((each) => each.default && (each.readOnly || each.kind === 'http')))
    return 'has a default store that can not be written to'
  return undefined
}

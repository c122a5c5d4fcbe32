// What clients may say of an image: the fields of a create and the operations of a patch, checked and sorted.
// Anything that isn't a field is a property of the client's own, and a text.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { ImageConfig } from '../config.ts'
import {
  containerFormats,
  diskFormats,
  imageView,
  readOnlyFields,
  reservedPrefixes,
  type Visibility,
  visibilities,
  type WholeImage,
} from '../resources/image.ts'

export type ImageValues = {
  id?: string
  name?: string | null
  owner?: string | null
  visibility?: Visibility
  containerFormat?: string | null
  diskFormat?: string | null
  minRam?: number
  minDisk?: number
  protected?: boolean
  osHidden?: boolean
  tags?: string[]
  properties: Record<string, string>
}

const mostWhole = 2 ** 31 - 1
type Field = { as: keyof ImageValues; accepts: (value: unknown) => boolean; wants: string }

const textOrNull = (value: unknown) =>
  value === null || (typeof value === 'string' && [...value].length <= 255)
const whole = (value: unknown) =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= mostWhole
const oneOf = (list: readonly string[]) => (value: unknown) =>
  value === null || list.includes(value as string)

const fields: Record<string, Field> = {
  id: {
    as: 'id',
    accepts: (v) => typeof v === 'string' && /^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/.test(v),
    wants: 'a UUID',
  },
  name: { as: 'name', accepts: textOrNull, wants: 'a text of at most 255 characters' },
  owner: { as: 'owner', accepts: textOrNull, wants: 'a text of at most 255 characters' },
  visibility: {
    as: 'visibility',
    accepts: (v) => visibilities.includes(v as Visibility),
    wants: `one of ${visibilities.join(', ')}`,
  },
  container_format: {
    as: 'containerFormat',
    accepts: oneOf(containerFormats),
    wants: `one of ${containerFormats.join(', ')}`,
  },
  disk_format: { as: 'diskFormat', accepts: oneOf(diskFormats), wants: `one of ${diskFormats.join(', ')}` },
  min_ram: { as: 'minRam', accepts: whole, wants: 'a whole number that is not negative' },
  min_disk: { as: 'minDisk', accepts: whole, wants: 'a whole number that is not negative' },
  protected: { as: 'protected', accepts: (v) => typeof v === 'boolean', wants: 'true or false' },
  os_hidden: { as: 'osHidden', accepts: (v) => typeof v === 'boolean', wants: 'true or false' },
  tags: {
    as: 'tags',
    accepts: (v) => Array.isArray(v) && v.every((tag) => typeof tag === 'string' && tag.length <= 255),
    wants: 'a list of texts of at most 255 characters',
  },
}

export function readNewImage(given: unknown, config: ImageConfig): ImageValues {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new CloudError('badRequest', "Provided object does not match schema 'image': it is no object")
  }
  const values: ImageValues = { properties: {} }
  for (const [name, value] of Object.entries(given)) setValue(values, name, value)
  checkCounts(values.properties, values.tags ?? [], config)
  return values
}

/** https://docs.openstack.org/api-ref/image/v2/#update-an-image */
export type PatchOperation = { op: 'add' | 'replace' | 'remove'; path: string; value?: unknown }

/** Reads both media types: 2.1's {"op", "path", "value"} and 2.0's {"add": "/name", "value"}. */
export function readPatch(given: unknown): PatchOperation[] {
  if (!Array.isArray(given))
    throw new CloudError('badRequest', 'Request body must be a JSON array of operation objects.')
  return given.map((each: Record<string, unknown>) => {
    if (typeof each !== 'object' || each === null)
      throw new CloudError('badRequest', 'Operations must be JSON objects.')
    const old = (['add', 'replace', 'remove'] as const).find((name) => name in each)
    const op = each.op ?? old
    const path = each.op === undefined ? old && each[old] : each.path
    if (op !== 'add' && op !== 'replace' && op !== 'remove') {
      throw new CloudError('badRequest', 'Operations must be one of add, replace, remove.')
    }
    if (
      typeof path !== 'string' ||
      !path.startsWith('/') ||
      path.length < 2 ||
      path.endsWith('/') ||
      path.includes('//')
    ) {
      throw new CloudError(
        'badRequest',
        `Pointer \`${String(path)}\` does not start with "/", or has an empty part.`,
      )
    }
    if (op !== 'remove' && !('value' in each))
      throw new CloudError('badRequest', `Operation "${op}" requires a member named "value".`)
    return { op, path, value: each.value }
  })
}

export function applyPatch(before: WholeImage, patch: PatchOperation[], config: ImageConfig): WholeImage {
  let image = { ...before, properties: { ...before.properties }, tags: [...before.tags] }
  for (const { op, path, value } of patch) {
    const parts = path
      .slice(1)
      .split('/')
      .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    const name = parts[0]!
    if (name === 'locations')
      throw new CloudError('forbidden', "It's not allowed to change the locations of an image here.")
    if (parts.length > 1 && name !== 'tags')
      throw new CloudError('badRequest', `Invalid JSON pointer for this resource: '${path}'`)
    if (name === 'id') throw new CloudError('forbidden', "Attribute 'id' is read-only.")
    if (op === 'remove') {
      image = removeValue(image, name)
      continue
    }
    if (
      op === 'replace' &&
      !(name in fields) &&
      !readOnlyFields.includes(name) &&
      !(name in image.properties)
    ) {
      throw new CloudError(
        'conflict',
        `There was a conflict when trying to complete your request. Property ${name} does not exist.`,
      )
    }
    const values: ImageValues = { properties: image.properties }
    setValue(values, name, value)
    const { id: _, properties, ...own } = values
    image = { ...image, ...own, properties }
  }
  image.tags = [...new Set(image.tags)]
  checkCounts(image.properties, image.tags, config)
  return image
}

function removeValue(image: WholeImage, name: string): WholeImage {
  if (name in fields || name in imageView({ ...image, properties: {} })) {
    throw new CloudError(
      'forbidden',
      readOnlyFields.includes(name)
        ? `Attribute '${name}' is read-only.`
        : `Attribute '${name}' can't be removed.`,
    )
  }
  if (!(name in image.properties)) {
    throw new CloudError(
      'conflict',
      `There was a conflict when trying to complete your request. Property ${name} does not exist.`,
    )
  }
  const { [name]: _, ...properties } = image.properties
  return { ...image, properties }
}

function setValue(values: ImageValues, name: string, value: unknown): void {
  if (readOnlyFields.includes(name)) throw new CloudError('forbidden', `Attribute '${name}' is read-only.`)
  if (reservedPrefixes.some((prefix) => name.startsWith(prefix)))
    throw new CloudError('forbidden', `Attribute '${name}' is reserved.`)
  const field = fields[name]
  if (field) {
    if (!field.accepts(value)) throw mismatch(name, value, field.wants)
    Object.assign(values, { [field.as]: field.as === 'tags' ? [...new Set(value as string[])] : value })
    return
  }
  if (typeof value !== 'string') throw mismatch(name, value, "a value of type 'string'")
  if (name.length === 0 || name.length > 255)
    throw new CloudError('badRequest', 'The name of a property has 1 to 255 characters')
  values.properties[name] = value
}

function mismatch(name: string, value: unknown, wants: string): CloudError {
  return new CloudError(
    'badRequest',
    `Provided object does not match schema 'image': ${name} must be ${wants}, not ${(JSON.stringify(value) ?? 'nothing').slice(0, 300)}`,
  )
}

function checkCounts(properties: Record<string, string>, tags: string[], config: ImageConfig): void {
  const count = Object.keys(properties).length
  if (count > config.maxProperties) {
    throw new CloudError(
      'tooLarge',
      `The limit has been exceeded on the number of allowed image properties. Attempted: ${count}, Maximum: ${config.maxProperties}`,
    )
  }
  if (tags.length > config.maxTags) {
    throw new CloudError(
      'tooLarge',
      `The limit has been exceeded on the number of allowed image tags. Attempted: ${tags.length}, Maximum: ${config.maxTags}`,
    )
  }
}

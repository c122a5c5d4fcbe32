// What clients may say of an image, checked and sorted. Anything that isn't a field is a property of the client's own,
// and a text.
import type { TSchema } from 'typebox'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Body } from '#kit/http/body.ts'
import type { ImageConfig } from '../config.ts'
import {
  containerFormats,
  diskFormats,
  readOnlyFields,
  reservedFields,
  reservedPrefixes,
  type Visibility,
  visibilities,
  type WholeImage,
} from '../resources/image.ts'
import { imageSchemas } from '../resources/schema.ts'

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

const { properties: described, ...document } = imageSchemas.image as { properties: Record<string, object> }
/** The schema without what the service alone sets. */
const writable = {
  ...document,
  type: 'object',
  properties: Object.fromEntries(Object.entries(described).filter(([name]) => Object.hasOwn(fields, name))),
} as TSchema

/** The body of POST /images. Counts are checked by the op, which knows the limits. */
export const imageBody: Body<ImageValues> = {
  wrapper: undefined,
  fields: {},
  schemaAt: () => writable,
  parse(given) {
    if (typeof given !== 'object' || given === null || Array.isArray(given)) {
      throw new CloudError('badRequest', "Provided object does not match schema 'image': it is no object")
    }
    const values: ImageValues = { properties: {} }
    for (const [name, value] of Object.entries(given)) setValue(values, name, value)
    return values
  },
}

/** Whether the name is a field of every image, which stays when it is removed from a patch's point of view. */
export const isField = (name: string) => Object.hasOwn(fields, name)

/** Throws where the value isn't what the schema says, or where only the service sets it. */
export function setValue(values: ImageValues, name: string, value: unknown): void {
  if (readOnlyFields.includes(name)) throw new CloudError('forbidden', `Attribute '${name}' is read-only.`)
  requireFree(name)
  const field = isField(name) ? fields[name] : undefined
  if (field) {
    if (!field.accepts(value)) throw mismatch(name, value, field.wants)
    Object.assign(values, { [field.as]: field.as === 'tags' ? [...new Set(value as string[])] : value })
    return
  }
  if (typeof value !== 'string') throw mismatch(name, value, "a value of type 'string'")
  if (name.length === 0 || [...name].length > 255)
    throw new CloudError('badRequest', 'The name of a property has 1 to 255 characters.')
  values.properties[name] = value
}

/** Whether only the service sets it, or keeps the name for itself. */
export const isReserved = (name: string) => readOnlyFields.includes(name) || isKept(name)

const isKept = (name: string) =>
  reservedFields.includes(name) || reservedPrefixes.some((prefix) => name.startsWith(prefix))

export function requireFree(name: string): void {
  if (isKept(name)) throw new CloudError('forbidden', `Attribute '${name}' is reserved.`)
}

function mismatch(name: string, value: unknown, wants: string): CloudError {
  return new CloudError(
    'badRequest',
    `Provided object does not match schema 'image': ${name} must be ${wants}, not ${(JSON.stringify(value) ?? 'nothing').slice(0, 300)}`,
  )
}

/** More than the limit is refused, unless there were as many before: fewer is always better. */
export function checkCounts(
  { properties, tags }: Pick<WholeImage, 'properties' | 'tags'>,
  config: ImageConfig,
  before?: Pick<WholeImage, 'properties' | 'tags'>,
): void {
  const count = Object.keys(properties).length
  if (count > Math.max(config.maxProperties, Object.keys(before?.properties ?? {}).length)) {
    throw new CloudError(
      'tooLarge',
      `The limit has been exceeded on the number of allowed image properties. Attempted: ${count}, Maximum: ${config.maxProperties}`,
    )
  }
  if (tags.length > Math.max(config.maxTags, before?.tags.length ?? 0)) {
    throw new CloudError(
      'tooLarge',
      `The limit has been exceeded on the number of allowed image tags. Attempted: ${tags.length}, Maximum: ${config.maxTags}`,
    )
  }
}

// PATCH of images: JSON patch in the two forms that Glance takes, by draft 4 and by draft 10 of it.
// https://specs.openstack.org/openstack/glance-specs/specs/api/v2/http-patch-image-api-v2.html
import { Type } from 'typebox'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { described } from '#kit/http/body.ts'
import type { ImageContext } from '../app.ts'
import { readOnlyFields, type WholeImage } from '../resources/image.ts'
import { isReadable, requireProperties } from './property-protection.ts'
import { checkCounts, type ImageValues, isField, requireFree, setValue } from './values.ts'

const kinds = ['add', 'replace', 'remove'] as const
export type PatchOperation = {
  op: (typeof kinds)[number]
  /** The name of what is changed, and with locations the place among them. */
  path: string[]
  value?: unknown
  /** Draft 4 adds only what isn't there yet. */
  draft: 4 | 10
}

const anyOfThem = Type.Unsafe({ type: 'string', enum: [...kinds] })

/** Either draft's; which one it is stands in the media type, so that the route reads it. */
export const patchBody = described(
  Type.Array(
    Type.Union([
      Type.Object({ op: anyOfThem, path: Type.String(), value: Type.Optional(Type.Unknown()) }),
      ...kinds.map((kind) => Type.Object({ [kind]: Type.String(), value: Type.Optional(Type.Unknown()) })),
    ]),
  ),
)

/** How many parts a path has, where it isn't one. */
const depths: Record<string, Record<PatchOperation['op'], number>> = {
  locations: { add: 2, remove: 2, replace: 1 },
}

/** All that can be told without the image: form, names and types. */
export function readPatch(given: unknown, draft: PatchOperation['draft']): PatchOperation[] {
  if (!Array.isArray(given)) throw bad('Request body must be a JSON array of operation objects.')
  return given.map((each: unknown) => {
    if (typeof each !== 'object' || each === null || Array.isArray(each))
      throw bad('Operations must be JSON objects.')
    const operation = each as Record<string, unknown>
    const [op, pointer] = draft === 10 ? newForm(operation) : oldForm(operation)
    const path = readPointer(pointer)
    if (path.length !== (depths[path[0]!]?.[op] ?? 1))
      throw bad(`Invalid JSON pointer for this resource: '/${path.join('/')}'`)
    if (op !== 'remove' && !('value' in operation))
      throw bad(`Operation "${op}" requires a member named "value".`)
    checkOperation(op, path[0]!, operation.value)
    return { op, path, ...(op !== 'remove' && { value: operation.value }), draft }
  })
}

function newForm(operation: Record<string, unknown>): [PatchOperation['op'], unknown] {
  const available = kinds.join(', ')
  if (operation.op === undefined)
    throw bad(`Unable to find \`op\` in JSON Schema change. It must be one of the following: ${available}.`)
  const op = kinds.find((kind) => kind === operation.op)
  if (!op)
    throw bad(
      `Invalid operation: \`${String(operation.op)}\`. It must be one of the following: ${available}.`,
    )
  if (operation.path === undefined) throw bad("Unable to find 'path' in JSON Schema change")
  return [op, operation.path]
}

function oldForm(operation: Record<string, unknown>): [PatchOperation['op'], unknown] {
  const [op, ...more] = kinds.filter((kind) => kind in operation)
  if (!op || more.length > 0)
    throw bad('Operation objects must contain exactly one member named "add", "remove", or "replace".')
  return [op, operation[op]]
}

/** https://www.rfc-editor.org/rfc/rfc6901 */
function readPointer(pointer: unknown): string[] {
  const shown = `Pointer \`${typeof pointer === 'string' ? pointer : JSON.stringify(pointer)}\``
  if (typeof pointer !== 'string' || !pointer.startsWith('/')) throw bad(`${shown} does not start with "/".`)
  if (/\/\s*\//.test(pointer)) throw bad(`${shown} contains adjacent "/".`)
  if (pointer.slice(1).trim() === '') throw bad(`${shown} does not contain a valid token.`)
  if (pointer.endsWith('/')) throw bad(`${shown} ends with "/".`)
  if (/~(?![01])/.test(pointer)) throw bad(`${shown} contains "~" not part of a recognized escape sequence.`)
  return pointer
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~').trim())
}

function checkOperation(op: PatchOperation['op'], name: string, value: unknown): void {
  // Locations have decisions of their own.
  if (name === 'locations') return
  if (name === 'id' || readOnlyFields.includes(name))
    throw new CloudError('forbidden', `Attribute '${name}' is read-only.`)
  if (op === 'remove') requireFree(name)
  else setValue({ properties: {} }, name, value)
}

/** All operations in their order, or none: the image as it is after them. */
export function applyPatch(
  context: ImageContext,
  before: WholeImage,
  patch: readonly PatchOperation[],
): WholeImage {
  let image = { ...before, properties: { ...before.properties } }
  for (const operation of patch) image = applyOne(context, image, operation)
  image.tags = [...new Set(image.tags)]
  requireProperties(context, before.properties, image.properties)
  checkCounts(image, context.app.config, before)
  return image
}

function applyOne(
  context: ImageContext,
  image: WholeImage,
  { op, path, value, draft }: PatchOperation,
): WholeImage {
  const name = path[0]!
  // What the caller may not read isn't there, to the caller.
  const there = Object.hasOwn(image.properties, name) && isReadable(context, name)
  if (op === 'remove') {
    if (isField(name)) throw new CloudError('forbidden', `Property ${name} may not be removed.`)
    if (!there) throw conflict(`Property ${name} does not exist.`)
    const { [name]: _, ...properties } = image.properties
    return { ...image, properties }
  }
  if (op === 'replace' && !isField(name) && !there) throw conflict(`Property ${name} does not exist.`)
  if (op === 'add' && draft === 4 && (isField(name) || there))
    throw conflict(`Property ${name} already present.`)
  const values: ImageValues = { properties: { ...image.properties } }
  setValue(values, name, value)
  const { id: _, properties, ...own } = values
  return { ...image, ...own, properties }
}

function bad(message: string): CloudError {
  return new CloudError('badRequest', message)
}

function conflict(what: string): CloudError {
  return new CloudError('conflict', `There was a conflict when trying to complete your request. ${what}`)
}

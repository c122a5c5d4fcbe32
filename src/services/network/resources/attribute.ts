// Attributes of a resource, declared once: who may set them, how they are read, shown, filtered and sorted.
// From the declarations follow the request bodies, the views and the filters of each collection.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { toCamel } from '#kit/http/body.ts'
import type { PolicyRule } from '#kit/policy/policy.ts'
import { Invalid, orNull, type Reader, show, text } from './value.ts'

export type Attribute<Row = never> = {
  /** Allowed when it is made, and when it is changed. */
  post?: boolean
  put?: boolean
  read?: Reader<unknown>
  /** Set where the client sent nothing; without it the attribute is required, unless it is optional. */
  default?: unknown
  optional?: boolean
  /** The name in TypeScript where the wire name doesn't give one: 'binding:host_id'. */
  as?: string
  /** Undefined leaves it out. */
  get?: (row: Row) => unknown
  /** The column that a filter or a sort looks at, and how its text is read. */
  filter?: string
  filterRead?: (value: unknown) => unknown
  sort?: boolean
  /** Needed besides the resource's own rule. */
  postRule?: PolicyRule
  putRule?: PolicyRule
  getRule?: PolicyRule
}

// biome-ignore lint/suspicious/noExplicitAny: rows of any resource
export type Attributes = Record<string, Attribute<any>>

type Camel<S extends string> = S extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : S
type NameOf<K, A> = A extends { as: infer N extends string } ? N : K extends string ? Camel<K> : never
type ValueOf<A> = A extends { read: Reader<infer T> } ? T : never
type Named<A extends Attributes, K extends keyof A> = { [P in K as NameOf<P, A[P]>]: ValueOf<A[P]> }
type KeysWith<A extends Attributes, Flag> = {
  [K in keyof A]: A[K] extends Flag ? K : never
}[keyof A]

/** What a create gets: optional attributes may be absent, all others are there; `projectId` always is. */
export type CreateOf<A extends Attributes> = Named<
  A,
  Exclude<KeysWith<A, { post: true }>, KeysWith<A, { optional: true }>>
> &
  Partial<Named<A, Extract<KeysWith<A, { post: true }>, KeysWith<A, { optional: true }>>>> & {
    projectId: string
  }
export type UpdateOf<A extends Attributes> = Partial<Named<A, KeysWith<A, { put: true }>>>

export type Resource<A extends Attributes = Attributes> = {
  /** 'floatingip', 'floatingips': the keys of bodies. */
  readonly name: string
  readonly collection: string
  readonly attributes: A
}

export function nameOf(wire: string, attribute: { as?: string }): string {
  return attribute.as ?? toCamel(wire)
}

/** One item of a create; `projectId` comes from the caller where the item names none. */
export function readCreate<A extends Attributes>(
  resource: Resource<A>,
  item: unknown,
  callerProject: string | undefined,
  mayNameOther: boolean,
): { given: CreateOf<A>; named: string[] } {
  const fields = { ...asFields(resource, item) }
  const projectId = readProject(fields, callerProject, mayNameOther)
  delete fields.project_id
  delete fields.tenant_id
  refuseUnknown(resource, fields)
  const given: Record<string, unknown> = { projectId }
  const named: string[] = []
  for (const [wire, attribute] of Object.entries(resource.attributes)) {
    const value = fields[wire]
    if (!attribute.post) {
      if (value !== undefined) throw bad(`Attribute '${wire}' not allowed in POST`)
      continue
    }
    if (value === undefined) {
      if (attribute.default !== undefined) given[nameOf(wire, attribute)] = attribute.default
      else if (!attribute.optional)
        throw bad(`Failed to parse request. Required attribute '${wire}' not specified`)
      continue
    }
    const read = readValue(wire, attribute, value)
    // Who sends what would be so anyway asks for nothing: dashboards send `shared: false` for everybody.
    if (JSON.stringify(read) !== JSON.stringify(attribute.default)) named.push(wire)
    given[nameOf(wire, attribute)] = read
  }
  return { given: given as CreateOf<A>, named }
}

export function readUpdate<A extends Attributes>(
  resource: Resource<A>,
  body: unknown,
): { given: UpdateOf<A>; named: string[] } {
  const wrapped = body as Record<string, unknown> | null | undefined
  if (typeof wrapped !== 'object' || wrapped === null || !(resource.name in wrapped))
    throw bad(`Unable to find '${resource.name}' in request body`)
  const fields = asFields(resource, wrapped[resource.name])
  refuseUnknown(resource, fields)
  const given: Record<string, unknown> = {}
  for (const [wire, value] of Object.entries(fields)) {
    const attribute = resource.attributes[wire]
    if (!attribute?.put) throw bad(`Cannot update read-only attribute ${wire}`)
    given[nameOf(wire, attribute)] = readValue(wire, attribute, value)
  }
  return { given: given as UpdateOf<A>, named: Object.keys(fields) }
}

/** The items of a create: one under the resource's name, or several under the collection's. */
export function itemsOf(resource: Resource, body: unknown): { items: unknown[]; bulk: boolean } {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw bad('Resource body required')
  const wrapped = body as Record<string, unknown>
  if (resource.collection in wrapped) {
    const items = wrapped[resource.collection]
    if (!Array.isArray(items) || items.length === 0)
      throw bad(`Resources required: '${resource.collection}' holds none`)
    return { items, bulk: true }
  }
  if (!(resource.name in wrapped)) throw bad(`Unable to find '${resource.name}' in request body`)
  return { items: [wrapped[resource.name]], bulk: false }
}

function asFields(resource: Resource, item: unknown): Record<string, unknown> {
  if (typeof item !== 'object' || item === null || Array.isArray(item))
    throw bad(`Unable to find '${resource.name}' in request body`)
  return item as Record<string, unknown>
}

/** Null counts as absent. */
export const projectReader = orNull(text(255))

function readProject(fields: Record<string, unknown>, own: string | undefined, mayNameOther: boolean) {
  const named = (wire: string) =>
    readValue(wire, { read: projectReader }, fields[wire] ?? null) as string | null
  const [project, tenant] = [named('project_id'), named('tenant_id')]
  if (project !== null && tenant !== null && project !== tenant)
    throw bad("'project_id' and 'tenant_id' do not match")
  const wanted = project ?? tenant ?? own
  if (wanted === undefined) throw bad('Running without keystone AuthN requires that tenant_id is specified')
  if (wanted !== own && !mayNameOther)
    throw bad(
      "Specifying 'project_id' or 'tenant_id' other than the authenticated project in request requires admin privileges",
    )
  return wanted
}

function refuseUnknown(resource: Resource, fields: Record<string, unknown>): void {
  const known = (wire: string) =>
    Object.hasOwn(resource.attributes, wire) || wire === 'tenant_id' || wire === 'project_id'
  const unknown = Object.keys(fields).filter((wire) => !known(wire))
  if (unknown.length > 0) throw bad(`Unrecognized attribute(s) '${unknown.join(', ')}'`)
}

export function readValue(
  wire: string,
  attribute: { read?: (value: unknown) => unknown },
  value: unknown,
): unknown {
  try {
    return attribute.read ? attribute.read(value) : value
  } catch (error) {
    if (!(error instanceof Invalid)) throw error
    throw bad(`Invalid input for ${wire}. Reason: ${error.message}`, error)
  }
}

export function bad(message: string, cause?: unknown): CloudError {
  return new CloudError('badRequest', message, { type: 'HTTPBadRequest', cause })
}

export function invalidInput(message: string): CloudError {
  return new CloudError('badRequest', `Invalid input for operation: ${message}.`, { type: 'InvalidInput' })
}

export { show }

// Decisions about namespaces of metadata definitions: who sees which, what a new one holds, and when one may go.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Query } from '#kit/http/route.ts'
import type { PolicyRule } from '#kit/policy/policy.ts'
import type { ImageContext } from '../app.ts'
import { metadefRules } from '../resources/metadef.ts'
import type {
  MetadefNamespace,
  NamespaceGiven,
  NamespaceVisibility,
  WholeNamespace,
} from '../resources/metadef-namespace.ts'
import type { PropertyDefinition } from '../resources/metadef-property.ts'
import * as inside from '../store/metadef.ts'
import * as store from '../store/metadef-namespace.ts'
import { isAdmin } from './admin.ts'
import { defaultPage, readLimit } from './page.ts'

/** Readable by the caller, and then as `rule` allows; to anybody else it isn't there. */
export async function permittedNamespace(
  context: ImageContext,
  name: string,
  rule: PolicyRule,
): Promise<MetadefNamespace> {
  const namespace = await store.findNamespace(context.app.db, name)
  const target = { project_id: namespace?.owner, owner: namespace?.owner, visibility: namespace?.visibility }
  if (!namespace || !context.allows(metadefRules.getNamespace, target)) {
    throw new CloudError('notFound', `The metadata definition namespace=${name} was not found.`)
  }
  context.authorize(rule, target)
  return namespace
}

export async function createNamespace(context: ImageContext, given: NamespaceGiven): Promise<WholeNamespace> {
  const { db, world } = context.app
  context.authorize(metadefRules.addNamespace, { project_id: context.caller.projectId })
  const now = world.clock.now()
  const times = { createdAt: now, updatedAt: now }
  const namespace: MetadefNamespace = { id: world.random.uuid(), ...fieldsOf(context, given), ...times }
  const at = { namespaceId: namespace.id, ...times }
  return db.transaction(async (tx) => {
    if (!(await store.insertNamespace(tx, namespace))) throw taken(namespace.namespace)
    for (const each of given.resourceTypeAssociations ?? []) {
      await inside.addResourceType(tx, { name: each.name, ...times })
      const { name: resourceType, prefix = null, properties_target: propertiesTarget = null } = each
      const added = await inside.insertAssociation(tx, { ...at, resourceType, prefix, propertiesTarget })
      if (!added) throw twice('resource_type_associations', each.name)
    }
    for (const { name, description = null, required = [], properties = {} } of given.objects ?? []) {
      if (!(await inside.insertObject(tx, { ...at, name, description, required, properties })))
        throw twice('objects', name)
    }
    for (const [name, definition] of Object.entries(given.properties ?? {}))
      await inside.insertProperty(tx, { ...at, name: checkedName(name), definition })
    for (const { name } of given.tags ?? [])
      if (!(await inside.insertTag(tx, { ...at, name }))) throw twice('tags', name)
    return inside.wholeNamespace(tx, namespace)
  })
}

/** What is inside, its properties named as on `resourceType` where one is given. */
export async function showNamespace(
  context: ImageContext,
  name: string,
  resourceType: string | undefined,
): Promise<WholeNamespace> {
  const { db } = context.app
  const namespace = await permittedNamespace(context, name, metadefRules.getNamespace)
  const whole = await inside.wholeNamespace(db, namespace)
  if (resourceType === undefined) return whole
  const prefix = (await requireAssociation(context, namespace, resourceType)).prefix ?? ''
  return {
    ...whole,
    properties: whole.properties?.map((each) => ({ ...each, name: prefix + each.name })),
    objects: whole.objects?.map((each) => ({
      ...each,
      required: each.required.map((property) => prefix + property),
      properties: prefixed(each.properties, prefix),
    })),
  }
}

export async function updateNamespace(
  context: ImageContext,
  name: string,
  given: NamespaceGiven,
): Promise<WholeNamespace> {
  const { db, world } = context.app
  const before = await permittedNamespace(context, name, metadefRules.modifyNamespace)
  // What is left out goes back to its default: the body is the whole namespace.
  const after = { ...before, ...fieldsOf(context, given), updatedAt: world.clock.now() }
  await db.transaction(async (tx) => {
    const other = await store.findNamespace(tx, after.namespace)
    if (other && other.id !== before.id) throw taken(after.namespace)
    await store.updateNamespace(tx, before.id, after)
  })
  return { namespace: after, associations: [] }
}

export async function deleteNamespace(context: ImageContext, name: string): Promise<void> {
  const namespace = await permittedNamespace(context, name, metadefRules.deleteNamespace)
  if (namespace.protected) {
    throw new CloudError(
      'forbidden',
      `Metadata definition namespace ${name} is protected and cannot be deleted.`,
    )
  }
  await context.app.db.transaction((tx) => store.deleteNamespace(tx, namespace.id))
}

export async function listNamespaces(
  context: ImageContext,
  query: Query,
): Promise<{ namespaces: WholeNamespace[]; next: string | undefined }> {
  const { db } = context.app
  const limit = readLimit(query.get('limit'), defaultPage)
  const marker = query.get('marker')
  const after =
    marker === undefined ? undefined : await permittedNamespace(context, marker, metadefRules.getNamespace)
  const rows = await store.listNamespaces(db, {
    seenBy: isAdmin(context) ? undefined : (context.caller.projectId ?? ''),
    visibility: readVisibility(query.get('visibility')),
    resourceTypes: query.get('resource_types')?.split(','),
    sort: readSort(query),
    after,
    limit: limit + 1,
  })
  const page = rows.slice(0, limit)
  const associations =
    page.length === 0
      ? []
      : await inside.listAssociations(
          db,
          page.map((each) => each.id),
        )
  return {
    namespaces: page.map((namespace) => ({
      namespace,
      associations: associations.filter((each) => each.namespaceId === namespace.id),
    })),
    next: rows.length > limit ? page.at(-1)?.namespace : undefined,
  }
}

export async function requireAssociation(
  context: ImageContext,
  { id, namespace }: MetadefNamespace,
  resourceType: string,
) {
  const found = await inside.findAssociation(context.app.db, id, resourceType)
  if (found) return found
  throw new CloudError(
    'notFound',
    `The metadata definition resource-type association of resource-type=${resourceType} to namespace=${namespace} was not found.`,
  )
}

function fieldsOf(context: ImageContext, given: NamespaceGiven) {
  return {
    namespace: given.namespace,
    displayName: given.displayName ?? null,
    description: given.description ?? null,
    visibility: given.visibility ?? ('private' as const),
    protected: given.protected ?? false,
    owner: given.owner ?? context.caller.projectId ?? null,
  }
}

function prefixed(
  properties: Record<string, PropertyDefinition>,
  prefix: string,
): Record<string, PropertyDefinition> {
  return Object.fromEntries(Object.entries(properties).map(([name, each]) => [prefix + name, each]))
}

function readVisibility(text: string | undefined): NamespaceVisibility | undefined {
  if (text === undefined || text === 'public' || text === 'private') return text
  throw new CloudError('badRequest', `Invalid visibility value: ${text}`)
}

function readSort(query: Query): store.NamespaceFilter['sort'] {
  const key = query.get('sort_key') ?? 'created_at'
  const direction = query.get('sort_dir') ?? 'desc'
  if (!Object.hasOwn(store.namespaceSort, key)) {
    throw new CloudError(
      'badRequest',
      `Invalid sort key: ${key}. It must be one of the following: ${Object.keys(store.namespaceSort).join(', ')}.`,
    )
  }
  if (direction !== 'asc' && direction !== 'desc')
    throw new CloudError('badRequest', `Invalid sort direction: ${direction}`)
  return { key: key as keyof typeof store.namespaceSort, direction }
}

/** Names of properties are members of an object in the body, whose length its schema doesn't bound. */
export function checkedName(name: string): string {
  if (name.length > 0 && [...name].length <= 80) return name
  throw new CloudError('badRequest', 'The name of a property has 1 to 80 characters.')
}

function taken(namespace: string): CloudError {
  return new CloudError('conflict', `The metadata definition namespace=${namespace} already exists.`)
}

function twice(member: string, name: string): CloudError {
  return new CloudError('badRequest', `${member} names ${name} twice.`)
}

// Types of resource, and which namespaces describe which of them: with the prefix that properties get there.
import { Type } from 'typebox'
import { c, type RowOf, table } from '#kit/db/table.ts'
import { inSeconds } from '#kit/http/iso-time.ts'
import { view } from '#kit/http/view.ts'
import { metadefBody, metadefName, shownTimes } from './metadef.ts'

export const metadefResourceType = table(
  'metadef_resource_type',
  { name: c.text(80), createdAt: c.time(), updatedAt: c.time() },
  { primaryKey: ['name'] },
)
export type MetadefResourceType = RowOf<typeof metadefResourceType>

export const metadefAssociation = table(
  'metadef_association',
  {
    namespaceId: c.id(),
    resourceType: c.text(80),
    prefix: c.nullable(c.text(80)),
    propertiesTarget: c.nullable(c.text(80)),
    createdAt: c.time(),
    updatedAt: c.time(),
  },
  { primaryKey: ['namespaceId', 'resourceType'], index: [['resourceType']] },
)
export type MetadefAssociation = RowOf<typeof metadefAssociation>

const name = metadefName('The type of resource, as orchestration names it')
const prefix = Type.String({
  maxLength: 80,
  description: 'What properties start with on that type, its separator included',
})
const propertiesTarget = Type.String({
  maxLength: 80,
  description: 'Which properties are meant where a resource has several kinds',
})

export const associationBody = metadefBody('resource_type_association', {
  name: { schema: name },
  prefix: { schema: prefix, optional: true },
  properties_target: { schema: propertiesTarget, optional: true },
})
export type AssociationGiven = ReturnType<typeof associationBody.parse>

/** An association inside the body of its namespace. */
export const associationItem = Type.Object(
  { name, prefix: Type.Optional(prefix), properties_target: Type.Optional(propertiesTarget), ...shownTimes },
  { additionalProperties: false },
)

export const associationView = view<MetadefAssociation>()({
  name: (a) => a.resourceType,
  prefix: (a) => a.prefix ?? undefined,
  properties_target: (a) => a.propertiesTarget ?? undefined,
  created_at: (a) => inSeconds(a.createdAt),
  updated_at: (a) => inSeconds(a.updatedAt),
})

export const resourceTypeView = view<MetadefResourceType>()({
  name: (t) => t.name,
  created_at: (t) => inSeconds(t.createdAt),
  updated_at: (t) => inSeconds(t.updatedAt),
})

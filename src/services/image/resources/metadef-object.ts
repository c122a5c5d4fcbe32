// Objects of a namespace: named groups of properties that belong together.
import { Type } from 'typebox'
import { c, type RowOf, table } from '#kit/db/table.ts'
import { inSeconds } from '#kit/http/iso-time.ts'
import { view } from '#kit/http/view.ts'
import { metadefBody, metadefName, shownTimes } from './metadef.ts'
import { type PropertyDefinition, propertiesSchema } from './metadef-property.ts'

export const metadefObject = table(
  'metadef_object',
  {
    namespaceId: c.id(),
    name: c.text(80),
    description: c.nullable(c.text()),
    required: c.json<string[]>(),
    properties: c.json<Record<string, PropertyDefinition>>(),
    createdAt: c.time(),
    updatedAt: c.time(),
  },
  { primaryKey: ['namespaceId', 'name'] },
)
export type MetadefObject = RowOf<typeof metadefObject>

const name = metadefName('The name')
const description = Type.String({ description: 'What the group is for' })
const required = Type.Array(Type.String(), {
  uniqueItems: true,
  description: 'Properties that must be given',
})

export const objectBody = metadefBody('object', {
  name: { schema: name },
  description: { schema: description, optional: true },
  required: { schema: required, optional: true },
  properties: { schema: propertiesSchema, optional: true },
})
export type ObjectGiven = ReturnType<typeof objectBody.parse>

/** An object inside the body of its namespace. */
export const objectItem = Type.Object(
  {
    name,
    description: Type.Optional(description),
    required: Type.Optional(required),
    properties: Type.Optional(propertiesSchema),
    ...shownTimes,
  },
  { additionalProperties: false },
)

export const objectView = view<MetadefObject & { namespace: string }>()({
  name: (o) => o.name,
  description: (o) => o.description ?? undefined,
  required: (o) => o.required,
  properties: (o) => o.properties,
  schema: () => '/v2/schemas/metadefs/object',
  self: (o) => `/v2/metadefs/namespaces/${o.namespace}/objects/${o.name}`,
  created_at: (o) => inSeconds(o.createdAt),
  updated_at: (o) => inSeconds(o.updatedAt),
})

// Properties that a namespace of metadata definitions describes: each is a small JSON schema with a title.
// https://docs.openstack.org/api-ref/image/v2/metadefs-index.html
import { type Static, type TSchema, Type } from 'typebox'
import { c, type RowOf, table } from '#kit/db/table.ts'
import { metadefBody, metadefName } from './metadef.ts'

const count = (description: string) => Type.Integer({ minimum: 0, description })
const kinds = ['array', 'boolean', 'integer', 'number', 'object', 'string', null]
const kind = Type.Unsafe<string>({
  type: 'string',
  enum: kinds,
  description: 'JSON type of the value',
})
const texts = (description: string) => Type.Array(Type.String(), { description })
const names = (description: string) => Type.Array(Type.String(), { uniqueItems: true, description })

/** What a definition may say of a property, apart from its name. */
const definitionMembers = {
  title: Type.String({ description: 'Name for people' }),
  type: kind,
  description: Type.Optional(Type.String({ description: 'What the property means' })),
  operators: Type.Optional(texts('Operators that a value may start with')),
  required: Type.Optional(names('Members that an object must have')),
  minimum: Type.Optional(Type.Number({ description: 'Smallest value of a number' })),
  maximum: Type.Optional(Type.Number({ description: 'Largest value of a number' })),
  maxLength: Type.Optional(count('Most characters of a text')),
  minLength: Type.Optional(count('Fewest characters of a text')),
  pattern: Type.Optional(Type.String({ description: 'Regular expression of a text' })),
  enum: Type.Optional(Type.Array(Type.Unknown(), { description: 'All values there are' })),
  readonly: Type.Optional(Type.Boolean({ description: 'Whether only the service sets it' })),
  default: Type.Optional(Type.Unknown({ description: 'Value where none is given' })),
  items: Type.Optional(
    Type.Object(
      { type: Type.Optional(kind), enum: Type.Optional(Type.Array(Type.Unknown())) },
      { additionalProperties: false, description: 'What stands in an array' },
    ),
  ),
  maxItems: Type.Optional(count('Most items of an array')),
  minItems: Type.Optional(count('Fewest items of an array')),
  uniqueItems: Type.Optional(Type.Boolean({ description: 'Whether no item repeats' })),
  additionalItems: Type.Optional(Type.Boolean({ description: 'Whether an array may have more items' })),
} satisfies Record<string, TSchema>

const definitionSchema = Type.Object(
  { name: Type.Optional(metadefName('The name')), ...definitionMembers },
  { additionalProperties: false },
)
export type PropertyDefinition = Static<typeof definitionSchema>

/** Properties by name, as namespaces and objects carry them. */
export const propertiesSchema = Type.Record(Type.String(), definitionSchema, {
  description: 'Definitions of properties by name',
})

export const metadefProperty = table(
  'metadef_property',
  {
    namespaceId: c.id(),
    name: c.text(80),
    definition: c.json<PropertyDefinition>(),
    createdAt: c.time(),
    updatedAt: c.time(),
  },
  { primaryKey: ['namespaceId', 'name'] },
)
export type MetadefProperty = RowOf<typeof metadefProperty>

/** A property with its name inside, as routes of single properties take it. */
export const propertyBody = metadefBody('property', {
  name: { schema: metadefName('The name') },
  ...Object.fromEntries(
    Object.entries(definitionMembers).map(([name, schema]) => [
      name,
      { schema, optional: name !== 'title' && name !== 'type' },
    ]),
  ),
})

export function propertyView(row: Pick<MetadefProperty, 'name' | 'definition'>): Record<string, unknown> {
  return { ...row.definition, name: row.name }
}

// Namespaces of metadata definitions: what properties, objects and tags there are for which types of resource.
import { Type } from 'typebox'
import { c, type RowOf, table } from '#kit/db/table.ts'
import { inSeconds } from '#kit/http/iso-time.ts'
import { metadefBody, metadefName } from './metadef.ts'
import { type MetadefObject, objectItem } from './metadef-object.ts'
import { type MetadefProperty, propertiesSchema, propertyView } from './metadef-property.ts'
import { associationItem, associationView, type MetadefAssociation } from './metadef-resource-type.ts'
import { type MetadefTag, tagItem } from './metadef-tag.ts'

export type NamespaceVisibility = 'public' | 'private'

export const metadefNamespace = table(
  'metadef_namespace',
  {
    id: c.id(),
    namespace: c.text(80),
    displayName: c.nullable(c.text(80)),
    description: c.nullable(c.text(500)),
    visibility: c.text<NamespaceVisibility>(16),
    protected: c.bool(),
    owner: c.nullable(c.text(255)),
    createdAt: c.time(),
    updatedAt: c.time(),
  },
  { unique: [['namespace']], index: [['createdAt', 'id']] },
)
export type MetadefNamespace = RowOf<typeof metadefNamespace>

/** One body for create and update; an update leaves what is inside the namespace alone. */
export const namespaceBody = metadefBody('namespace', {
  namespace: { schema: metadefName('The name, which no other namespace has') },
  display_name: { schema: Type.String({ maxLength: 80, description: 'A name for people' }), optional: true },
  description: { schema: Type.String({ maxLength: 500, description: 'What it describes' }), optional: true },
  visibility: {
    schema: Type.Unsafe<NamespaceVisibility>({
      type: 'string',
      enum: ['public', 'private'],
      description: 'Whether all projects see it, or its owner alone',
    }),
    optional: true,
  },
  protected: { schema: Type.Boolean({ description: 'Whether deletion is refused' }), optional: true },
  owner: {
    schema: Type.String({ maxLength: 255, description: 'The project that owns the namespace' }),
    optional: true,
  },
  resource_type_associations: {
    schema: Type.Array(associationItem, { description: 'The types of resource that it describes' }),
    optional: true,
  },
  properties: { schema: propertiesSchema, optional: true },
  objects: { schema: Type.Array(objectItem, { description: 'Groups of properties' }), optional: true },
  tags: { schema: Type.Array(tagItem, { description: 'Words to put on resources' }), optional: true },
})
export type NamespaceGiven = ReturnType<typeof namespaceBody.parse>

/** A namespace with what is inside; a list shows its associations alone. */
export type WholeNamespace = {
  namespace: MetadefNamespace
  associations: MetadefAssociation[]
  objects?: MetadefObject[]
  properties?: MetadefProperty[]
  tags?: MetadefTag[]
}

/** Empty parts are left out, as Glance does. */
export function namespaceView(whole: WholeNamespace): Record<string, unknown> {
  const { namespace: n, associations, objects = [], properties = [], tags = [] } = whole
  return {
    namespace: n.namespace,
    ...(n.displayName !== null && { display_name: n.displayName }),
    ...(n.description !== null && { description: n.description }),
    visibility: n.visibility,
    protected: n.protected,
    ...(n.owner !== null && { owner: n.owner }),
    created_at: inSeconds(n.createdAt),
    updated_at: inSeconds(n.updatedAt),
    self: `/v2/metadefs/namespaces/${n.namespace}`,
    schema: '/v2/schemas/metadefs/namespace',
    ...(associations.length > 0 && {
      resource_type_associations: associations.map((each) => associationView(each)),
    }),
    ...(objects.length > 0 && {
      objects: objects.map(({ name, description, required, properties }) => ({
        name,
        ...(description !== null && { description }),
        required,
        properties,
      })),
    }),
    ...(properties.length > 0 && {
      properties: Object.fromEntries(properties.map((each) => [each.name, propertyView(each)])),
    }),
    ...(tags.length > 0 && { tags: tags.map(({ name }) => ({ name })) }),
  }
}

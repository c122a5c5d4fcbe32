// The JSON schemas of metadata definitions, made of the bodies that requests are checked by.
import type { Body } from '#kit/http/body.ts'
import { namespaceBody } from './metadef-namespace.ts'
import { objectBody } from './metadef-object.ts'
import { propertyBody } from './metadef-property.ts'
import { associationBody } from './metadef-resource-type.ts'
import { tagBody } from './metadef-tag.ts'
import { collection, pageLinks } from './schema.ts'

const fixed = (description: string, more: object = {}) => ({
  type: 'string',
  readOnly: true,
  description,
  ...more,
})
const times = {
  created_at: fixed('When it was made', { format: 'date-time' }),
  updated_at: fixed('When it last changed', { format: 'date-time' }),
}
const links = { schema: fixed('Path of this schema'), self: fixed('Path of the definition') }

function item(name: string, body: Body<unknown>, more: object) {
  const { properties, required } = body.schemaAt() as unknown as { properties: object; required: string[] }
  return { name, properties: { ...properties, ...more }, additionalProperties: false, required }
}

const namespace = item('namespace', namespaceBody, { ...times, ...links })
const object = item('object', objectBody, { ...times, ...links })
const property = item('property', propertyBody, {})
const tag = item('tag', tagBody, times)
const association = item('resource_type_association', associationBody, times)

/** Inside the list of properties the name is the key. */
const named = {
  name: 'properties',
  properties: {
    properties: {
      type: 'object',
      additionalProperties: { ...property, required: property.required.filter((name) => name !== 'name') },
    },
    first: { type: 'string' },
    next: { type: 'string' },
    schema: { type: 'string' },
  },
  links: pageLinks,
}

export const metadefSchemas: Record<string, object> = {
  namespace,
  namespaces: collection('namespaces', namespace, pageLinks),
  object,
  objects: collection('objects', object, pageLinks),
  property,
  properties: named,
  tag,
  tags: collection('tags', tag, pageLinks),
  resource_type: association,
  resource_types: collection('resource_type_associations', association, pageLinks),
}

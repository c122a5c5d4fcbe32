// Routes of what stands inside namespaces of metadata definitions: objects, properties, tags, types of resource.
import { firstUrl, nextUrl } from '#kit/http/page.ts'
import { isTrue } from '#kit/http/query.ts'
import { route } from '../app.ts'
import * as ops from '../ops/metadef.ts'
import { objectBody, objectView } from '../resources/metadef-object.ts'
import { type PropertyDefinition, propertyBody, propertyView } from '../resources/metadef-property.ts'
import { associationBody, associationView, resourceTypeView } from '../resources/metadef-resource-type.ts'
import { tagBody, tagsBody, tagView } from '../resources/metadef-tag.ts'

const at = '/metadefs/namespaces/:namespace'
type NamedProperty = PropertyDefinition & { name: string }

const objectRoutes = [
  route('GET', `${at}/objects`, {
    policy: 'token',
    handle: async (context, { params }) => {
      const namespace = params.namespace!
      const objects = await ops.listObjects(context, namespace)
      return {
        objects: objects.map((each) => objectView({ ...each, namespace })),
        schema: '/v2/schemas/metadefs/objects',
      }
    },
  }),
  route('POST', `${at}/objects`, {
    policy: 'token',
    body: objectBody,
    status: 201,
    handle: async (context, { params, body }) => {
      const namespace = params.namespace!
      return objectView({ ...(await ops.createObject(context, namespace, body)), namespace })
    },
  }),
  route('DELETE', `${at}/objects`, {
    policy: 'token',
    handle: (context, { params }) => ops.deleteObject(context, params.namespace!),
  }),
  route('GET', `${at}/objects/:name`, {
    policy: 'token',
    handle: async (context, { params }) => {
      const namespace = params.namespace!
      return objectView({ ...(await ops.getObject(context, namespace, params.name!)), namespace })
    },
  }),
  route('PUT', `${at}/objects/:name`, {
    policy: 'token',
    body: objectBody,
    handle: async (context, { params, body }) => {
      const namespace = params.namespace!
      return objectView({ ...(await ops.updateObject(context, namespace, params.name!, body)), namespace })
    },
  }),
  route('DELETE', `${at}/objects/:name`, {
    policy: 'token',
    handle: (context, { params }) => ops.deleteObject(context, params.namespace!, params.name!),
  }),
]

const propertyRoutes = [
  route('GET', `${at}/properties`, {
    policy: 'token',
    handle: async (context, { params }) => {
      const properties = await ops.listProperties(context, params.namespace!)
      return { properties: Object.fromEntries(properties.map((each) => [each.name, propertyView(each)])) }
    },
  }),
  route('POST', `${at}/properties`, {
    policy: 'token',
    body: propertyBody,
    status: 201,
    handle: async (context, { params, body }) =>
      propertyView(await ops.createProperty(context, params.namespace!, body as NamedProperty)),
  }),
  route('DELETE', `${at}/properties`, {
    policy: 'token',
    handle: (context, { params }) => ops.deleteProperty(context, params.namespace!),
  }),
  route('GET', `${at}/properties/:name`, {
    policy: 'token',
    handle: async (context, { params, query }) =>
      propertyView(
        await ops.getProperty(context, params.namespace!, params.name!, query.get('resource_type')),
      ),
  }),
  route('PUT', `${at}/properties/:name`, {
    policy: 'token',
    body: propertyBody,
    handle: async (context, { params, body }) =>
      propertyView(await ops.updateProperty(context, params.namespace!, params.name!, body as NamedProperty)),
  }),
  route('DELETE', `${at}/properties/:name`, {
    policy: 'token',
    handle: (context, { params }) => ops.deleteProperty(context, params.namespace!, params.name!),
  }),
]

const tagRoutes = [
  route('GET', `${at}/tags`, {
    policy: 'token',
    handle: async (context, { params, query }) => {
      const namespace = params.namespace!
      const { tags, next } = await ops.listTags(context, namespace, query)
      const base = `/v2/metadefs/namespaces/${namespace}/tags`
      return {
        tags: tags.map(({ name }) => ({ name })),
        ...(next !== undefined && { next: nextUrl(base, query, next) }),
        first: firstUrl(base, query),
        schema: '/v2/schemas/metadefs/tags',
      }
    },
  }),
  route('POST', `${at}/tags`, {
    policy: 'token',
    body: tagsBody,
    status: 201,
    handle: async (context, { params, body, headers }) => {
      const names = body.tags.map((each) => each.name)
      await ops.createTags(context, params.namespace!, names, isTrue(headers['x-openstack-append']))
      return { tags: names.map((name) => ({ name })) }
    },
  }),
  route('DELETE', `${at}/tags`, {
    policy: 'token',
    handle: (context, { params }) => ops.deleteTags(context, params.namespace!),
  }),
  route('GET', `${at}/tags/:name`, {
    policy: 'token',
    handle: async (context, { params }) =>
      tagView(await ops.getTag(context, params.namespace!, params.name!)),
  }),
  route('POST', `${at}/tags/:name`, {
    policy: 'token',
    status: 201,
    handle: async (context, { params }) =>
      tagView(await ops.createTag(context, params.namespace!, params.name!)),
  }),
  route('PUT', `${at}/tags/:name`, {
    policy: 'token',
    body: tagBody,
    handle: async (context, { params, body }) =>
      tagView(await ops.renameTag(context, params.namespace!, params.name!, body.name)),
  }),
  route('DELETE', `${at}/tags/:name`, {
    policy: 'token',
    handle: (context, { params }) => ops.deleteTag(context, params.namespace!, params.name!),
  }),
]

const resourceTypeRoutes = [
  route('GET', '/metadefs/resource_types', {
    policy: 'token',
    handle: async (context) => ({
      resource_types: (await ops.listResourceTypes(context)).map((each) => resourceTypeView(each)),
    }),
  }),
  route('GET', `${at}/resource_types`, {
    policy: 'token',
    handle: async (context, { params }) => ({
      resource_type_associations: (await ops.listAssociations(context, params.namespace!)).map((each) =>
        associationView(each),
      ),
    }),
  }),
  route('POST', `${at}/resource_types`, {
    policy: 'token',
    body: associationBody,
    status: 201,
    handle: async (context, { params, body }) =>
      associationView(await ops.addAssociation(context, params.namespace!, body)),
  }),
  route('DELETE', `${at}/resource_types/:name`, {
    policy: 'token',
    handle: (context, { params }) => ops.removeAssociation(context, params.namespace!, params.name!),
  }),
]

export const metadefRoutes = [...objectRoutes, ...propertyRoutes, ...tagRoutes, ...resourceTypeRoutes]

// Routes of resource classes and traits, and the version document.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { isTrue } from '#kit/http/query.ts'
import { answer } from '#kit/http/route.ts'
import { route } from '../app.ts'
import * as ops from '../ops/vocabulary.ts'
import { classRules, resourceClassCreate, traitRules } from '../resources/vocabulary.ts'
import { dated, located } from './reply.ts'
import { microversions } from './version.ts'

const classShown = (name: string) => ({ name, links: [{ rel: 'self', href: `/resource_classes/${name}` }] })

export const vocabularyRoutes = [
  route('GET', '/', {
    policy: 'public',
    root: true,
    handle: async (context) =>
      dated(context, {
        versions: [
          {
            id: 'v1.0',
            status: 'CURRENT',
            min_version: microversions.min,
            max_version: microversions.max,
            links: [{ rel: 'self', href: '' }],
          },
        ],
      }),
  }),
  route('GET', '/resource_classes', {
    policy: classRules.list,
    since: '1.2',
    handle: async (context) =>
      dated(context, { resource_classes: (await ops.listClasses(context)).map(classShown) }),
  }),
  route('POST', '/resource_classes', {
    policy: classRules.create,
    since: '1.2',
    body: resourceClassCreate,
    handle: async (context, { body }) => {
      await ops.createClass(context, body.name)
      return answer({ status: 201, headers: { location: `${context.origin}/resource_classes/${body.name}` } })
    },
  }),
  route('GET', '/resource_classes/:name', {
    policy: classRules.show,
    since: '1.2',
    handle: async (context, { params }) => {
      await ops.assertClassExists(context, params.name!)
      return dated(context, classShown(params.name!))
    },
  }),
  route('PUT', '/resource_classes/:name', {
    policy: classRules.update,
    since: '1.2',
    until: '1.6',
    body: resourceClassCreate,
    handle: async (context, { params, body }) => {
      await ops.renameClass(context, params.name!, body.name)
      return dated(context, classShown(body.name))
    },
  }),
  route('PUT', '/resource_classes/:name', {
    policy: classRules.update,
    since: '1.7',
    handle: async (context, { params }) => {
      const { name } = resourceClassCreate.parse({ name: params.name })
      const created = await ops.ensureClass(context, name)
      return answer({
        status: created ? 201 : 204,
        headers: { location: `${context.origin}/resource_classes/${name}` },
      })
    },
  }),
  route('DELETE', '/resource_classes/:name', {
    policy: classRules.delete,
    since: '1.2',
    handle: (context, { params }) => ops.deleteClass(context, params.name!),
  }),
  route('GET', '/traits', {
    policy: traitRules.list,
    since: '1.6',
    handle: async (context, { query }) => {
      const unknown = query.names().find((name) => name !== 'name' && name !== 'associated')
      if (unknown)
        throw new CloudError(
          'badRequest',
          `Invalid query string parameters: Additional properties are not allowed ('${unknown}' was unexpected)`,
        )
      const associated = query.get('associated')
      if (associated !== undefined && !/^(true|false)$/i.test(associated)) {
        throw new CloudError(
          'badRequest',
          `The query parameter "associated" only accepts "true" or "false", not ${associated}`,
        )
      }
      return dated(context, {
        traits: await ops.listTraits(
          context,
          query.get('name'),
          associated === undefined ? undefined : isTrue(associated),
        ),
      })
    },
  }),
  route('GET', '/traits/:name', {
    policy: traitRules.show,
    since: '1.6',
    handle: async (context, { params }) => {
      await ops.assertTraitExists(context, params.name!)
      return dated(context, undefined, undefined, 204)
    },
  }),
  route('PUT', '/traits/:name', {
    policy: traitRules.update,
    since: '1.6',
    handle: async (context, { params }) => {
      const created = await ops.ensureTrait(context, params.name!)
      return located(
        dated(context, undefined, undefined, created ? 201 : 204),
        `${context.origin}/traits/${params.name}`,
      )
    },
  }),
  route('DELETE', '/traits/:name', {
    policy: traitRules.delete,
    since: '1.6',
    handle: (context, { params }) => ops.deleteTrait(context, params.name!),
  }),
]

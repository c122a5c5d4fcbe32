// /flavors, their extra specs and their access lists.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { body } from '#kit/http/body.ts'
import { nextUrl } from '#kit/http/page.ts'
import type { Query } from '#kit/http/route.ts'
import { type ComputeContext, route } from '../app.ts'
import * as flavors from '../ops/flavor.ts'
import { extraSpecMap, oneExtraSpec, readExtraSpecs } from '../resources/extra-spec.ts'
import { flavorBrief, flavorCreate, flavorRules, flavorUpdate, flavorView } from '../resources/flavor.ts'
import { checkQuery, paging } from '../resources/query.ts'
import { projectId } from '../resources/schema.ts'

const known = new Set([...paging, 'is_public', 'minRam', 'minDisk', 'sort_key', 'sort_dir'])
const accessBody = (wrapper: string) => body(wrapper, { tenant: { schema: projectId } })
const specsBody = body(null, { extra_specs: { schema: extraSpecMap } })

type AccessRow = { flavorId: string; projectId: string }
const accessList = (rows: AccessRow[]) => ({
  flavor_access: rows.map((each) => ({ flavor_id: each.flavorId, tenant_id: each.projectId })),
})

const list =
  (show: typeof flavorView, path: string) =>
  async (context: ComputeContext, { query }: { query: Query }) => {
    checkQuery(query, known, context.version)
    const page = await flavors.listFlavors(context, query)
    const next = page.next && nextUrl(`${context.origin}/v2.1${path}`, query, page.next)
    return {
      flavors: page.flavors.map((each) => show(each, context)),
      ...(next && { flavors_links: [{ rel: 'next', href: next }] }),
    }
  }

export const flavorRoutes = [
  route('GET', '/flavors', { policy: 'token', handle: list(flavorBrief, '/flavors') }),
  route('GET', '/flavors/detail', { policy: 'token', handle: list(flavorView, '/flavors/detail') }),
  route('GET', '/flavors/:id', {
    policy: 'token',
    handle: async (context, { params }) => ({
      flavor: flavorView(await flavors.loadFlavor(context, params.id!), context),
    }),
  }),
  route('POST', '/flavors', {
    policy: flavorRules.create,
    body: flavorCreate,
    handle: async (context, { body }) => ({
      flavor: flavorView(await flavors.createFlavor(context, body), context),
    }),
  }),
  route('PUT', '/flavors/:id', {
    since: '2.55',
    policy: flavorRules.update,
    body: flavorUpdate,
    handle: async (context, { params, body }) => ({
      flavor: flavorView(await flavors.describeFlavor(context, params.id!, body.description), context),
    }),
  }),
  route('DELETE', '/flavors/:id', {
    policy: flavorRules.delete,
    status: 202,
    handle: async (context, { params }) => flavors.deleteFlavor(context, params.id!),
  }),

  route('GET', '/flavors/:id/os-flavor-access', {
    policy: flavorRules.access,
    handle: async (context, { params }) => accessList(await flavors.listAccess(context, params.id!)),
  }),
  route('POST', '/flavors/:id/action', {
    action: 'addTenantAccess',
    policy: flavorRules.addAccess,
    body: accessBody('addTenantAccess'),
    handle: async (context, { params, body }) =>
      accessList(await flavors.addAccess(context, params.id!, body.tenant)),
  }),
  route('POST', '/flavors/:id/action', {
    action: 'removeTenantAccess',
    policy: flavorRules.removeAccess,
    body: accessBody('removeTenantAccess'),
    handle: async (context, { params, body }) =>
      accessList(await flavors.removeAccess(context, params.id!, body.tenant)),
  }),

  route('GET', '/flavors/:id/os-extra_specs', {
    policy: flavorRules.specList,
    handle: async (context, { params }) => ({
      extra_specs: (await flavors.loadFlavor(context, params.id!)).extraSpecs,
    }),
  }),
  route('POST', '/flavors/:id/os-extra_specs', {
    policy: flavorRules.specCreate,
    body: specsBody,
    handle: async (context, { params, body }) => {
      const specs = readExtraSpecs(body.extraSpecs, context.version)
      await flavors.setSpecs(context, params.id!, specs)
      return { extra_specs: specs }
    },
  }),
  route('GET', '/flavors/:id/os-extra_specs/:key', {
    policy: flavorRules.specShow,
    handle: async (context, { params }) => {
      const row = await flavors.loadFlavor(context, params.id!)
      return { [params.key!]: flavors.specOf(row, params.key!) }
    },
  }),
  route('PUT', '/flavors/:id/os-extra_specs/:key', {
    policy: flavorRules.specUpdate,
    body: oneExtraSpec,
    handle: async (context, { params, body: specs }) => {
      if (Object.keys(specs).length !== 1 || specs[params.key!] === undefined)
        throw new CloudError('badRequest', 'Request body and URI mismatch')
      await flavors.setSpecs(context, params.id!, specs)
      return specs
    },
  }),
  route('DELETE', '/flavors/:id/os-extra_specs/:key', {
    policy: flavorRules.specDelete,
    status: 200,
    handle: async (context, { params }) => flavors.deleteSpec(context, params.id!, params.key!),
  }),
]

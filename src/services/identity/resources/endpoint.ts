// Endpoints: where a service is reached, by interface and region.
// https://docs.openstack.org/api-ref/identity/v3/#service-catalog-and-endpoints
import { Type } from 'typebox'
import { c, type RowOf, table } from '#kit/db/table.ts'
import { body } from '#kit/http/body.ts'
import { view } from '#kit/http/view.ts'
import { rule } from '#kit/policy/policy.ts'
import { type Extra, flag, url } from './field.ts'
import { admin, cloudWide, reader } from './rule.ts'

export const interfaces = ['admin', 'internal', 'public'] as const
export type Interface = (typeof interfaces)[number]

export const endpoint = table(
  'endpoint',
  {
    id: c.text(64),
    serviceId: c.text(64),
    interface: c.text<Interface>(8),
    regionId: c.nullable(c.text(255)),
    /** May hold $(project_id)s and the like, which the catalog fills in. */
    url: c.text(),
    enabled: c.bool(),
    extra: c.json<Extra>(),
    createdAt: c.time(),
  },
  { index: [['serviceId'], ['regionId']] },
)
export type Endpoint = RowOf<typeof endpoint>

const face = Type.Union(interfaces.map((each) => Type.Literal(each)))
const fields = {
  region_id: { schema: Type.Union([Type.String(), Type.Null()]), optional: true },
  /** The older name, under which a region that is missing is made. */
  region: { schema: Type.Union([Type.String(), Type.Null()]), optional: true },
  enabled: { schema: flag, optional: true },
} as const
export const endpointCreate = body(
  'endpoint',
  { interface: { schema: face }, service_id: { schema: Type.String() }, url: { schema: url }, ...fields },
  { extra: 'keep' },
)
export const endpointUpdate = body(
  'endpoint',
  {
    interface: { schema: face, optional: true },
    service_id: { schema: Type.String(), optional: true },
    url: { schema: url, optional: true },
    ...fields,
  },
  { extra: 'keep', least: 1 },
)
export type NewEndpoint = ReturnType<typeof endpointCreate.parse>
export type EndpointChange = ReturnType<typeof endpointUpdate.parse>

const declared = view<Endpoint>()({
  id: (e) => e.id,
  interface: (e) => e.interface,
  region_id: (e) => e.regionId,
  region: (e) => e.regionId,
  service_id: (e) => e.serviceId,
  url: (e) => e.url,
  enabled: (e) => e.enabled,
  links: (e, { origin }) => ({ self: `${origin}/v3/endpoints/${e.id}` }),
})
export const endpointView = (e: Endpoint, shown: { origin: string }) => ({
  ...e.extra,
  ...declared(e, shown),
})

export const endpointRules = {
  list: rule('identity:list_endpoints', reader, 'List endpoints', cloudWide),
  get: rule('identity:get_endpoint', reader, 'Show an endpoint', cloudWide),
  create: rule('identity:create_endpoint', admin, 'Create an endpoint', cloudWide),
  update: rule('identity:update_endpoint', admin, 'Change an endpoint', cloudWide),
  delete: rule('identity:delete_endpoint', admin, 'Delete an endpoint', cloudWide),
}

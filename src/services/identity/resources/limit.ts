// Registered limits, which hold for every project, and limits, which override one for a project or a domain. Services
// ask for both and enforce them. https://docs.openstack.org/api-ref/identity/v3/#unified-limits
import { Type } from 'typebox'
import { c, type RowOf, table } from '#kit/db/table.ts'
import { body } from '#kit/http/body.ts'
import { view } from '#kit/http/view.ts'
import { rule } from '#kit/policy/policy.ts'
import { anyText, id } from './field.ts'
import { admin, cloudWide, everywhere, reader } from './rule.ts'

export const registeredLimit = table(
  'registered_limit',
  {
    id: c.text(64),
    serviceId: c.text(64),
    /** `noRegion` for all regions: null would not be unique together with the rest. */
    regionId: c.text(255),
    resourceName: c.text(255),
    defaultLimit: c.int(),
    description: c.nullable(c.text()),
    createdAt: c.time(),
  },
  { unique: [['serviceId', 'regionId', 'resourceName']] },
)
export type RegisteredLimit = RowOf<typeof registeredLimit>

export const noRegion = ''

export const limit = table(
  'resource_limit',
  {
    id: c.text(64),
    registeredLimitId: c.text(64),
    /** The project or the domain. */
    targetId: c.text(64),
    isDomain: c.bool(),
    resourceLimit: c.int(),
    description: c.nullable(c.text()),
    createdAt: c.time(),
  },
  { unique: [['registeredLimitId', 'targetId']], index: [['targetId']] },
)
export type Limit = RowOf<typeof limit>
/** With what it overrides. */
export type LimitShown = Limit & { registered: RegisteredLimit }

const resource = Type.String({ minLength: 1, maxLength: 255 })
/** -1 is no limit at all. */
const amount = Type.Integer({ minimum: -1, maximum: 2_147_483_647 })
const region = Type.Union([Type.String({ maxLength: 255 }), Type.Null()])

const registeredFields = {
  service_id: id,
  region_id: Type.Optional(region),
  resource_name: resource,
  default_limit: amount,
  description: Type.Optional(anyText),
}
const newRegistered = Type.Object(registeredFields, { additionalProperties: false })
export const registeredLimitCreate = body(null, {
  registered_limits: { schema: Type.Array(newRegistered, { minItems: 1 }) },
})
export const registeredLimitUpdate = body('registered_limit', {
  service_id: { schema: id, optional: true },
  region_id: { schema: region, optional: true },
  resource_name: { schema: resource, optional: true },
  default_limit: { schema: amount, optional: true },
  description: { schema: anyText, optional: true },
})
export type NewRegisteredLimit = ReturnType<typeof registeredLimitCreate.parse>['registeredLimits'][number]
export type RegisteredLimitChange = ReturnType<typeof registeredLimitUpdate.parse>

const newLimit = Type.Object(
  {
    project_id: Type.Optional(Type.Union([id, Type.Null()])),
    domain_id: Type.Optional(Type.Union([id, Type.Null()])),
    service_id: id,
    region_id: Type.Optional(region),
    resource_name: resource,
    resource_limit: amount,
    description: Type.Optional(anyText),
  },
  { additionalProperties: false },
)
export const limitCreate = body(null, { limits: { schema: Type.Array(newLimit, { minItems: 1 }) } })
export const limitUpdate = body('limit', {
  resource_limit: { schema: amount, optional: true },
  description: { schema: anyText, optional: true },
})
export type NewLimit = ReturnType<typeof limitCreate.parse>['limits'][number]
export type LimitChange = ReturnType<typeof limitUpdate.parse>

const regionView = (regionId: string) => (regionId === noRegion ? null : regionId)

export const registeredLimitView = view<RegisteredLimit>()({
  id: (r) => r.id,
  service_id: (r) => r.serviceId,
  region_id: (r) => regionView(r.regionId),
  resource_name: (r) => r.resourceName,
  default_limit: (r) => r.defaultLimit,
  description: (r) => r.description,
  links: (r, { origin }) => ({ self: `${origin}/v3/registered_limits/${r.id}` }),
})
export const limitView = view<LimitShown>()({
  id: (l) => l.id,
  project_id: (l) => (l.isDomain ? null : l.targetId),
  domain_id: (l) => (l.isDomain ? l.targetId : null),
  service_id: (l) => l.registered.serviceId,
  region_id: (l) => regionView(l.registered.regionId),
  resource_name: (l) => l.registered.resourceName,
  resource_limit: (l) => l.resourceLimit,
  description: (l) => l.description,
  links: (l, { origin }) => ({ self: `${origin}/v3/limits/${l.id}` }),
})

export const limitModels = {
  flat: {
    name: 'flat',
    description:
      'Each project has its own limits, wherever it stands in the tree: what others have or use makes no difference.',
  },
  strict_two_level: {
    name: 'strict_two_level',
    description:
      'Below a domain stand projects and nothing deeper. No limit of a project is above that of its domain, and all projects of a domain together may use what the domain may.',
  },
}

export const limitRules = {
  model: rule('identity:get_limit_model', '', 'Show how limits are enforced', everywhere),
  list: rule('identity:list_limits', '', "List the limits of one's own scope, or all of them", everywhere),
  get: rule(
    'identity:get_limit',
    `${reader} or (domain_id:%(target.limit.domain.id)s or domain_id:%(target.limit.project.domain_id)s) or (project_id:%(target.limit.project_id)s and not None:%(target.limit.project_id)s)`,
    'Show a limit',
    everywhere,
  ),
  create: rule('identity:create_limits', admin, 'Create limits', cloudWide),
  update: rule('identity:update_limit', admin, 'Change a limit', cloudWide),
  delete: rule('identity:delete_limit', admin, 'Delete a limit', cloudWide),
}
export const registeredLimitRules = {
  list: rule('identity:list_registered_limits', '', 'List registered limits', everywhere),
  get: rule('identity:get_registered_limit', '', 'Show a registered limit', everywhere),
  create: rule('identity:create_registered_limits', admin, 'Register limits', cloudWide),
  update: rule('identity:update_registered_limit', admin, 'Change a registered limit', cloudWide),
  delete: rule('identity:delete_registered_limit', admin, 'Delete a registered limit', cloudWide),
}

// Services of the catalog. https://docs.openstack.org/api-ref/identity/v3/#service-catalog-and-endpoints
import { Type } from 'typebox'
import { c, type RowOf, table } from '#kit/db/table.ts'
import { body } from '#kit/http/body.ts'
import { view } from '#kit/http/view.ts'
import { rule } from '#kit/policy/policy.ts'
import { type Extra, flag, name255 } from './field.ts'
import { admin, cloudWide, reader } from './rule.ts'

export const service = table(
  'service',
  {
    id: c.text(64),
    type: c.text(255),
    name: c.nullable(c.text(255)),
    enabled: c.bool(),
    extra: c.json<Extra>(),
    createdAt: c.time(),
  },
  { index: [['type']] },
)
export type Service = RowOf<typeof service>

const type = Type.String({ minLength: 1, maxLength: 255 })
const fields = {
  name: { schema: name255, optional: true },
  enabled: { schema: flag, optional: true },
} as const
export const serviceCreate = body('service', { type: { schema: type }, ...fields }, { extra: 'keep' })
export const serviceUpdate = body(
  'service',
  { type: { schema: type, optional: true }, ...fields },
  { extra: 'keep', least: 1 },
)
export type NewService = ReturnType<typeof serviceCreate.parse>
export type ServiceChange = ReturnType<typeof serviceUpdate.parse>

const declared = view<Service>()({
  id: (s) => s.id,
  type: (s) => s.type,
  name: (s) => s.name ?? undefined,
  enabled: (s) => s.enabled,
  links: (s, { origin }) => ({ self: `${origin}/v3/services/${s.id}` }),
})
export const serviceView = (s: Service, shown: { origin: string }) => ({ ...s.extra, ...declared(s, shown) })

export const serviceRules = {
  list: rule('identity:list_services', reader, 'List services', cloudWide),
  get: rule('identity:get_service', reader, 'Show a service', cloudWide),
  create: rule('identity:create_service', admin, 'Create a service', cloudWide),
  update: rule('identity:update_service', admin, 'Change a service', cloudWide),
  delete: rule('identity:delete_service', admin, 'Delete a service', cloudWide),
}

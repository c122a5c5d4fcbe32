// Allocations: what a consumer (a server, say) holds of which provider.
import { Type } from 'typebox'
import { c, type RowOf, table } from '#kit/db/table.ts'
import { rule } from '#kit/policy/policy.ts'
import { checked, checkedValue } from './checked.ts'
import { className, uuid } from './provider.ts'

export const consumer = table(
  'consumer',
  { uuid: c.id(), projectId: c.text(255), userId: c.text(255), generation: c.int(), createdAt: c.time() },
  { primaryKey: ['uuid'], index: [['projectId', 'userId']] },
)
export type Consumer = RowOf<typeof consumer>

export const allocation = table(
  'allocation',
  { consumerUuid: c.id(), providerUuid: c.id(), resourceClass: c.text(255), used: c.int() },
  {
    primaryKey: ['consumerUuid', 'providerUuid', 'resourceClass'],
    index: [['providerUuid', 'resourceClass']],
  },
)
export type Allocation = RowOf<typeof allocation>

const owner = Type.String({ minLength: 1, maxLength: 255 })
const amounts = Type.Record(className, Type.Integer({ minimum: 1 }), {
  additionalProperties: false,
  minProperties: 1,
})
const byProvider = (minimum: number) =>
  Type.Record(
    uuid,
    Type.Object(
      { resources: amounts, generation: Type.Optional(Type.Integer()) },
      { additionalProperties: false },
    ),
    {
      additionalProperties: false,
      minProperties: minimum,
    },
  )
const generation = Type.Union([Type.Integer(), Type.Null()])

/** Before 1.12 the allocations are a list; from 1.8 on the owner must be named; from 1.28 on the consumer's generation. */
export const allocationsListed = checked({
  allocations: {
    schema: Type.Array(
      Type.Object(
        { resource_provider: Type.Object({ uuid }, { additionalProperties: false }), resources: amounts },
        { additionalProperties: false },
      ),
      { minItems: 1 },
    ),
  },
  project_id: { schema: owner, since: '1.8' },
  user_id: { schema: owner, since: '1.8' },
})
export const allocationsSince112 = checked({
  allocations: { schema: byProvider(1) },
  project_id: { schema: owner },
  user_id: { schema: owner },
})
/** An empty set removes a consumer's allocations with its generation checked. */
export const allocationsSince128 = checked({
  allocations: { schema: byProvider(0) },
  project_id: { schema: owner },
  user_id: { schema: owner },
  consumer_generation: { schema: generation },
})
const oneConsumer = Type.Object(
  { allocations: byProvider(0), project_id: owner, user_id: owner },
  { additionalProperties: false },
)
export type ConsumerBody = {
  allocations: Record<string, { resources: Record<string, number> }>
  project_id: string
  user_id: string
  /** From 1.28 on. */
  consumer_generation?: number | null
}
export const manyConsumers = checkedValue<Record<string, ConsumerBody>>(
  Type.Record(uuid, oneConsumer, { additionalProperties: false, minProperties: 1 }),
)
export const manyConsumersSince128 = checkedValue<Record<string, ConsumerBody>>(
  Type.Record(
    uuid,
    Type.Object(
      { ...oneConsumer.properties, consumer_generation: generation },
      { additionalProperties: false },
    ),
    { additionalProperties: false, minProperties: 1 },
  ),
)

const admin = 'role:admin'
const scopes = ['system', 'project'] as const
export const allocationRules = {
  manage: rule('placement:allocations:manage', admin, 'Change the allocations of several consumers', scopes),
  list: rule('placement:allocations:list', admin, 'Show the allocations of a consumer', scopes),
  update: rule('placement:allocations:update', admin, 'Change the allocations of a consumer', scopes),
  delete: rule('placement:allocations:delete', admin, 'Delete the allocations of a consumer', scopes),
  usages: rule(
    'placement:usages',
    'role:admin or (role:reader and project_id:%(project_id)s)',
    "Show a project's usages",
    scopes,
  ),
  candidates: rule('placement:allocation_candidates:list', admin, 'Find where something fits', scopes),
}

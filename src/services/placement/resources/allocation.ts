// Allocations: what a consumer (a server, say) holds of which provider.
import { type TSchema, Type } from 'typebox'
import { c, type RowOf, table } from '#kit/db/table.ts'
import { rule } from '#kit/policy/policy.ts'
import { checked, checkedValue } from './checked.ts'
import { className, inventoryMap, uuid } from './provider.ts'
import { administrator, projectReader, service } from './rule.ts'

export const consumer = table(
  'consumer',
  {
    uuid: c.id(),
    projectId: c.text(255),
    userId: c.text(255),
    /** What it is: INSTANCE, MIGRATION. Null where it was written before versions asked for it. */
    consumerType: c.nullable(c.text(255)),
    generation: c.int(),
    updatedAt: c.time(),
    createdAt: c.time(),
  },
  { primaryKey: ['uuid'], index: [['projectId', 'userId']] },
)
export type Consumer = RowOf<typeof consumer>

/** How a consumer without a type is shown. */
export const unknownType = 'unknown'

export const allocation = table(
  'allocation',
  { consumerUuid: c.id(), providerUuid: c.id(), resourceClass: c.text(255), used: c.int() },
  {
    primaryKey: ['consumerUuid', 'providerUuid', 'resourceClass'],
    index: [['providerUuid', 'resourceClass']],
  },
)
export type Allocation = RowOf<typeof allocation>

const strict = { additionalProperties: false } as const
const owner = Type.String({ minLength: 1, maxLength: 255 })
const amounts = Type.Record(className, Type.Integer({ minimum: 1, maximum: 2 ** 31 - 1 }), {
  ...strict,
  minProperties: 1,
})
const byProvider = (minimum: number) =>
  Type.Record(uuid, Type.Object({ resources: amounts, generation: Type.Optional(Type.Integer()) }, strict), {
    ...strict,
    minProperties: minimum,
  })
const generation = Type.Union([Type.Integer(), Type.Null()])
const consumerType = Type.String({ minLength: 1, maxLength: 255, pattern: '^[A-Z0-9_]+$' })
/** What the candidate said of its groups; taken, so that a candidate can be claimed as it came, and not kept. */
const mappings = Type.Record(
  Type.String({ pattern: '^([a-zA-Z0-9_-]{1,64})?$' }),
  Type.Array(uuid, { minItems: 1, uniqueItems: true }),
  { ...strict, minProperties: 1 },
)

/** Before 1.12 the allocations are a list; from 1.8 on the owner must be named. */
export const allocationsListed = checked({
  allocations: {
    schema: Type.Array(
      Type.Object({ resource_provider: Type.Object({ uuid }, strict), resources: amounts }, strict),
      { minItems: 1 },
    ),
  },
  project_id: { schema: owner, since: '1.8' },
  user_id: { schema: owner, since: '1.8' },
})

/** One consumer's allocations from 1.12 on. From 1.28 on an empty set removes them, with its generation checked. */
const ofOneConsumer = {
  allocations: byProvider(0),
  project_id: owner,
  user_id: owner,
}
const since128 = { ...ofOneConsumer, consumer_generation: generation }
const since134 = { ...since128, mappings: Type.Optional(mappings) }
const since138 = { ...since134, consumer_type: consumerType }

export type ConsumerBody = {
  allocations: Record<string, { resources: Record<string, number> }>
  project_id: string
  user_id: string
  /** From 1.28 on. */
  consumer_generation?: number | null
  /** From 1.38 on. */
  consumer_type?: string
}

export const allocationsReplace = checkedValue<ConsumerBody>(
  ['1.12', Type.Object({ ...ofOneConsumer, allocations: byProvider(1) }, strict)],
  ['1.28', Type.Object(since128, strict)],
  ['1.34', Type.Object(since134, strict)],
  ['1.38', Type.Object(since138, strict)],
)

const byConsumer = (shape: Record<string, TSchema>, minimum: number) =>
  Type.Record(uuid, Type.Object(shape, strict), { ...strict, minProperties: minimum })

export const manyConsumers = checkedValue<Record<string, ConsumerBody>>(
  ['1.13', byConsumer(ofOneConsumer, 1)],
  ['1.28', byConsumer(since128, 1)],
  ['1.34', byConsumer(since134, 1)],
  ['1.38', byConsumer(since138, 1)],
)

export type InventoryBody = {
  total: number
  reserved?: number
  min_unit?: number
  max_unit?: number
  step_size?: number
  allocation_ratio?: number
}
export type ReshapeBody = {
  inventories: Record<
    string,
    { resource_provider_generation: number; inventories: Record<string, InventoryBody> }
  >
  allocations: Record<string, ConsumerBody>
}
const reshaped = (shape: Record<string, TSchema>) =>
  Type.Object(
    {
      inventories: Type.Record(
        uuid,
        Type.Object({ resource_provider_generation: Type.Integer(), inventories: inventoryMap }, strict),
        { ...strict, minProperties: 1 },
      ),
      allocations: byConsumer(shape, 0),
    },
    strict,
  )
export const reshape = checkedValue<ReshapeBody>(
  ['1.30', reshaped(since128)],
  ['1.34', reshaped(since134)],
  ['1.38', reshaped(since138)],
)

const guard = (name: string, what: string) => rule(`placement:${name}`, administrator, what, ['project'])
export const allocationRules = {
  manage: guard('allocations:manage', 'Change the allocations of several consumers'),
  list: guard('allocations:list', 'Show the allocations of a consumer'),
  update: guard('allocations:update', 'Change the allocations of a consumer'),
  delete: guard('allocations:delete', 'Delete the allocations of a consumer'),
  usages: rule('placement:usages', projectReader, "Show a project's usages", ['project']),
  candidates: guard('allocation_candidates:list', 'Find where something fits'),
  reshape: rule(
    'placement:reshaper:reshape',
    service,
    'Move inventories and their allocations between providers in one step',
    ['project'],
  ),
}

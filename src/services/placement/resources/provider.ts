// Resource providers, and what each has: inventories, traits, aggregates. https://docs.openstack.org/api-ref/placement/
import { Type } from 'typebox'
import { c, type RowOf, table } from '#kit/db/table.ts'
import { view } from '#kit/http/view.ts'
import { rule } from '#kit/policy/policy.ts'
import { checked, checkedValue, uuidPattern } from './checked.ts'
import { administrator } from './rule.ts'

export const provider = table(
  'resource_provider',
  {
    uuid: c.id(),
    name: c.text(200),
    /** Raised with each change of what the provider has or of who uses it; a writer must name the one it saw. */
    generation: c.int(),
    /**
     * Raised with each change that leaves the generation. It begins with the time, so that a provider made again under its
     * id is another one: the sum of both is one number for one state of the provider.
     */
    edition: c.bigint(),
    rootUuid: c.id(),
    parentUuid: c.nullable(c.id()),
    updatedAt: c.time(),
    createdAt: c.time(),
  },
  { primaryKey: ['uuid'], unique: [['name']], index: [['rootUuid'], ['parentUuid', 'uuid']] },
)
export type Provider = RowOf<typeof provider>

export const inventory = table(
  'inventory',
  {
    providerUuid: c.id(),
    resourceClass: c.text(255),
    total: c.int(),
    reserved: c.int(),
    minUnit: c.int(),
    maxUnit: c.int(),
    stepSize: c.int(),
    allocationRatio: c.real(),
    /** floor((total - reserved) x ratio): kept, so that a claim is one conditional update. */
    capacity: c.bigint(),
    /** The sum of the allocations, kept in the same transaction as they are. */
    used: c.bigint(),
    updatedAt: c.time(),
  },
  { primaryKey: ['providerUuid', 'resourceClass'], index: [['resourceClass']] },
)
export type Inventory = RowOf<typeof inventory>

export const providerTrait = table(
  'resource_provider_trait',
  { providerUuid: c.id(), trait: c.text(255) },
  { primaryKey: ['providerUuid', 'trait'], index: [['trait']] },
)

export const providerAggregate = table(
  'resource_provider_aggregate',
  { providerUuid: c.id(), aggregateUuid: c.id() },
  { primaryKey: ['providerUuid', 'aggregateUuid'], index: [['aggregateUuid']] },
)

export const uuid = Type.String({ pattern: uuidPattern })
const name = { schema: Type.String({ minLength: 1, maxLength: 200 }) }
const parent = { schema: Type.Union([uuid, Type.Null()]), optional: true, since: '1.14' } as const

export const providerCreate = checked({
  name,
  uuid: { schema: uuid, optional: true },
  parent_provider_uuid: parent,
})
export const providerUpdate = checked({ name, parent_provider_uuid: parent })

const whole = (minimum: number) => Type.Integer({ minimum, maximum: 2 ** 31 - 1 })
const inventoryFields = {
  total: whole(1),
  reserved: Type.Optional(whole(0)),
  min_unit: Type.Optional(whole(1)),
  max_unit: Type.Optional(whole(1)),
  step_size: Type.Optional(whole(1)),
  allocation_ratio: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 3.4e38 })),
}
export const className = Type.String({ minLength: 1, maxLength: 255, pattern: '^[A-Z0-9_]+$' })

const generation = { schema: Type.Integer() }
/** Inventories by class. */
export const inventoryMap = Type.Record(
  className,
  Type.Object(inventoryFields, { additionalProperties: false }),
  { additionalProperties: false },
)
export const inventoriesReplace = checked({
  resource_provider_generation: generation,
  inventories: { schema: inventoryMap },
})
const oneInventory = {
  resource_provider_generation: generation,
  total: { schema: inventoryFields.total },
  reserved: { schema: whole(0), optional: true },
  min_unit: { schema: whole(1), optional: true },
  max_unit: { schema: whole(1), optional: true },
  step_size: { schema: whole(1), optional: true },
  allocation_ratio: { schema: inventoryFields.allocation_ratio, optional: true },
} as const
export const inventoryReplace = checked(oneInventory)
export const inventoryCreate = checked({
  ...oneInventory,
  resource_provider_generation: { ...generation, optional: true },
  resource_class: { schema: className },
})
export const traitsReplace = checked({
  resource_provider_generation: generation,
  traits: { schema: Type.Array(className, { uniqueItems: true }) },
})
/** From 1.19 on; before, the body is the list alone. */
export const aggregatesReplace = checked({
  resource_provider_generation: generation,
  aggregates: { schema: Type.Array(uuid, { uniqueItems: true }) },
})
export const aggregateList = checkedValue<string[]>(['1.1', Type.Array(uuid, { uniqueItems: true })])

const linkNames: [string, string][] = [
  ['inventories', '1.0'],
  ['usages', '1.0'],
  ['aggregates', '1.1'],
  ['traits', '1.6'],
  ['allocations', '1.11'],
]

export const providerView = view<Provider>()({
  uuid: (p) => p.uuid,
  name: (p) => p.name,
  generation: (p) => p.generation,
  parent_provider_uuid: { since: '1.14', get: (p) => p.parentUuid },
  root_provider_uuid: { since: '1.14', get: (p) => p.rootUuid },
  links: (p, { version = 0 }) => {
    const self = `/resource_providers/${p.uuid}`
    const links = [{ rel: 'self', href: self }]
    for (const [rel, since] of linkNames) {
      if (version >= Number(since.split('.')[0]) * 1000 + Number(since.split('.')[1]))
        links.push({ rel, href: `${self}/${rel}` })
    }
    return links
  },
})

export const inventoryView = view<Inventory>()({
  total: (i) => i.total,
  reserved: (i) => i.reserved,
  min_unit: (i) => i.minUnit,
  max_unit: (i) => i.maxUnit,
  step_size: (i) => i.stepSize,
  allocation_ratio: (i) => i.allocationRatio,
})

const guard = (name: string, what: string) => rule(`placement:${name}`, administrator, what, ['project'])

export const providerRules = {
  list: guard('resource_providers:list', 'List resource providers'),
  create: guard('resource_providers:create', 'Create a resource provider'),
  show: guard('resource_providers:show', 'Show a resource provider'),
  update: guard('resource_providers:update', 'Change a resource provider'),
  delete: guard('resource_providers:delete', 'Delete a resource provider'),
  usages: guard('resource_providers:usages', "Show a provider's usages"),
  allocations: guard('resource_providers:allocations:list', 'List the allocations of a provider'),
}
export const inventoryRules = {
  list: guard('resource_providers:inventories:list', 'List inventories'),
  create: guard('resource_providers:inventories:create', 'Create an inventory'),
  show: guard('resource_providers:inventories:show', 'Show an inventory'),
  update: guard('resource_providers:inventories:update', 'Change inventories'),
  delete: guard('resource_providers:inventories:delete', 'Delete inventories'),
}
export const aggregateRules = {
  list: guard('resource_providers:aggregates:list', "List a provider's aggregates"),
  update: guard('resource_providers:aggregates:update', "Change a provider's aggregates"),
}
export const providerTraitRules = {
  list: guard('resource_providers:traits:list', "List a provider's traits"),
  update: guard('resource_providers:traits:update', "Change a provider's traits"),
  delete: guard('resource_providers:traits:delete', "Delete a provider's traits"),
}

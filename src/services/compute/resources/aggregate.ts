// Host aggregates: hosts with metadata in common, and through `availability_zone` among it the zones.
import { Type } from 'typebox'
import { c, type RowOf, table } from '#kit/db/table.ts'
import { body } from '#kit/http/body.ts'
import { view } from '#kit/http/view.ts'
import { admin, anyone, rules } from './policy.ts'
import { hostName, metadataKey, name255, nullable } from './schema.ts'
import { inMicroseconds, orNull } from './time.ts'

export const aggregate = table(
  'aggregate',
  {
    number: c.autoId(),
    id: c.id(),
    name: c.text(255),
    hosts: c.json<string[]>(),
    /** With the zone as `availability_zone`. */
    metadata: c.json<Record<string, string>>(),
    createdAt: c.time(),
    updatedAt: c.nullable(c.time()),
  },
  { unique: [['id'], ['name']] },
)
export type Aggregate = RowOf<typeof aggregate>

// A colon would make `zone:host` ambiguous.
const zonePattern = '^[^:\\s]([^:]*[^:\\s])?$'
const zone = Type.String({ minLength: 1, maxLength: 255, pattern: zonePattern })
export const isZoneName = (text: string) => new RegExp(zonePattern).test(text)
export const aggregateCreate = body('aggregate', {
  name: { schema: name255 },
  availability_zone: { schema: nullable(zone), optional: true },
})
export const aggregateUpdate = body('aggregate', {
  name: { schema: name255, optional: true },
  availability_zone: { schema: nullable(zone), optional: true },
})
export const aggregateHost = (wrapper: string) => body(wrapper, { host: { schema: hostName } })
export const aggregateMetadata = body('set_metadata', {
  metadata: {
    schema: Type.Unsafe<Record<string, string | null>>({
      type: 'object',
      patternProperties: { [metadataKey]: { type: ['string', 'null'], maxLength: 255 } },
      additionalProperties: false,
    }),
  },
})

const flat = {
  id: (a: Aggregate) => a.number,
  name: (a: Aggregate) => a.name,
  availability_zone: (a: Aggregate) => a.metadata.availability_zone ?? null,
  created_at: (a: Aggregate) => inMicroseconds(a.createdAt),
  updated_at: (a: Aggregate) => orNull(inMicroseconds, a.updatedAt),
  deleted: () => false,
  deleted_at: () => null,
  uuid: { since: '2.41', get: (a: Aggregate) => a.id },
}
export const aggregateView = view<Aggregate>()({
  ...flat,
  hosts: (a) => a.hosts,
  metadata: (a) => a.metadata,
})
/** A create's answer knows of no hosts. */
export const aggregateCreated = view<Aggregate>()(flat)

export const aggregateRules = rules({
  list: ['os_compute_api:os-aggregates:index', admin, 'List aggregates'],
  show: ['os_compute_api:os-aggregates:show', admin, 'Show an aggregate'],
  create: ['os_compute_api:os-aggregates:create', admin, 'Create an aggregate'],
  update: ['os_compute_api:os-aggregates:update', admin, 'Change an aggregate'],
  delete: ['os_compute_api:os-aggregates:delete', admin, 'Delete an aggregate'],
  addHost: ['os_compute_api:os-aggregates:add_host', admin, 'Add a host to an aggregate'],
  removeHost: ['os_compute_api:os-aggregates:remove_host', admin, 'Remove a host from an aggregate'],
  setMetadata: ['os_compute_api:os-aggregates:set_metadata', admin, "Change an aggregate's metadata"],
  zones: ['os_compute_api:os-availability-zone:list', anyone, 'List availability zones'],
  zonesDetail: [
    'os_compute_api:os-availability-zone:detail',
    admin,
    'List availability zones with their hosts',
  ],
})

// Flavors: sizes that servers come in, with extra specs and, where not public, the projects that may use them.
import { Type } from 'typebox'
import { c, type RowOf, table } from '#kit/db/table.ts'
import { body } from '#kit/http/body.ts'
import { version } from '#kit/http/version.ts'
import { view } from '#kit/http/view.ts'
import { admin, reader, rules } from './policy.ts'
import { bool, name255, nullable, whole } from './schema.ts'

export const flavor = table(
  'flavor',
  {
    /** Free text of the administrator's own: '0', 'm1.tiny', a UUID. */
    id: c.text(255),
    name: c.text(255),
    vcpus: c.int(),
    memoryMb: c.int(),
    rootGb: c.int(),
    ephemeralGb: c.int(),
    swapMb: c.int(),
    rxtxFactor: c.real(),
    isPublic: c.bool(),
    description: c.nullable(c.text()),
    extraSpecs: c.json<Record<string, string>>(),
    createdAt: c.time(),
  },
  { primaryKey: ['id'], unique: [['name']] },
)
export type Flavor = RowOf<typeof flavor>

export const flavorAccess = table(
  'flavor_access',
  { flavorId: c.text(255), projectId: c.text(64) },
  { primaryKey: ['flavorId', 'projectId'], index: [['projectId']] },
)

const description = nullable(Type.String({ maxLength: 65_535 }))
const number = Type.Unsafe<number | string>({ type: ['number', 'string'], pattern: '^[0-9]+(\\.[0-9]+)?$' })

export const flavorCreate = body('flavor', {
  name: { schema: name255 },
  id: {
    schema: Type.Unsafe<string | number | null>({
      type: ['string', 'number', 'null'],
      minLength: 1,
      maxLength: 255,
      pattern: '^(?! )[a-zA-Z0-9. _-]+(?<! )$',
    }),
    optional: true,
  },
  ram: { schema: whole },
  vcpus: { schema: whole },
  disk: { schema: whole },
  'OS-FLV-EXT-DATA:ephemeral': { schema: whole, optional: true, as: 'ephemeral' },
  swap: { schema: whole, optional: true },
  rxtx_factor: { schema: number, optional: true },
  'os-flavor-access:is_public': { schema: bool, optional: true, as: 'isPublic' },
  description: { schema: description, since: '2.55', optional: true },
})
export const flavorUpdate = body('flavor', { description: { schema: description } })

const links = (f: Flavor, origin: string | undefined) => [
  { rel: 'self', href: `${origin}/v2.1/flavors/${f.id}` },
  { rel: 'bookmark', href: `${origin}/flavors/${f.id}` },
]
const brief = {
  id: (f: Flavor) => f.id,
  name: (f: Flavor) => f.name,
  links: (f: Flavor, { origin }: { origin?: string }) => links(f, origin),
  description: { since: '2.55', get: (f: Flavor) => f.description },
}
export const flavorBrief = view<Flavor>()(brief)

export const flavorView = view<Flavor>()({
  ...brief,
  ram: (f) => f.memoryMb,
  disk: (f) => f.rootGb,
  vcpus: (f) => f.vcpus,
  // Empty rather than 0 until 2.75, as Nova has it since its first API.
  swap: (f, { version: at }) => (f.swapMb === 0 && at !== undefined && at < version('2.75') ? '' : f.swapMb),
  'OS-FLV-EXT-DATA:ephemeral': (f) => f.ephemeralGb,
  'OS-FLV-DISABLED:disabled': () => false,
  'os-flavor-access:is_public': (f) => f.isPublic,
  rxtx_factor: (f) => f.rxtxFactor,
  extra_specs: { since: '2.61', get: (f) => f.extraSpecs },
})

export const flavorRules = rules({
  create: ['os_compute_api:os-flavor-manage:create', admin, 'Create a flavor'],
  update: ['os_compute_api:os-flavor-manage:update', admin, 'Change the description of a flavor'],
  delete: ['os_compute_api:os-flavor-manage:delete', admin, 'Delete a flavor'],
  access: ['os_compute_api:os-flavor-access', admin, 'See which projects may use a flavor'],
  addAccess: ['os_compute_api:os-flavor-access:add_tenant_access', admin, 'Let a project use a flavor'],
  removeAccess: [
    'os_compute_api:os-flavor-access:remove_tenant_access',
    admin,
    "End a project's use of a flavor",
  ],
  specList: ['os_compute_api:os-flavor-extra-specs:index', reader, 'List the extra specs of a flavor'],
  specShow: ['os_compute_api:os-flavor-extra-specs:show', reader, 'Show an extra spec of a flavor'],
  specCreate: ['os_compute_api:os-flavor-extra-specs:create', admin, 'Add extra specs to a flavor'],
  specUpdate: ['os_compute_api:os-flavor-extra-specs:update', admin, 'Change an extra spec of a flavor'],
  specDelete: ['os_compute_api:os-flavor-extra-specs:delete', admin, 'Remove an extra spec of a flavor'],
})

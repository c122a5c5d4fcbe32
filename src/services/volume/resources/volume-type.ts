// Volume types, their extra specs, and who may use those that aren't public.
import { Type } from 'typebox'
import { c, type RowOf, table } from '#kit/db/table.ts'
import { body } from '#kit/http/body.ts'
import { view } from '#kit/http/view.ts'
import { admin, member, reader, rules } from './policy.ts'
import { bool, extraSpecs, text255 } from './schema.ts'

export const volumeType = table(
  'volume_type',
  {
    id: c.id(),
    name: c.text(255),
    description: c.nullable(c.text(255)),
    isPublic: c.bool(),
    extraSpecs: c.json<Record<string, string | null>>(),
    updatedAt: c.nullable(c.time()),
    createdAt: c.time(),
  },
  { unique: [['name']] },
)
export type VolumeType = RowOf<typeof volumeType>

export const volumeTypeAccess = table(
  'volume_type_access',
  { typeId: c.id(), projectId: c.text(64) },
  { primaryKey: ['typeId', 'projectId'] },
)

const name = Type.String({ minLength: 1, maxLength: 255, pattern: '\\S' })
export const volumeTypeCreate = body(
  'volume_type',
  {
    name: { schema: name },
    description: { schema: text255, optional: true },
    extra_specs: { schema: Type.Union([extraSpecs, Type.Null()]), optional: true },
    'os-volume-type-access:is_public': { schema: bool, optional: true, as: 'isPublic' },
  },
  { extra: 'refuse' },
)
export const volumeTypeUpdate = body('volume_type', {
  name: { schema: Type.Union([name, Type.Null()]), optional: true },
  description: { schema: text255, optional: true },
  is_public: { schema: bool, optional: true },
})
export const extraSpecsBody = body(null, { extra_specs: { schema: extraSpecs } })
const project = { project: { schema: Type.String({ minLength: 1, maxLength: 64 }) } }
export const accessAdd = body('addProjectAccess', project)
export const accessRemove = body('removeProjectAccess', project)

/** Extra specs are shown to those who may see them; a name that begins with a known word is for all. */
export type ShownType = VolumeType & { shownSpecs: Record<string, string | null> | undefined; admin: boolean }
export const volumeTypeView = view<ShownType>()({
  id: (t) => t.id,
  name: (t) => t.name,
  description: (t) => t.description,
  is_public: (t) => t.isPublic,
  'os-volume-type-access:is_public': (t) => t.isPublic,
  extra_specs: (t) => t.shownSpecs,
  qos_specs_id: (t) => (t.admin ? null : undefined),
})
/** The answer to a creation has no qos_specs_id, that to a change no access attribute. */
export const volumeTypeMade = view<VolumeType>()({
  id: (t) => t.id,
  name: (t) => t.name,
  description: (t) => t.description,
  is_public: (t) => t.isPublic,
  'os-volume-type-access:is_public': (t) => t.isPublic,
  extra_specs: (t) => t.extraSpecs,
})
export const volumeTypeChanged = view<VolumeType>()({
  id: (t) => t.id,
  name: (t) => t.name,
  description: (t) => t.description,
  is_public: (t) => t.isPublic,
  extra_specs: (t) => t.extraSpecs,
})

/** What any user may see of a type: it says how the type behaves, not where it lies. */
export const openSpecs = new Set(['multiattach', 'RESKEY:availability_zones', 'replication_enabled'])

export const volumeTypeRules = rules({
  list: ['volume_extension:type_get_all', reader, 'List volume types'],
  show: ['volume_extension:type_get', reader, 'Show a volume type'],
  create: ['volume_extension:type_create', admin, 'Create a volume type'],
  update: ['volume_extension:type_update', admin, 'Change a volume type'],
  delete: ['volume_extension:type_delete', admin, 'Delete a volume type'],
  seeSpecs: ['volume_extension:access_types_extra_specs', reader, "See a volume type's extra specs"],
  seeAllSpecs: [
    'volume_extension:types_extra_specs:read_sensitive',
    admin,
    'See those extra specs that tell of the hosts',
  ],
  seeQos: ['volume_extension:access_types_qos_specs_id', admin, "See a volume type's QoS specs"],
  seeAccess: ['volume_extension:volume_type_access', member, 'See whether a volume type is public'],
  specList: ['volume_extension:types_extra_specs:index', reader, "List a volume type's extra specs"],
  specShow: ['volume_extension:types_extra_specs:show', reader, "Show one of a volume type's extra specs"],
  specCreate: ['volume_extension:types_extra_specs:create', admin, "Add to a volume type's extra specs"],
  specUpdate: ['volume_extension:types_extra_specs:update', admin, "Change a volume type's extra specs"],
  specDelete: ['volume_extension:types_extra_specs:delete', admin, "Remove from a volume type's extra specs"],
  accessList: [
    'volume_extension:volume_type_access:get_all_for_type',
    admin,
    'List the projects that may use a volume type',
  ],
  accessAdd: [
    'volume_extension:volume_type_access:addProjectAccess',
    admin,
    'Let a project use a volume type',
  ],
  accessRemove: [
    'volume_extension:volume_type_access:removeProjectAccess',
    admin,
    'Stop a project from using a volume type',
  ],
})

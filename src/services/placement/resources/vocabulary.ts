// Resource classes and traits: the standard ones that every placement knows, and CUSTOM_ ones that operators add.
// The classes as os-resource-classes has them; the traits are in standard-trait.ts.
import { Type } from 'typebox'
import { c, table } from '#kit/db/table.ts'
import { rule } from '#kit/policy/policy.ts'
import { checked } from './checked.ts'
import { administrator } from './rule.ts'
import { standardTraits } from './standard-trait.ts'

export const standardClasses: readonly string[] = [
  'VCPU',
  'MEMORY_MB',
  'DISK_GB',
  'PCI_DEVICE',
  'SRIOV_NET_VF',
  'NUMA_SOCKET',
  'NUMA_CORE',
  'NUMA_THREAD',
  'NUMA_MEMORY_MB',
  'IPV4_ADDRESS',
  'VGPU',
  'VGPU_DISPLAY_HEAD',
  'NET_BW_EGR_KILOBIT_PER_SEC',
  'NET_BW_IGR_KILOBIT_PER_SEC',
  'PCPU',
  'MEM_ENCRYPTION_CONTEXT',
  'FPGA',
  'PGPU',
  'NET_PACKET_RATE_KILOPACKET_PER_SEC',
  'NET_PACKET_RATE_EGR_KILOPACKET_PER_SEC',
  'NET_PACKET_RATE_IGR_KILOPACKET_PER_SEC',
]

const knownClasses = new Set(standardClasses)
const knownTraits = new Set(standardTraits)
export const isStandardClass = (name: string) => knownClasses.has(name)
export const isStandardTrait = (name: string) => knownTraits.has(name)

export const resourceClass = table(
  'resource_class',
  { name: c.text(255), createdAt: c.time() },
  { primaryKey: ['name'] },
)
export const trait = table('trait', { name: c.text(255), createdAt: c.time() }, { primaryKey: ['name'] })

const customName = Type.String({ minLength: 1, maxLength: 255, pattern: '^CUSTOM_[A-Z0-9_]+$' })
export const resourceClassCreate = checked({ name: { schema: customName } })

const guard = (name: string, what: string) => rule(`placement:${name}`, administrator, what, ['project'])
export const classRules = {
  list: guard('resource_classes:list', 'List resource classes'),
  create: guard('resource_classes:create', 'Create a resource class'),
  show: guard('resource_classes:show', 'Show a resource class'),
  update: guard('resource_classes:update', 'Create or rename a resource class'),
  delete: guard('resource_classes:delete', 'Delete a resource class'),
}
export const traitRules = {
  list: guard('traits:list', 'List traits'),
  show: guard('traits:show', 'Show a trait'),
  update: guard('traits:update', 'Create a trait'),
  delete: guard('traits:delete', 'Delete a trait'),
}

// Resource classes and traits: the standard ones that every placement knows, and CUSTOM_ ones that operators add.
// Names from os-resource-classes and os-traits; of the traits, those that Nimbo's hosts can report.
import { Type } from 'typebox'
import { c, table } from '#kit/db/table.ts'
import { rule } from '#kit/policy/policy.ts'
import { checked } from './checked.ts'

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

const cpuFlags = [
  'SSE',
  'SSE2',
  'SSE3',
  'SSSE3',
  'SSE41',
  'SSE42',
  'SSE4A',
  'AVX',
  'AVX2',
  'F16C',
  'FMA3',
  'AESNI',
  'BMI',
  'BMI2',
  'SVM',
  'VMX',
  'SHA',
  'CLMUL',
  'MMX',
  'ABM',
  'AVX512F',
  'AVX512BW',
  'AVX512CD',
  'AVX512DQ',
  'AVX512VL',
  'AMD_SVM',
  'INTEL_VMX',
]

export const standardTraits: readonly string[] = [
  ...cpuFlags.map((flag) => `HW_CPU_X86_${flag}`),
  'HW_CPU_HYPERTHREADING',
  'HW_NUMA_ROOT',
  'HW_ARCH_X86_64',
  'HW_ARCH_AARCH64',
  'COMPUTE_NODE',
  'COMPUTE_STATUS_DISABLED',
  'COMPUTE_TRUSTED_CERTS',
  'COMPUTE_ACCELERATORS',
  'COMPUTE_RESCUE_BFV',
  'COMPUTE_DEVICE_TAGGING',
  'COMPUTE_NET_ATTACH_INTERFACE',
  'COMPUTE_NET_ATTACH_INTERFACE_WITH_TAG',
  'COMPUTE_VOLUME_ATTACH',
  'COMPUTE_VOLUME_ATTACH_WITH_TAG',
  'COMPUTE_VOLUME_EXTEND',
  'COMPUTE_VOLUME_MULTI_ATTACH',
  'COMPUTE_CONFIG_DRIVE_REGENERATION',
  'COMPUTE_SOCKET_PCI_NUMA_AFFINITY',
  'COMPUTE_REMOTE_MANAGED_PORTS',
  'COMPUTE_NET_VIF_MODEL_VIRTIO',
  'COMPUTE_NET_VIF_MODEL_E1000',
  'COMPUTE_NET_VIF_MODEL_RTL8139',
  'COMPUTE_STORAGE_BUS_VIRTIO',
  'COMPUTE_STORAGE_BUS_IDE',
  'COMPUTE_STORAGE_BUS_SCSI',
  'COMPUTE_STORAGE_BUS_USB',
  'COMPUTE_GRAPHICS_MODEL_VGA',
  'COMPUTE_GRAPHICS_MODEL_VIRTIO',
  'COMPUTE_SECURITY_UEFI_SECURE_BOOT',
  'COMPUTE_SECURITY_TPM_2_0',
  ...['AKI', 'AMI', 'ARI', 'ISO', 'QCOW2', 'RAW', 'VDI', 'VHD', 'VHDX', 'VMDK', 'PLOOP'].map(
    (format) => `COMPUTE_IMAGE_TYPE_${format}`,
  ),
  'MISC_SHARES_VIA_AGGREGATE',
  'STORAGE_DISK_SSD',
  'STORAGE_DISK_HDD',
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

const guard = (name: string, what: string) =>
  rule(`placement:${name}`, 'role:admin', what, ['system', 'project'])
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

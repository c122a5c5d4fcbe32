// What a host tells of itself: capacity for placement, capabilities as traits, and that it is alive.
import type { HostReport } from '#contracts/compute.ts'
import type { VirtInfo } from '#drivers/virt/load.ts'
import type { Parts } from './parts.ts'

export async function hostReport(parts: Parts, startedAt: number): Promise<HostReport> {
  const { driver, host, config } = parts
  const info = await driver.info()
  const guests = await driver.list()
  return {
    host,
    hypervisorType: info.hypervisorType,
    hypervisorVersion: info.hypervisorVersion,
    architecture: info.architecture,
    accel: info.accel,
    cpuModel: info.cpuModel,
    hostIp: config.consoleAddress,
    vcpus: info.vcpus,
    memoryMb: info.memoryMb,
    diskGb: info.diskGb,
    traits: traitsOf(info),
    runningGuests: guests.filter((guest) => guest.power === 'running').length,
    startedAt,
  }
}

function traitsOf({ architecture, accel, capabilities }: VirtInfo): string[] {
  return [
    'COMPUTE_NODE',
    architecture === 'x86_64' ? 'HW_ARCH_X86_64' : 'HW_ARCH_AARCH64',
    ...(accel === 'kvm' ? ['HW_CPU_X86_VMX'] : []),
    ...(capabilities.hotplugVolume ? ['COMPUTE_VOLUME_ATTACH'] : []),
    ...(capabilities.hotplugInterface ? ['COMPUTE_NET_ATTACH_INTERFACE'] : []),
    'COMPUTE_NET_VIF_MODEL_VIRTIO',
    'COMPUTE_STORAGE_BUS_VIRTIO',
    ...['AKI', 'AMI', 'ARI', 'ISO', 'QCOW2', 'RAW', 'VDI', 'VHD', 'VMDK'].map(
      (format) => `COMPUTE_IMAGE_TYPE_${format}`,
    ),
  ]
}

// What a simulated guest says on its serial console: the lines that people and tests look for in a real CirrOS.
import type { GuestSpec } from '../driver.ts'

/** EC2 name of a server, from its number: i-0000002a. */
function ec2Id(number: number): string {
  return `i-${number.toString(16).padStart(8, '0')}`
}

/** One boot of the guest, from the kernel's first line to the login prompt. */
export function bootLines(spec: GuestSpec): string {
  const nics = spec.nics.map((nic, index) => `eth${index}: ${nic.mac} mtu ${nic.mtu} up`)
  const lines = [
    '[    0.000000] Linux version 6.1.0-sim (nimbo simulated guest)',
    `[    0.000000] DMI: OpenStack Foundation OpenStack Nova, uuid ${spec.id}`,
    `[    0.012000] smp: ${spec.vcpus} CPU, memory: ${spec.memoryMb}M`,
    ...spec.volumes.map(
      (volume) => `[    0.300000] virtio_blk ${volume.device.replace('/dev/', '')}: serial ${volume.serial}`,
    ),
    'Starting network: udhcpc',
    ...nics,
    ...(spec.configDrive ? ['config drive: mounted LABEL=config-2'] : []),
    'checking http://169.254.169.254/2009-04-04/instance-id',
    `successful after 1/20 tries: up 1.42. iid=${ec2Id(spec.number)}`,
    `=== datasource: ${spec.configDrive ? 'config-drive' : 'ec2 net'} ===`,
    `instance-id: ${ec2Id(spec.number)}`,
    `name: ${spec.name}`,
    `local-hostname: ${spec.hostname}.novalocal`,
    "login as 'cirros' user. use 'sudo' for root.",
    `${spec.hostname} login: `,
  ]
  return lines.join('\n')
}

// What a new cloud knows from the start: the types of resource, and the properties of images and flavors that compute
// understands, as dashboards offer them.
import type { PropertyDefinition } from './metadef-property.ts'

/** As orchestration names them: https://docs.openstack.org/heat/latest/template_guide/openstack.html */
export const stockResourceTypes = [
  'OS::Cinder::Volume',
  'OS::Glance::Image',
  'OS::Nova::Aggregate',
  'OS::Nova::Flavor',
  'OS::Nova::Server',
]

type Stock = {
  namespace: string
  displayName: string
  description: string
  /** Prefix by type of resource. */
  on: Record<string, string>
  properties: Record<string, PropertyDefinition>
}

const choice = (title: string, description: string, values: string[]): PropertyDefinition => ({
  title,
  description,
  type: 'string',
  enum: values,
})
const text = (title: string, description: string): PropertyDefinition => ({
  title,
  description,
  type: 'string',
})
const whole = (title: string, description: string, minimum: number): PropertyDefinition => ({
  title,
  description,
  type: 'integer',
  minimum,
})
const both = { 'OS::Glance::Image': 'hw_', 'OS::Nova::Flavor': 'hw:' }
const images = { 'OS::Glance::Image': '' }

export const stockNamespaces: Stock[] = [
  {
    namespace: 'OS::Compute::LibvirtImage',
    displayName: 'Virtual hardware by image',
    description: 'Devices that a server gets because its image asks for them.',
    on: images,
    properties: {
      hw_disk_bus: choice('Disk bus', 'The bus to which disks are attached.', [
        'virtio',
        'scsi',
        'sata',
        'ide',
        'usb',
      ]),
      hw_cdrom_bus: choice('CD-ROM bus', 'The bus to which CD-ROM drives are attached.', [
        'sata',
        'scsi',
        'ide',
        'usb',
      ]),
      hw_scsi_model: choice('SCSI controller', 'The controller that disks on the SCSI bus get.', [
        'virtio-scsi',
      ]),
      hw_vif_model: choice('Network card', 'The card that a guest sees for each of its ports.', [
        'virtio',
        'e1000',
        'e1000e',
        'rtl8139',
      ]),
      hw_vif_multiqueue_enabled: choice(
        'Several queues for each card',
        'Whether a card gets one queue for each processor.',
        ['true', 'false'],
      ),
      hw_video_model: choice('Graphics card', 'The graphics card of the console.', [
        'virtio',
        'vga',
        'cirrus',
        'qxl',
        'none',
      ]),
      hw_machine_type: text('Machine type', 'The machine that is emulated, such as q35 or pc.'),
      hw_firmware_type: choice('Firmware', 'What starts the guest.', ['bios', 'uefi']),
      hw_rng_model: choice('Random numbers', 'The device from which a guest takes random numbers.', [
        'virtio',
      ]),
      hw_qemu_guest_agent: choice('Guest agent', 'Whether the channel to an agent inside is there.', [
        'yes',
        'no',
      ]),
      os_require_quiesce: choice(
        'Quiet while copied',
        'Whether file systems must be frozen for a snapshot.',
        ['yes', 'no'],
      ),
    },
  },
  {
    namespace: 'OS::Compute::Hypervisor',
    displayName: 'Kind of host',
    description: 'On which kind of host a server made from the image may run.',
    on: images,
    properties: {
      architecture: text('Processor', 'The instruction set that the image was built for, such as x86_64.'),
      hypervisor_type: choice('Hypervisor', 'The hypervisor that the image needs.', ['kvm', 'qemu']),
      vm_mode: choice('Mode', 'How the guest sees its machine.', ['hvm']),
    },
  },
  {
    namespace: 'OS::Compute::VirtCPUTopology',
    displayName: 'Shape of the processors',
    description: 'How the processors of a server are shown to its guest.',
    on: both,
    properties: {
      cpu_sockets: whole('Sockets', 'How many sockets the guest should see.', 1),
      cpu_cores: whole('Cores', 'How many cores each socket should have.', 1),
      cpu_threads: whole('Threads', 'How many threads each core should have.', 1),
      cpu_max_sockets: whole('Most sockets', 'How many sockets the guest may see at most.', 1),
      cpu_max_cores: whole('Most cores', 'How many cores a socket may have at most.', 1),
      cpu_max_threads: whole('Most threads', 'How many threads a core may have at most.', 1),
    },
  },
  {
    namespace: 'OS::Compute::GuestMemoryBacking',
    displayName: 'Memory pages',
    description: 'Which pages of the host back the memory of a server.',
    on: both,
    properties: {
      mem_page_size: text('Page size', 'small, large, any, or a size in KiB.'),
    },
  },
  {
    namespace: 'OS::Compute::CPUPinning',
    displayName: 'Processors of its own',
    description: 'Whether a server shares the processors of its host.',
    on: both,
    properties: {
      cpu_policy: choice('Sharing', 'Whether processors are shared with other servers.', [
        'shared',
        'dedicated',
      ]),
      cpu_thread_policy: choice('Sibling threads', 'What becomes of threads beside a dedicated one.', [
        'prefer',
        'isolate',
        'require',
      ]),
    },
  },
  {
    namespace: 'OS::Compute::Watchdog',
    displayName: 'Watchdog',
    description: 'What happens to a server whose guest hangs.',
    on: both,
    properties: {
      watchdog_action: choice('Action', 'What is done once the guest stops answering.', [
        'disabled',
        'reset',
        'poweroff',
        'pause',
        'none',
      ]),
    },
  },
  {
    namespace: 'OS::Compute::Quota',
    displayName: 'Shares of a host',
    description: 'How much of its host a server of the flavor may take.',
    on: { 'OS::Nova::Flavor': 'quota:' },
    properties: {
      cpu_shares: whole('Processor shares', 'Weight against other servers of the host.', 1),
      cpu_period: whole('Processor period', 'Length of the period in microseconds.', 1000),
      cpu_quota: whole('Processor quota', 'Microseconds of a period that may be used.', 1000),
      disk_read_bytes_sec: whole('Disk reading', 'Bytes read in a second at most.', 0),
      disk_write_bytes_sec: whole('Disk writing', 'Bytes written in a second at most.', 0),
      disk_total_iops_sec: whole('Disk operations', 'Operations in a second at most.', 0),
      vif_inbound_average: whole('Receiving', 'KiB received in a second on average.', 0),
      vif_outbound_average: whole('Sending', 'KiB sent in a second on average.', 0),
    },
  },
  {
    namespace: 'OS::OperatingSystem',
    displayName: 'Operating system',
    description: 'What runs in the image, for people and tools that choose one.',
    on: images,
    properties: {
      os_type: choice('Family', 'The family of operating systems.', ['linux', 'windows']),
      os_distro: text('Distribution', 'Short name of the distribution in small letters, such as debian.'),
      os_version: text('Version', 'The version as the distribution counts it.'),
      os_admin_user: text('Administrator', 'The name under which one logs in first.'),
    },
  },
]

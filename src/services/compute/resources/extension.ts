// Extensions: once parts that could be left out, now a fixed list that old clients look into. Each stands for calls
// that are there.
import { view } from '#kit/http/view.ts'
import { anyone, rules } from './policy.ts'

export type Extension = { alias: string; name: string; description: string }

export const extensions: readonly Extension[] = [
  { alias: 'OS-DCF', name: 'DiskConfig', description: 'How a server treats its disk.' },
  {
    alias: 'os-admin-actions',
    name: 'AdminActions',
    description: 'Server actions for administrators: os-resetState.',
  },
  { alias: 'os-aggregates', name: 'Aggregates', description: 'Admin-only aggregate administration.' },
  { alias: 'os-attach-interfaces', name: 'AttachInterfaces', description: 'Attach interface support.' },
  {
    alias: 'os-availability-zone',
    name: 'AvailabilityZone',
    description: 'Availability zones of servers and hosts.',
  },
  {
    alias: 'os-block-device-mapping',
    name: 'BlockDeviceMapping',
    description: 'Volumes as disks of new servers.',
  },
  { alias: 'os-config-drive', name: 'ConfigDrive', description: 'Config drives.' },
  { alias: 'os-console-output', name: 'ConsoleOutput', description: 'Console log output.' },
  { alias: 'os-consoles', name: 'Consoles', description: 'Interactive consoles.' },
  {
    alias: 'os-extended-availability-zone',
    name: 'ExtendedAvailabilityZone',
    description: 'The zone in server details.',
  },
  {
    alias: 'os-extended-server-attributes',
    name: 'ExtendedServerAttributes',
    description: 'Host and instance name in server details.',
  },
  { alias: 'os-extended-status', name: 'ExtendedStatus', description: 'States in server details.' },
  { alias: 'os-extended-volumes', name: 'ExtendedVolumes', description: 'Volumes in server details.' },
  { alias: 'os-flavor-access', name: 'FlavorAccess', description: 'Flavors for some projects only.' },
  { alias: 'os-flavor-extra-specs', name: 'FlavorExtraSpecs', description: 'Extra specs of flavors.' },
  { alias: 'os-flavor-manage', name: 'FlavorManage', description: 'Create and delete flavors.' },
  { alias: 'os-hosts', name: 'Hosts', description: 'Hosts and what is taken of them.' },
  { alias: 'os-hypervisors', name: 'Hypervisors', description: 'Hypervisors and their capacity.' },
  { alias: 'os-instance-actions', name: 'InstanceActions', description: 'What was done with a server.' },
  { alias: 'os-keypairs', name: 'Keypairs', description: 'Key pairs.' },
  { alias: 'os-lock-server', name: 'LockServer', description: 'Lock and unlock servers.' },
  { alias: 'os-multiple-create', name: 'MultipleCreate', description: 'Several servers by one request.' },
  { alias: 'os-pause-server', name: 'PauseServer', description: 'Pause and resume servers.' },
  { alias: 'os-quota-class-sets', name: 'QuotaClasses', description: 'Quota classes.' },
  { alias: 'os-quota-sets', name: 'Quotas', description: 'Quotas of projects and users.' },
  { alias: 'os-remote-consoles', name: 'Consoles', description: 'Interactive consoles.' },
  { alias: 'os-scheduler-hints', name: 'SchedulerHints', description: 'Hints for the scheduler.' },
  { alias: 'os-security-groups', name: 'SecurityGroups', description: 'Security groups of servers.' },
  {
    alias: 'os-server-external-events',
    name: 'ServerExternalEvents',
    description: 'Events from other services.',
  },
  { alias: 'os-server-groups', name: 'ServerGroups', description: 'Server groups.' },
  { alias: 'os-server-usage', name: 'ServerUsage', description: 'Launch and end in server details.' },
  { alias: 'os-services', name: 'Services', description: 'Services of compute.' },
  { alias: 'os-simple-tenant-usage', name: 'SimpleTenantUsage', description: 'What projects have used.' },
  { alias: 'os-used-limits', name: 'UsedLimits', description: 'What is used of limits.' },
  { alias: 'os-user-data', name: 'UserData', description: 'User data.' },
  { alias: 'os-volume-attachments', name: 'VolumeAttachments', description: 'Volumes of servers.' },
]

export const extensionView = view<Extension>()({
  alias: (e) => e.alias,
  name: (e) => e.name,
  description: (e) => e.description,
  links: () => [],
  namespace: () => 'http://docs.openstack.org/compute/ext/fake_xml',
  updated: () => '2014-12-03T00:00:00Z',
})

export const extensionRules = rules({
  list: ['os_compute_api:extensions', anyone, 'List extensions'],
})

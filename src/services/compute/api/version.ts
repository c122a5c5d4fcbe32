// Versions, extensions, and the families of calls that compute once had.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Method } from '#kit/http/route.ts'
import type { Microversions } from '#kit/http/version.ts'
import { type ComputeContext, route } from '../app.ts'

export const microversions: Microversions = {
  type: 'compute',
  min: '2.1',
  max: '2.93',
  legacyHeader: 'X-OpenStack-Nova-API-Version',
}

const self = (origin: string, id: 'v2' | 'v2.1') => ({ rel: 'self', href: `${origin}/${id}/` })
const current = (origin: string) => ({
  id: 'v2.1',
  status: 'CURRENT',
  version: microversions.max,
  min_version: microversions.min,
  updated: '2013-07-23T11:33:21Z',
  links: [self(origin, 'v2.1')],
})
const legacy = (origin: string) => ({
  id: 'v2.0',
  status: 'SUPPORTED',
  version: '',
  min_version: '',
  updated: '2011-01-21T11:33:21Z',
  links: [self(origin, 'v2')],
})
const described = (document: ReturnType<typeof current | typeof legacy>, version: '2' | '2.1') => ({
  ...document,
  links: [...document.links, { rel: 'describedby', type: 'text/html', href: 'http://docs.openstack.org/' }],
  'media-types': [
    { base: 'application/json', type: `application/vnd.openstack.compute+json;version=${version}` },
  ],
})
const showCurrent = async ({ origin }: ComputeContext) => ({ version: described(current(origin), '2.1') })
const showLegacy = async ({ origin }: ComputeContext) => ({ version: described(legacy(origin), '2') })

export const versionRoutes = [
  route('GET', '/', {
    root: true,
    policy: 'public',
    handle: async ({ origin }) => ({ versions: [legacy(origin), current(origin)] }),
  }),
  route('GET', '/v2.1', { root: true, policy: 'public', handle: showCurrent }),
  route('GET', '/v2', { root: true, policy: 'public', handle: showLegacy }),
]

/** What Tempest and old clients look for; each stands for calls that are there. */
const extensions: [alias: string, name: string, words: string][] = [
  ['OS-DCF', 'DiskConfig', 'How a server treats its disk.'],
  ['os-admin-actions', 'AdminActions', 'Server actions for administrators: os-resetState.'],
  ['os-aggregates', 'Aggregates', 'Admin-only aggregate administration.'],
  ['os-attach-interfaces', 'AttachInterfaces', 'Attach interface support.'],
  ['os-availability-zone', 'AvailabilityZone', 'Availability zones of servers and hosts.'],
  ['os-block-device-mapping', 'BlockDeviceMapping', 'Volumes as disks of new servers.'],
  ['os-config-drive', 'ConfigDrive', 'Config drives.'],
  ['os-console-output', 'ConsoleOutput', 'Console log output.'],
  ['os-consoles', 'Consoles', 'Interactive consoles.'],
  ['os-extended-availability-zone', 'ExtendedAvailabilityZone', 'The zone in server details.'],
  ['os-extended-server-attributes', 'ExtendedServerAttributes', 'Host and instance name in server details.'],
  ['os-extended-status', 'ExtendedStatus', 'States in server details.'],
  ['os-extended-volumes', 'ExtendedVolumes', 'Volumes in server details.'],
  ['os-flavor-access', 'FlavorAccess', 'Flavors for some projects only.'],
  ['os-flavor-extra-specs', 'FlavorExtraSpecs', 'Extra specs of flavors.'],
  ['os-flavor-manage', 'FlavorManage', 'Create and delete flavors.'],
  ['os-hypervisors', 'Hypervisors', 'Hypervisors and their capacity.'],
  ['os-instance-actions', 'InstanceActions', 'What was done with a server.'],
  ['os-keypairs', 'Keypairs', 'Key pairs.'],
  ['os-lock-server', 'LockServer', 'Lock and unlock servers.'],
  ['os-multiple-create', 'MultipleCreate', 'Several servers by one request.'],
  ['os-pause-server', 'PauseServer', 'Pause and resume servers.'],
  ['os-quota-class-sets', 'QuotaClasses', 'Quota classes.'],
  ['os-quota-sets', 'Quotas', 'Quotas of projects and users.'],
  ['os-remote-consoles', 'Consoles', 'Interactive consoles.'],
  ['os-scheduler-hints', 'SchedulerHints', 'Hints for the scheduler.'],
  ['os-security-groups', 'SecurityGroups', 'Security groups of servers.'],
  ['os-server-external-events', 'ServerExternalEvents', 'Events from other services.'],
  ['os-server-groups', 'ServerGroups', 'Server groups.'],
  ['os-server-usage', 'ServerUsage', 'Launch and end in server details.'],
  ['os-services', 'Services', 'Services of compute.'],
  ['os-simple-tenant-usage', 'SimpleTenantUsage', 'What projects have used.'],
  ['os-used-limits', 'UsedLimits', 'What is used of limits.'],
  ['os-user-data', 'UserData', 'User data.'],
  ['os-volume-attachments', 'VolumeAttachments', 'Volumes of servers.'],
]
const shownExtension = ([alias, name, description]: (typeof extensions)[number]) => ({
  alias,
  name,
  description,
  links: [],
  namespace: 'http://docs.openstack.org/compute/ext/fake_xml',
  updated: '2014-12-03T00:00:00Z',
})

export const extensionRoutes = [
  route('GET', '/extensions', {
    policy: 'token',
    handle: async () => ({ extensions: extensions.map(shownExtension) }),
  }),
  route('GET', '/extensions/:alias', {
    policy: 'token',
    handle: async (_context, { params }) => {
      const found = extensions.find(([alias]) => alias === params.alias)
      if (!found) throw new CloudError('notFound', 'The resource could not be found.')
      return { extension: shownExtension(found) }
    },
  }),
]

/** Families that Nova itself has taken away: gone at every version. */
const removed = [
  '/os-agents',
  '/os-cells',
  '/os-certificates',
  '/os-cloudpipe',
  '/os-fixed-ips',
  '/os-floating-ip-dns',
  '/os-floating-ips-bulk',
  '/os-fping',
  '/os-networks-associate',
  '/os-security-group-default-rules',
  '/os-virtual-interfaces',
  '/servers/:id/os-virtual-interfaces',
]
const methods: Method[] = ['GET', 'POST', 'PUT', 'DELETE']
const gone = async () => {
  throw new CloudError('gone', 'This API has been removed.')
}
export const removedRoutes = removed.flatMap((path) =>
  methods.flatMap((method) => [
    route(method, path, { policy: 'token', handle: gone }),
    route(method, `${path}/:item`, { policy: 'token', handle: gone }),
  ]),
)

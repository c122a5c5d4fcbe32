// Where clients start: the versions, and the extensions that stand for what this service can do.
import { answer } from '#kit/http/route.ts'
import type { Microversions } from '#kit/http/version.ts'
import { route } from '../app.ts'

export const microversions: Microversions = { type: 'volume', min: '3.0', max: '3.70' }

const versions = (origin: string) => ({
  versions: [
    {
      id: 'v3.0',
      status: 'CURRENT',
      min_version: microversions.min,
      version: microversions.max,
      updated: '2022-08-31T00:00:00Z',
      links: [
        { rel: 'describedby', type: 'text/html', href: 'https://docs.openstack.org/' },
        { rel: 'self', href: `${origin}/v3/` },
      ],
      'media-types': [{ base: 'application/json', type: 'application/vnd.openstack.volume+json;version=3' }],
    },
  ],
})

/** Alias, name and the day of the extension's last change, as clients know them. */
const extensions: [alias: string, name: string, updated: string, description: string][] = [
  ['os-vol-tenant-attr', 'VolumeTenantAttribute', '2011-11-03', 'Shows the project of a volume.'],
  ['os-vol-host-attr', 'VolumeHostAttribute', '2011-11-03', 'Shows the host of a volume.'],
  ['os-vol-mig-status-attr', 'VolumeMigStatusAttribute', '2013-08-08', 'Shows whether a volume migrates.'],
  ['os-vol-image-meta', 'VolumeImageMetadata', '2012-12-07', 'Shows what the image of a volume said.'],
  ['os-volume-actions', 'VolumeActions', '2012-05-31', 'Actions on volumes.'],
  ['os-admin-actions', 'AdminActions', '2012-08-25', 'Actions for administrators.'],
  ['os-extended-services', 'ExtendedServices', '2014-01-10', 'More about services.'],
  ['os-services', 'Services', '2012-10-28', 'Services and their states.'],
  ['os-hosts', 'Hosts', '2011-06-29', 'Volume hosts.'],
  ['os-availability-zone', 'AvailabilityZones', '2013-06-27', 'Availability zones.'],
  ['os-quota-sets', 'Quotas', '2011-08-08', 'Quotas of projects.'],
  ['os-quota-class-sets', 'QuotaClasses', '2012-03-12', 'Default quotas.'],
  ['os-used-limits', 'UsedLimits', '2013-10-03', 'What of the limits is used.'],
  ['os-types-manage', 'TypesManage', '2011-08-24', 'Management of volume types.'],
  ['os-types-extra-specs', 'TypesExtraSpecs', '2011-08-24', 'Extra specs of volume types.'],
  ['os-volume-type-access', 'VolumeTypeAccess', '2014-06-26', 'Who may use private volume types.'],
  ['scheduler-stats', 'Scheduler_stats', '2014-09-07', 'Room on volume hosts.'],
]

const described = extensions.map(([alias, name, day, description]) => ({
  alias,
  name,
  description,
  updated: `${day}T00:00:00+00:00`,
  links: [],
}))

export const discoveryRoutes = [
  route('GET', '/', {
    root: true,
    policy: 'public',
    handle: async ({ origin }) => answer({ status: 300, body: versions(origin) }),
  }),
  route('GET', '/v3', {
    root: true,
    policy: 'public',
    handle: async ({ origin }) => versions(origin),
  }),
  route('GET', '/extensions', { policy: 'token', handle: async () => ({ extensions: described }) }),
  route('GET', '/extensions/:alias', {
    policy: 'token',
    handle: async (_, { params }) => {
      const extension = described.find((each) => each.alias === params.alias)
      return extension
        ? { extension }
        : answer({
            status: 404,
            body: { itemNotFound: { code: 404, message: 'There is no such extension.' } },
          })
    },
  }),
]

// How a server is shown: by version, and by what the caller may see.
import { createHash } from 'node:crypto'
import { version } from '#kit/http/version.ts'
import { view } from '#kit/http/view.ts'
import type { BlockDevice } from './block-device.ts'
import { type Server, type ServerAddress, statusOf } from './server.ts'
import { inMicroseconds, inSeconds, orNull } from './time.ts'

/** A server with what its own row doesn't hold. */
export type ShownServer = Server & {
  volumes: readonly BlockDevice[]
  zone: string
  hostStatus: string
  /** The caller may see where it runs and its name there. */
  seesExtended: boolean
  seesHostStatus: boolean
  seesSpecs: boolean
  /** Groups of 2.71; undefined where a list is shown. */
  groups?: string[]
}

type Links = { rel: string; href: string }[]
export function serverLinks(s: { id: string }, origin: string | undefined): Links {
  return [
    { rel: 'self', href: `${origin}/v2.1/servers/${s.id}` },
    { rel: 'bookmark', href: `${origin}/servers/${s.id}` },
  ]
}

const hostIds = new Map<string, string>()
/** The same for the servers of a project on one host, and telling nothing of the host. */
export function hostIdOf(s: { projectId: string; host: string | null }): string {
  if (s.host === null) return ''
  const key = s.projectId + s.host
  let id = hostIds.get(key)
  if (id === undefined) {
    if (hostIds.size > 10_000) hostIds.clear()
    id = createHash('sha224').update(key).digest('hex')
    hostIds.set(key, id)
  }
  return id
}

export const instanceName = (number: number) => `instance-${number.toString(16).padStart(8, '0')}`

type ShownAddress = {
  version: number
  addr: string
  'OS-EXT-IPS:type': string
  'OS-EXT-IPS-MAC:mac_addr': string
}
function addressesByNetwork(addresses: readonly ServerAddress[]): Record<string, ShownAddress[]> {
  const networks: Record<string, ShownAddress[]> = {}
  for (const each of addresses) {
    networks[each.network] ??= []
    for (const ip of each.ips)
      networks[each.network]!.push({
        version: ip.version,
        addr: ip.address,
        'OS-EXT-IPS:type': ip.type,
        'OS-EXT-IPS-MAC:mac_addr': each.mac,
      })
  }
  return networks
}

/** Without the MAC and the type, which only server details add. */
export function plainAddresses(
  addresses: readonly ServerAddress[],
): Record<string, { version: number; addr: string }[]> {
  const shown = Object.entries(addressesByNetwork(addresses))
  return Object.fromEntries(
    shown.map(([network, list]) => [
      network,
      list.map(({ version: kind, addr }) => ({ version: kind, addr })),
    ]),
  )
}

const withProgress = new Set(['ACTIVE', 'BUILD'])

export const serverBrief = view<Server>()({
  id: (s) => s.id,
  name: (s) => s.name,
  links: (s, { origin }) => serverLinks(s, origin),
})

export const serverView = view<ShownServer>()({
  id: (s) => s.id,
  name: (s) => s.name,
  status: (s) => statusOf(s),
  tenant_id: (s) => s.projectId,
  user_id: (s) => s.userId,
  metadata: (s) => s.metadata,
  hostId: (s) => hostIdOf(s),
  image: (s, { origin }) =>
    s.imageId === null
      ? ''
      : { id: s.imageId, links: [{ rel: 'bookmark', href: `${origin}/images/${s.imageId}` }] },
  flavor: (s, { origin, version: at }) =>
    at !== undefined && at < version('2.47')
      ? { id: s.flavor.id, links: [{ rel: 'bookmark', href: `${origin}/flavors/${s.flavor.id}` }] }
      : {
          vcpus: s.flavor.vcpus,
          ram: s.flavor.memoryMb,
          disk: s.flavor.rootGb,
          ephemeral: s.flavor.ephemeralGb,
          swap: s.flavor.swapMb,
          original_name: s.flavor.name,
          ...(s.seesSpecs && { extra_specs: s.flavor.extraSpecs }),
        },
  created: (s) => inSeconds(s.createdAt),
  updated: (s) => inSeconds(s.updatedAt),
  addresses: (s) => addressesByNetwork(s.addresses),
  accessIPv4: (s) => s.accessIpV4 ?? '',
  accessIPv6: (s) => s.accessIpV6 ?? '',
  links: (s, { origin }) => serverLinks(s, origin),
  'OS-DCF:diskConfig': (s) => s.diskConfig,
  progress: (s) => (withProgress.has(statusOf(s)) ? s.progress : undefined),
  fault: (s) =>
    s.fault && (s.vmState === 'error' || s.vmState === 'deleted')
      ? {
          code: s.fault.code,
          created: inSeconds(s.fault.at),
          message: s.fault.message,
          ...(s.fault.details && s.seesExtended && { details: s.fault.details }),
        }
      : undefined,
  'OS-EXT-AZ:availability_zone': (s) => s.zone,
  config_drive: (s) => (s.configDrive ? 'True' : ''),
  key_name: (s) => s.keyName,
  'OS-SRV-USG:launched_at': (s) => orNull(inMicroseconds, s.launchedAt),
  'OS-SRV-USG:terminated_at': (s) => orNull(inMicroseconds, s.terminatedAt),
  security_groups: (s) =>
    s.securityGroups.length === 0 ? undefined : s.securityGroups.map((name) => ({ name })),
  'OS-EXT-SRV-ATTR:host': (s) => (s.seesExtended ? s.host : undefined),
  'OS-EXT-SRV-ATTR:hypervisor_hostname': (s) => (s.seesExtended ? s.node : undefined),
  'OS-EXT-SRV-ATTR:instance_name': (s) => (s.seesExtended ? instanceName(s.number) : undefined),
  // For administrators from 2.3 on, for all from 2.90.
  'OS-EXT-SRV-ATTR:hostname': {
    since: '2.3',
    get: (s, { version: at }) =>
      s.seesExtended || at === undefined || at >= version('2.90') ? s.hostname : undefined,
  },
  'OS-EXT-SRV-ATTR:reservation_id': {
    since: '2.3',
    get: (s) => (s.seesExtended ? s.reservationId : undefined),
  },
  'OS-EXT-SRV-ATTR:launch_index': { since: '2.3', get: (s) => (s.seesExtended ? s.launchIndex : undefined) },
  'OS-EXT-SRV-ATTR:kernel_id': { since: '2.3', get: (s) => (s.seesExtended ? '' : undefined) },
  'OS-EXT-SRV-ATTR:ramdisk_id': { since: '2.3', get: (s) => (s.seesExtended ? '' : undefined) },
  'OS-EXT-SRV-ATTR:root_device_name': {
    since: '2.3',
    get: (s) => (s.seesExtended ? s.rootDevice : undefined),
  },
  'OS-EXT-SRV-ATTR:user_data': { since: '2.3', get: (s) => (s.seesExtended ? s.userData : undefined) },
  'OS-EXT-STS:task_state': (s) => s.taskState,
  'OS-EXT-STS:vm_state': (s) => s.vmState,
  'OS-EXT-STS:power_state': (s) => s.powerState,
  'os-extended-volumes:volumes_attached': (s, { version: at }) =>
    s.volumes.map((each) =>
      at !== undefined && at < version('2.3')
        ? { id: each.volumeId }
        : { id: each.volumeId, delete_on_termination: each.deleteOnTermination },
    ),
  locked: { since: '2.9', get: (s) => s.lockedBy !== null },
  host_status: { since: '2.16', get: (s) => (s.seesHostStatus ? s.hostStatus : undefined) },
  description: { since: '2.19', get: (s) => s.description },
  tags: { since: '2.26', get: (s) => s.tags },
  trusted_image_certificates: { since: '2.63', get: (s) => s.trustedCertificates },
  server_groups: { since: '2.71', get: (s) => s.groups },
  locked_reason: { since: '2.73', get: (s) => s.lockedReason },
})

/** What PUT answers until 2.74: no attributes of extensions but the disk's. */
const updateFields = new Set(
  (
    'id name status tenant_id user_id metadata hostId image flavor created updated addresses accessIPv4 accessIPv6 links ' +
    'OS-DCF:diskConfig progress fault locked description tags trusted_image_certificates server_groups locked_reason'
  ).split(' '),
)
export function updatedView(
  s: ShownServer,
  shown: { version?: number; origin?: string },
): Record<string, unknown> {
  const whole = serverView(s, shown)
  if (shown.version === undefined || shown.version >= version('2.75')) return whole
  const kept = Object.fromEntries(Object.entries(whole).filter(([name]) => updateFields.has(name)))
  return { ...kept, addresses: plainAddresses(s.addresses) }
}

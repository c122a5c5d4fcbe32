// The OpenStack metadata tree of one guest, by version. Formats: https://docs.openstack.org/nova/latest/user/metadata.html
import type { InstanceFacts } from './facts.ts'
import { networkData } from './network-data.ts'

/** A date names what a guest may expect from that tree on. */
const openstackVersions = [
  '2012-08-10',
  '2013-04-04',
  '2013-10-17',
  '2015-10-15',
  '2016-06-30',
  '2016-10-06',
  '2017-02-22',
  '2018-08-27',
  '2020-10-14',
] as const

export type TreeOptions = {
  /** Behind the hostname, without a leading dot; empty for none. */
  domain: string
  /** Fresh random bytes at each call. */
  random: (count: number) => Buffer
}

type File = {
  name: string
  since: string
  /** Undefined where this guest has no such file. */
  content(facts: InstanceFacts, version: string, options: TreeOptions): Buffer | string | undefined
}

const password = 'password'

/** In the order in which a listing names them (row 196). */
const files: readonly File[] = [
  { name: 'meta_data.json', since: '2012-08-10', content: (...given) => JSON.stringify(metaData(...given)) },
  {
    name: 'user_data',
    since: '2012-08-10',
    content: ({ userData }) => (userData === null ? undefined : Buffer.from(userData, 'base64')),
  },
  { name: password, since: '2013-04-04', content: (facts) => facts.password },
  { name: 'vendor_data.json', since: '2013-10-17', content: () => '{}' },
  { name: 'network_data.json', since: '2015-10-15', content: (facts) => JSON.stringify(networkData(facts)) },
  { name: 'vendor_data2.json', since: '2016-10-06', content: () => '{"static": {}}' },
]

/** The date whose tree a path's first part means, or undefined where there is none. */
export function openstackVersion(name: string | undefined): string | undefined {
  if (name === 'latest') return openstackVersions.at(-1)
  return openstackVersions.find((version) => version === name)
}

/** What stands at `path` below /openstack; text that lists names where it is a folder, undefined where nothing is. */
export function openstackItem(
  facts: InstanceFacts,
  path: readonly string[],
  options: TreeOptions,
): Buffer | string | undefined {
  const [first, name, ...more] = path
  if (first === undefined) return [...openstackVersions, 'latest'].join('\n')
  if (first === 'content') return more.length > 0 ? undefined : content(facts, name)
  const version = openstackVersion(first)
  if (version === undefined || more.length > 0) return undefined
  const there = files.filter((file) => file.since <= version)
  if (name !== undefined) return there.find((file) => file.name === name)?.content(facts, version, options)
  return there
    .filter((file) => file.name !== 'user_data' || facts.userData !== null)
    .map((file) => file.name)
    .join('\n')
}

/** All files by path below the root of a config drive; the password is asked for, never given. */
export function openstackFiles(facts: InstanceFacts, options: TreeOptions): Record<string, Buffer | string> {
  const tree: Record<string, Buffer | string> = {}
  for (const name of [...openstackVersions, 'latest']) {
    const version = openstackVersion(name)!
    for (const file of files) {
      if (file.since > version || file.name === password) continue
      const found = file.content(facts, version, options)
      if (found !== undefined) tree[`openstack/${name}/${file.name}`] = found
    }
  }
  for (const [index] of facts.files.entries()) {
    const name = contentName(index)
    tree[`openstack/content/${name}`] = content(facts, name)!
  }
  return tree
}

const contentName = (index: number) => String(index).padStart(4, '0')

function content(facts: InstanceFacts, name: string | undefined): Buffer | undefined {
  const file = facts.files.find((_, index) => contentName(index) === name)
  return file && Buffer.from(file.contents, 'base64')
}

export function guestHostname(facts: Pick<InstanceFacts, 'hostname'>, domain: string): string {
  return domain === '' ? facts.hostname : `${facts.hostname}.${domain}`
}

function metaData(facts: InstanceFacts, version: string, options: TreeOptions): Record<string, unknown> {
  const { keys, metadata } = facts
  return {
    uuid: facts.id,
    ...(Object.keys(metadata).length > 0 && { meta: metadata }),
    ...(facts.files.length > 0 && {
      files: facts.files.map(({ path }, index) => ({ path, content_path: `/content/${contentName(index)}` })),
    }),
    ...(keys.length > 0 && {
      public_keys: Object.fromEntries(keys.map((key) => [key.name, key.publicKey])),
      keys: keys.map((key) => ({ name: key.name, type: key.type, data: key.publicKey })),
    }),
    hostname: guestHostname(facts, options.domain),
    name: facts.name,
    launch_index: facts.launchIndex,
    availability_zone: facts.availabilityZone,
    ...(version >= '2013-04-04' && { random_seed: options.random(512).toString('base64') }),
    ...(version >= '2015-10-15' && { project_id: facts.projectId }),
    ...(version >= '2016-10-06' && { devices: devices(facts) }),
    ...(version >= '2020-10-14' && { dedicated_cpus: [] }),
  }
}

/** Only devices to which the user gave a tag; where they sit on the bus is the host's affair and not known here. */
function devices(facts: InstanceFacts): Record<string, unknown>[] {
  const place = { bus: 'none', address: 'none' }
  return [
    ...facts.nics
      .filter((nic) => nic.tag !== null)
      .map((nic) => ({ type: 'nic', ...place, mac: nic.mac, tags: [nic.tag] })),
    ...facts.disks
      .filter((disk) => disk.tag !== null)
      .map((disk) => ({
        type: 'disk',
        ...place,
        ...(disk.volumeId !== null && { serial: disk.volumeId }),
        path: disk.device,
        tags: [disk.tag],
      })),
  ]
}

// The EC2-compatible tree, which cirros and older cloud-inits read. Words and listings as EC2's in 2009.
import type { InstanceFacts } from './facts.ts'
import { guestHostname, type TreeOptions } from './openstack.ts'

const ec2Versions = [
  '1.0',
  '2007-01-19',
  '2007-03-01',
  '2007-08-29',
  '2007-10-10',
  '2007-12-15',
  '2008-02-01',
  '2008-09-01',
  '2009-04-04',
] as const

/** A folder, a text, or a list of texts; `label` is how the folder above lists it, where that isn't its name. */
export type Ec2Tree = { [name: string]: string | Ec2Tree } & { readonly [label]?: string }
const label = Symbol('label')

type Options = Pick<TreeOptions, 'domain'>

/** What stands at `path` below the root: '', '2009-04-04/meta-data/hostname'. Undefined where nothing is. */
export function ec2Item(
  facts: InstanceFacts,
  path: readonly string[],
  options: Options,
): Buffer | string | undefined {
  const [first, part, ...more] = path
  if (first === undefined) return [...ec2Versions, 'latest'].join('\n')
  const version = first === 'latest' ? ec2Versions.at(-1) : ec2Versions.find((each) => each === first)
  if (version === undefined) return undefined
  const userData = facts.userData === null ? undefined : Buffer.from(facts.userData, 'base64')
  if (part === undefined) return userData ? 'meta-data/\nuser-data' : 'meta-data/'
  if (part === 'user-data') return more.length > 0 ? undefined : userData
  const tree = ec2MetaData(facts, version, options)
  if (part === 'meta-data') return at(tree, more) ?? unlisted(facts, more)
  // cirros asks for `instance-id` without `meta-data/` (row 199).
  return more.length === 0 && typeof tree[part] === 'string' ? tree[part] : undefined
}

/** Of the config drive: 'ec2/2009-04-04/meta-data.json' and its like. */
export function ec2Files(facts: InstanceFacts, options: Options): Record<string, Buffer | string> {
  const tree: Record<string, Buffer | string> = {}
  for (const version of ['2009-04-04', 'latest']) {
    tree[`ec2/${version}/meta-data.json`] = JSON.stringify(ec2MetaData(facts, '2009-04-04', options))
    if (facts.userData !== null) tree[`ec2/${version}/user-data`] = Buffer.from(facts.userData, 'base64')
  }
  return tree
}

function ec2MetaData(facts: InstanceFacts, version: string, options: Options): Ec2Tree {
  const hostname = guestHostname(facts, options.domain)
  const fixedIp = facts.nics.flatMap((nic) => nic.addresses).find((address) => address.version === 4)
  const root = facts.rootDevice ?? '/dev/vda'
  const key = facts.keys[0]
  return {
    'ami-id': ec2ImageId(facts.imageId),
    'ami-launch-index': String(facts.launchIndex),
    'ami-manifest-path': '(unknown)',
    hostname,
    'instance-id': ec2InstanceId(facts.number),
    'local-ipv4': fixedIp?.address ?? '',
    'reservation-id': facts.reservationId,
    ...(key && {
      'public-keys': { '0': { 'openssh-key': key.publicKey, [label]: `0=${key.name}` } },
    }),
    ...(version >= '2007-01-19' && {
      'local-hostname': hostname,
      'public-hostname': hostname,
      'public-ipv4': facts.floatingIps[0] ?? '',
    }),
    ...(version >= '2007-08-29' && { 'instance-type': facts.flavorName }),
    ...(version >= '2007-12-15' && {
      'block-device-mapping': blockDevices(root, facts.disks),
      'instance-action': 'none',
    }),
    ...(version >= '2008-02-01' && { placement: { 'availability-zone': facts.availabilityZone ?? '' } }),
  }
}

function blockDevices(root: string, disks: InstanceFacts['disks']): Ec2Tree {
  const volumes = disks.filter((disk) => disk.volumeId !== null)
  const local = disks.filter((disk) => disk.volumeId === null)
  return {
    ami: root.replace(/^\/dev\//, ''),
    root,
    ...Object.fromEntries(local.map(({ device }, index) => [`ephemeral${index}`, device])),
    ...Object.fromEntries(volumes.map(({ device }, index) => [`ebs${index}`, device])),
  }
}

/** Answered when asked for, though the listing of row 198 leaves it out. */
function unlisted(facts: InstanceFacts, path: readonly string[]): string | undefined {
  return path.length === 1 && path[0] === 'security-groups' ? facts.securityGroups.join('\n') : undefined
}

function ec2InstanceId(number: number): string {
  return `i-${number.toString(16).padStart(8, '0')}`
}

/** EC2's ids hold 32 bits; those of the image's own id that come first. */
function ec2ImageId(imageId: string | null): string {
  return `ami-${imageId?.replaceAll('-', '').slice(0, 8) ?? '00000000'}`
}

function at(tree: Ec2Tree, path: readonly string[]): string | undefined {
  let found: string | Ec2Tree | undefined = tree
  for (const name of path) {
    if (typeof found !== 'object' || !Object.hasOwn(found, name)) return undefined
    found = found[name]
  }
  return typeof found === 'object' ? listing(found) : found
}

function listing(tree: Ec2Tree): string {
  return Object.keys(tree)
    .toSorted()
    .map((name) => {
      const child = tree[name]!
      return typeof child === 'string' ? name : (child[label] ?? `${name}/`)
    })
    .join('\n')
}

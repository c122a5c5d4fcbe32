// What is known of a cloud at rest: the rows of its databases, what its hosts hold, and what lies in its broker. The
// invariants judge these facts and ask nobody, so that a fact can be planted to see one of them fail.
import type { HostWiring } from '#contracts/network-agent.ts'
import type { GuestState } from '#drivers/virt/driver.ts'
import type { LivePort, NamespaceProcess } from '#drivers/wiring/driver.ts'
import type { JournalEvent } from '#kit/journal/journal.ts'
import type { Files } from '#kit/world/world.ts'

export type Row = Record<string, unknown>
export type ServiceName = 'compute' | 'network' | 'volume' | 'image' | 'placement' | 'identity'

export type InvariantHost = {
  readonly name: string
  /** False where it was left switched off: nothing is expected of it. */
  readonly up: boolean
  readonly virt: { list(): Promise<GuestState[]> }
  readonly wiring: {
    list(): Promise<LivePort[]>
    namespaces(): Promise<string[]>
    processes(): Promise<NamespaceProcess[]>
  }
  /** What was applied to its switch last, where the driver tells. */
  applied?(): HostWiring | undefined
  readonly volume: { list(): Promise<string[]>; unconfirmed(): Promise<string[]> }
  /** Of the host, and where its agents keep theirs. */
  readonly files: Files
  readonly folder: string
}

export type QueueFact = {
  readonly vhost: string
  readonly name: string
  readonly ready: number
  readonly unacked: number
  readonly consumers: number
}

export type InvariantCloud = {
  readonly hosts: readonly InvariantHost[]
  /** Committed rows of a service's database, columns by their names there. */
  rows(service: ServiceName, sql: string, ...values: (string | number)[]): Row[]
  /** Names of files in the image store; absent where there is none to look at. */
  imageFiles?(): Promise<string[]>
  /** All of the journal, in the order in which it was written; empty where it isn't judged. */
  events(): readonly JournalEvent[]
  /** Absent where the broker can't be looked into. */
  queues?(): Promise<QueueFact[]>
}

export type HostFacts = {
  readonly name: string
  readonly up: boolean
  readonly guests: readonly GuestState[]
  readonly ports: readonly LivePort[]
  readonly namespaces: readonly string[]
  readonly processes: readonly NamespaceProcess[]
  readonly applied: HostWiring | undefined
  readonly volumes: readonly string[]
  readonly unconfirmedVolumes: readonly string[]
  /** Lines of dnsmasq's hosts file, by network. */
  readonly dhcpHosts: ReadonlyMap<string, readonly string[]>
}

type Tables<Name extends string> = Readonly<Record<Name, readonly Row[]>>

export type Facts = {
  readonly compute: Tables<
    | 'server'
    | 'block_device'
    | 'task'
    | 'server_action'
    | 'server_action_event'
    | 'hypervisor'
    | 'request_spec'
    | 'server_group'
    | 'server_group_member'
    | 'keypair'
    | 'flavor'
    | 'aggregate'
    | 'service'
  >
  readonly network: Tables<
    | 'network'
    | 'subnet'
    | 'port'
    | 'ipallocations'
    | 'network_segment'
    | 'security_group'
    | 'security_group_rule'
    | 'port_security_group'
    | 'agent'
    | 'network_dhcp_agent'
    | 'router'
    | 'router_l3_agent'
    | 'floatingip'
    | 'compute_event'
  >
  readonly volume: Tables<'volume' | 'volume_attachment' | 'task'>
  readonly image: Tables<'image' | 'image_property' | 'image_tag' | 'image_member'>
  readonly placement: Tables<'resource_provider' | 'inventory' | 'consumer' | 'allocation'>
  readonly identity: Tables<'project' | 'application_credential'>
  readonly hosts: readonly HostFacts[]
  readonly imageFiles: readonly string[] | undefined
  readonly events: readonly JournalEvent[]
  readonly queues: readonly QueueFact[] | undefined
}

const tables = {
  compute: [
    'server',
    'block_device',
    'task',
    'server_action',
    'server_action_event',
    'hypervisor',
    'request_spec',
    'server_group',
    'server_group_member',
    'keypair',
    'flavor',
    'aggregate',
    'service',
  ],
  network: [
    'network',
    'subnet',
    'port',
    'ipallocations',
    'network_segment',
    'security_group',
    'security_group_rule',
    'port_security_group',
    'agent',
    'network_dhcp_agent',
    'router',
    'router_l3_agent',
    'floatingip',
    'compute_event',
  ],
  volume: ['volume', 'volume_attachment', 'task'],
  image: ['image', 'image_property', 'image_tag', 'image_member'],
  placement: ['resource_provider', 'inventory', 'consumer', 'allocation'],
  identity: ['project', 'application_credential'],
} as const

export async function gatherFacts(cloud: InvariantCloud): Promise<Facts> {
  const of = <Name extends ServiceName>(service: Name): Facts[Name] => {
    const read = (table: string) => [table, cloud.rows(service, `SELECT * FROM "${table}" ORDER BY 1, 2`)]
    return Object.fromEntries(tables[service].map(read))
  }
  return {
    compute: of('compute'),
    network: of('network'),
    volume: of('volume'),
    image: of('image'),
    placement: of('placement'),
    identity: of('identity'),
    hosts: await Promise.all(cloud.hosts.map(hostFacts)),
    imageFiles: await cloud.imageFiles?.(),
    events: cloud.events(),
    queues: await cloud.queues?.(),
  }
}

async function hostFacts(host: InvariantHost): Promise<HostFacts> {
  const { name, up, virt, wiring, volume } = host
  return {
    name,
    up,
    guests: await virt.list(),
    ports: await wiring.list(),
    namespaces: await wiring.namespaces(),
    processes: await wiring.processes(),
    applied: host.applied?.(),
    volumes: await volume.list(),
    unconfirmedVolumes: await volume.unconfirmed(),
    dhcpHosts: await dhcpHosts(host),
  }
}

async function dhcpHosts({ files, folder }: InvariantHost): Promise<Map<string, string[]>> {
  const root = `${folder}/neutron/dhcp`
  const found = new Map<string, string[]>()
  if (!(await files.exists(root))) return found
  for (const network of await files.list(root)) {
    const path = `${root}/${network}/host`
    const text = (await files.exists(path)) ? await files.readText(path) : ''
    found.set(network, text.split('\n').filter(Boolean))
  }
  return found
}

export type Violation = {
  /** The invariant's name: 'placement'. */
  readonly invariant: string
  /** A sentence that names the rows. */
  readonly words: string
}

export type Invariant = {
  readonly name: string
  /** What must hold. */
  readonly says: string
  /** One sentence for each thing of which it does not. */
  check(facts: Facts): Iterable<string>
}

export const text = (row: Row, column: string): string => String(row[column] ?? '')
export const parsed = <T>(row: Row, column: string): T => JSON.parse(String(row[column] ?? 'null')) as T
export const byId = (rows: readonly Row[], column = 'id'): Map<string, Row> =>
  new Map(rows.map((row) => [text(row, column), row]))

/** Servers that the API shows. */
export const liveServers = (facts: Facts): Row[] =>
  facts.compute.server.filter((server) => server.deleted_at === null)

/** Ids of those that failed before they ever ran: their disks are what was asked for, and nothing more. */
export const neverRan = (facts: Facts): Set<string> =>
  new Set(
    liveServers(facts)
      .filter((server) => server.vm_state === 'error' && server.launched_at === null)
      .map((server) => text(server, 'id')),
  )

/** Sentences for what is in one set and not in the other. */
export function* compare(
  wanted: Iterable<string>,
  found: Iterable<string>,
  missing: (each: string) => string,
  surplus: (each: string) => string,
): Iterable<string> {
  const [one, other] = [new Set(wanted), new Set(found)]
  for (const each of [...one].sort()) if (!other.has(each)) yield missing(each)
  for (const each of [...other].sort()) if (!one.has(each)) yield surplus(each)
}

// What a cloud has, in its services and on its host, as lines. A cloud at rest has the same lines before and after a kill:
// one more is something leaked, one less something lost. Taken apart by the invariant that they belong to.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import type { Session } from '#cli/openstack.ts'
import type { Machine } from '#test/hosts/machine.ts'
import { kindOf, machineProcesses } from './process.ts'

/** Folders that grow with everything that happens: records, not holdings. */
const records = new Set(['db', 'log', 'journal-spool', 'broker', 'run'])
export const dataFolder = '/var/lib/nimbo'

type Row = Record<string, unknown>

/** Rows of all services, what they claim and what is counted for them. */
export async function heldByServices(admin: Session): Promise<string[]> {
  const list = async <T extends Row>(type: string, path: string, key: string) =>
    (await admin.call<Record<string, T[]>>(type, { path }))[key]!
  const id = admin.projectId
  const [servers, ports, volumes, images, networks, routers, floating, rules, agents, providers] =
    await Promise.all([
      list('compute', '/servers/detail?all_tenants=1', 'servers'),
      list('network', '/v2.0/ports', 'ports'),
      list('block-storage', '/volumes/detail?all_tenants=1', 'volumes'),
      list('image', '/v2/images', 'images'),
      list('network', '/v2.0/networks', 'networks'),
      list('network', '/v2.0/routers', 'routers'),
      list('network', '/v2.0/floatingips', 'floatingips'),
      list('network', '/v2.0/security-group-rules', 'security_group_rules'),
      list('network', '/v2.0/agents', 'agents'),
      list<{ uuid: string }>('placement', '/resource_providers', 'resource_providers'),
    ])
  const claims = await Promise.all(
    providers.map(({ uuid }) =>
      admin.call<{ allocations: Record<string, { resources: Row }> }>('placement', {
        path: `/resource_providers/${uuid}/allocations`,
      }),
    ),
  )
  const { limits } = await admin.call<{ limits: { absolute: Row } }>('compute', { path: '/limits' })
  const volumeLimits = await admin.call<{ limits: { absolute: Row } }>('block-storage', { path: '/limits' })
  const { quota } = await admin.call<{ quota: Record<string, { used: number; reserved: number }> }>(
    'network',
    { path: `/v2.0/quotas/${id}/details.json` },
  )
  const used = (of: string, absolute: Row) =>
    Object.entries(absolute)
      .filter(([name]) => name.endsWith('Used'))
      .map(([name, count]) => `quota ${of} ${name} ${count}`)
  return [
    ...servers.map((one) => `server ${one.id} ${one.status} ${one['OS-EXT-STS:task_state']}`),
    ...ports.map(
      (one) =>
        `port ${one.id} ${one.status} of ${one.device_owner} ${one.device_id} on ${one['binding:host_id']}`,
    ),
    ...volumes.map((one) => `volume ${one.id} ${one.status} ${one.size}`),
    ...images.map((one) => `image ${one.id} ${one.status}`),
    ...networks.map((one) => `network ${one.id} ${one.status}`),
    ...routers.map((one) => `router ${one.id} ${one.status}`),
    ...floating.map((one) => `floating IP ${one.id} ${one.status} to ${one.port_id}`),
    ...rules.map((one) => `rule ${one.id}`),
    ...agents.map((one) => `network agent ${one.binary} ${one.alive ? 'up' : 'down'}`),
    ...claims.flatMap(({ allocations }) =>
      Object.entries(allocations).map(([one, { resources }]) => `claim ${one} ${JSON.stringify(resources)}`),
    ),
    ...used('compute', limits.absolute),
    ...used('volume', volumeLimits.limits.absolute),
    ...Object.entries(quota).map(
      ([name, { used: count, reserved }]) => `quota network ${name} ${count}+${reserved}`,
    ),
  ].sort()
}

/** One program in the machine tells of devices, namespaces, the switch and the broker's queues. */
const hostScript = `
section() { echo "== $1"; }
section links; ip -o link | sed -E 's/^[0-9]+: ([^:@]+).*mtu ([0-9]+).*/\\1 mtu \\2/'
for name in $(ip netns list | cut -d' ' -f1); do
  section "namespace $name"
  ip -n $name -o addr | awk '!/ fe80:| dynamic / { print $2, $4 }'
  ip -n $name route
  ip netns exec $name nft list ruleset
done
section ports; ovs-vsctl --timeout=60 --format=csv --no-headings --columns=name,tag list Port
section ids; ovs-vsctl --timeout=60 --format=csv --no-headings --columns=name,external_ids list Interface
for bridge in $(ovs-vsctl --timeout=60 list-br); do
  section "flows $bridge"
  ovs-ofctl -O OpenFlow14 --no-stats --names dump-flows unix:/run/openvswitch/$bridge.mgmt | grep actions= |
    sed -E 's/^ *cookie=0x[0-9a-f]+, ?//; s/(reg5|NXM_NX_REG5\\[\\])=0x[0-9a-f]+/\\1=PORT/g; s/load:0x[0-9a-f]+->NXM_NX_REG5/load:PORT->NXM_NX_REG5/g'
done
`

/** Of the host: processes, files, devices, namespaces with rules and routes, ports and flows of the switch. */
export async function heldByHost(machine: Machine): Promise<string[]> {
  const { stdout } = await machine.run('sh', ['-c', hostScript], { timeoutMs: 120_000 })
  let section = ''
  const lines: string[] = []
  for (const line of stdout.split('\n')) {
    const text = line.trim()
    if (text.startsWith('== ')) section = text.slice(3)
    // Learned from packets, and forgotten after a while.
    else if (text !== '' && !/(hard|idle)_timeout=\d/.test(text))
      lines.push(`${section}: ${withoutCounts(text)}`)
  }
  return [...lines, ...processes(machine), ...files(`${machine.folder}${dataFolder}`)].sort()
}

/** As RabbitMQ's management API tells of them. */
export type Queue = {
  name: string
  messages_ready: number
  messages_unacknowledged: number
  consumers: number
}

function withoutCounts(line: string): string {
  return line.replace(/counter packets \d+ bytes \d+ ?/g, '')
}

function processes(machine: Machine): string[] {
  return machineProcesses(machine.pid).flatMap((one) => {
    const kind = kindOf(one)
    const words = one.command.join(' ')
    if (kind === undefined) return []
    if (kind === 'qemu')
      return [`process qemu of ${/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(words)?.[0]}`]
    return [`process ${kind}${kind === 'dnsmasq' || kind === 'haproxy' ? `: ${words}` : ''}`]
  })
}

function files(root: string): string[] {
  const names = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`.slice(root.length + 1))
    .filter((path) => !records.has(path.split('/')[0]!))
  const guests = `${root}/run/guests`
  return [
    ...names.map((path) => `file ${path}`),
    ...names.filter((path) => path.startsWith('neutron/')).flatMap((path) => served(root, path)),
    ...(statSync(guests, { throwIfNoEntry: false })
      ? readdirSync(guests).map((name) => `run folder ${name}`)
      : []),
  ]
}

/** Leases without their ends, other small files of DHCP and metadata word for word. */
function served(root: string, path: string): string[] {
  if (path.endsWith('/log') || path.endsWith('.log') || path.endsWith('pid')) return []
  let text: string
  try {
    text = readFileSync(`${root}/${path}`, 'utf8')
  } catch {
    return [] // gone since it was listed
  }
  const lines = text.split('\n').filter((line) => line !== '')
  if (path.endsWith('/leases')) return lines.map((line) => `lease ${line.split(' ').slice(1, 3).join(' ')}`)
  return lines.map((line) => `${path}: ${line}`)
}

/** What is on one side only. */
export function difference(before: readonly string[], after: readonly string[]): string[] {
  const [old, now] = [new Set(before), new Set(after)]
  return [
    ...before.filter((line) => !now.has(line)).map((line) => `- ${line}`),
    ...after.filter((line) => !old.has(line)).map((line) => `+ ${line}`),
  ]
}

// A node and its cluster as status, cluster_status and environment tell of them.
import type { Api } from './api.ts'
import type { Answer } from './output.ts'

type Listener = { node: string; protocol: string; ip_address: string; port: number }
export type Overview = {
  node: string
  cluster_name: string
  product_name?: string
  product_version?: string
  rabbitmq_version: string
  erlang_version?: string
  management_version?: string
  object_totals?: Record<string, number>
  queue_totals?: Record<string, number>
  listeners?: Listener[]
}
export type Node = {
  name: string
  type?: string
  running?: boolean
  uptime?: number
  os_pid?: string
  mem_used?: number
  mem_limit?: number
  mem_alarm?: boolean
  disk_free?: number
  disk_free_limit?: number
  disk_free_alarm?: boolean
  fd_used?: number
  fd_total?: number
  sockets_used?: number
  sockets_total?: number
  partitions?: string[]
  enabled_plugins?: string[]
  db_dir?: string
  config_files?: string[]
  log_files?: string[]
} & Record<string, unknown>

/** The node that answers, and what it says of the cluster. */
export async function nodeName(api: Api): Promise<string> {
  return (await api.get<Overview>('overview', { columns: 'node' })).node
}

export async function look(api: Api): Promise<{ overview: Overview; nodes: Node[]; node: Node }> {
  const overview = await api.get<Overview>('overview')
  const nodes = await api.get<Node[]>('nodes')
  return {
    overview,
    nodes,
    node: nodes.find(({ name }) => name === overview.node) ?? { name: overview.node },
  }
}

const title = (text: string, lines: readonly string[]) => [text, '', ...lines, '']
const orNone = (lines: readonly string[]) => (lines.length > 0 ? lines : ['(none)'])
const gigabytes = (bytes: unknown) =>
  typeof bytes === 'number' ? `${(bytes / 1e9).toFixed(4)} gb` : 'unknown'

function alarmLines(nodes: readonly Node[]): string[] {
  return nodes.flatMap((node) => [
    ...(node.mem_alarm ? [`Memory alarm on node ${node.name}`] : []),
    ...(node.disk_free_alarm ? [`Free disk space alarm on node ${node.name}`] : []),
  ])
}

function listenerLine(each: Listener, withNode: boolean): string {
  const host = each.ip_address.includes(':') ? `[${each.ip_address}]` : each.ip_address
  const node = withNode ? `Node: ${each.node}, interface` : 'Interface'
  return `${node}: ${host}, port: ${each.port}, protocol: ${each.protocol}`
}

export async function statusAnswer(api: Api): Promise<Answer> {
  const { overview, node, nodes } = await look(api)
  const product = overview.product_name ?? 'RabbitMQ'
  const listeners = (overview.listeners ?? []).filter((each) => each.node === node.name)
  const totals = overview.object_totals ?? {}
  const lines = [
    ...title('Runtime', [
      ...(node.os_pid === undefined ? [] : [`OS PID: ${node.os_pid}`]),
      ...(node.uptime === undefined ? [] : [`Uptime (seconds): ${Math.round(node.uptime / 1000)}`]),
      ...(overview.product_version && product !== 'RabbitMQ'
        ? [`${product} version: ${overview.product_version}`]
        : []),
      `RabbitMQ version: ${overview.rabbitmq_version}`,
      `Node name: ${node.name}`,
      ...(overview.erlang_version ? [runtimeLine(overview.erlang_version)] : []),
    ]),
    ...title('Plugins', orNone((node.enabled_plugins ?? []).map((name) => ` * ${name}`))),
    ...title('Data directory', [`Node data directory: ${node.db_dir ?? 'none, everything is in memory'}`]),
    ...title('Config files', orNone((node.config_files ?? []).map((path) => ` * ${path}`))),
    ...title('Log file(s)', orNone((node.log_files ?? []).map((path) => ` * ${path}`))),
    ...title('Alarms', orNone(alarmLines(nodes))),
    ...title('Memory', [
      `Total memory used: ${gigabytes(node.mem_used)}`,
      `Memory high watermark: ${gigabytes(node.mem_limit)}`,
    ]),
    ...title('File Descriptors', [
      `Total: ${node.fd_used ?? 'unknown'}, limit: ${node.fd_total ?? 'unknown'}`,
      `Sockets: ${node.sockets_used ?? 'unknown'}, limit: ${node.sockets_total ?? 'unknown'}`,
    ]),
    ...title('Free Disk Space', [
      `Low free disk space watermark: ${gigabytes(node.disk_free_limit)}`,
      `Free disk space: ${gigabytes(node.disk_free)}`,
    ]),
    ...title('Totals', [
      `Connection count: ${totals.connections ?? 0}`,
      `Queue count: ${totals.queues ?? 0}`,
      `Virtual host count: ${(await api.get<unknown[]>('vhosts', { columns: 'name' })).length}`,
    ]),
    ...title('Listeners', orNone(listeners.map((each) => listenerLine(each, false)))),
  ]
  return { lines: lines.slice(0, -1), value: { overview, node } }
}

export async function clusterAnswer(api: Api): Promise<Answer> {
  const { overview, nodes } = await look(api)
  const disk = nodes.filter((node) => node.type !== 'ram').map(({ name }) => name)
  const ram = nodes.filter((node) => node.type === 'ram').map(({ name }) => name)
  const running = nodes.filter((node) => node.running !== false).map(({ name }) => name)
  const alarms = alarmLines(nodes)
  const partitions = nodes.flatMap(({ name, partitions = [] }) =>
    partitions.length > 0 ? [`Node ${name} cannot communicate with ${partitions.join(', ')}`] : [],
  )
  const lines = [
    ...title('Basics', [`Cluster name: ${overview.cluster_name}`]),
    ...title('Disk Nodes', disk),
    ...(ram.length > 0 ? title('RAM Nodes', ram) : []),
    ...title('Running Nodes', running),
    ...title(
      'Versions',
      running.map((name) => `${name}: RabbitMQ ${overview.rabbitmq_version}${erlang(overview)}`),
    ),
    ...title('Alarms', orNone(alarms)),
    ...title('Network Partitions', orNone(partitions)),
    ...title('Listeners', orNone((overview.listeners ?? []).map((each) => listenerLine(each, true)))),
  ]
  const value = {
    cluster_name: overview.cluster_name,
    disk_nodes: disk,
    ram_nodes: ram,
    running_nodes: running,
    alarms,
    partitions: Object.fromEntries(nodes.map((node) => [node.name, node.partitions ?? []])),
    listeners: overview.listeners ?? [],
  }
  return { lines: lines.slice(0, -1), value }
}

/** Where others say which Erlang runs them, our broker says what it is itself. */
const isErlang = (version: string) => /^\d/.test(version)
const runtimeLine = (version: string) =>
  isErlang(version) ? `Erlang version: ${version}` : `Runtime: ${version}`
const erlang = ({ erlang_version: version }: Overview) =>
  version ? ` on ${isErlang(version) ? 'Erlang ' : ''}${version}` : ''

export async function environmentAnswer(api: Api): Promise<Answer> {
  const { overview, node } = await look(api)
  const settings = Object.fromEntries(
    Object.entries({ ...node, cluster_name: overview.cluster_name, listeners: overview.listeners })
      .filter(
        ([name]) => !/_details$|^(applications|metrics_gc_queue_length|ra_open_file_metrics)$/.test(name),
      )
      .sort(([a], [b]) => a.localeCompare(b)),
  )
  const lines = Object.entries(settings).map(([name, value]) => `${name}: ${JSON.stringify(value)}`)
  return { lines, value: settings }
}

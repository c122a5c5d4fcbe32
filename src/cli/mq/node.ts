// What a node says of itself: status, cluster, environment, and checks for monitors.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { type Api, at } from './api.ts'
import { mqError } from './exit.ts'
import { listVerbs } from './list.ts'
import { type Answer, format } from './output.ts'
import { permissionVerbs } from './permission.ts'
import { policyAndParameterVerbs } from './policy.ts'
import { userVerbs } from './user.ts'
import type { Call, MqVerb } from './verb.ts'
import { vhostVerbs } from './vhost.ts'

type Listener = { node: string; protocol: string; ip_address: string; port: number }
type Overview = {
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
type Node = {
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

const monitoring = 'Monitoring, observability and health checks'

/** The node that answers, and what it says of the cluster. */
export async function nodeName(api: Api): Promise<string> {
  return (await api.get<Overview>('overview', { columns: 'node' })).node
}

async function look(api: Api): Promise<{ overview: Overview; nodes: Node[]; node: Node }> {
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

async function statusAnswer(api: Api): Promise<Answer> {
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

async function clusterAnswer(api: Api): Promise<Answer> {
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

async function environmentAnswer(api: Api): Promise<Answer> {
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

/** 503 is the answer of a check that failed; its reason says which part. */
async function check(api: Api, path: string, passed: string): Promise<Answer> {
  try {
    await api.get(path)
  } catch (error) {
    if (!(error instanceof CloudError) || error.kind !== 'unavailable') throw error
    throw mqError('unavailable', error.message)
  }
  return { lines: [passed] }
}

/** Until the node answers and says that it serves clients. */
async function awaitStartup({ api, world, options }: Call): Promise<void> {
  const seconds = Number(options.timeout ?? 300)
  const deadline = world.clock.monotonic() + seconds * 1000
  for (;;) {
    const problem = await notYet(api)
    if (!problem) return
    if (world.clock.monotonic() >= deadline)
      throw mqError('unavailable', `The broker did not start within ${seconds} s: ${problem}`)
    await world.timers.sleep(200)
  }
}

async function notYet(api: Api): Promise<string | undefined> {
  try {
    const nodes = await api.get<Node[]>('nodes')
    return nodes.some((node) => node.running !== false) ? undefined : 'its application is stopped'
  } catch (error) {
    if (!(error instanceof CloudError) || error.kind === 'unauthorized') throw error
    return error.message
  }
}

/** The verbs whose answers a report is made of. */
async function reportAnswer(call: Call): Promise<Answer> {
  const everywhere = (await call.api.get<{ name: string }[]>('vhosts', { columns: 'name' })).map(
    ({ name }) => name,
  )
  const lines: string[] = []
  const add = async (verb: MqVerb, vhost = call.vhost) => {
    const info = (line: string) => void lines.push(line)
    const answer = await verb.run({ ...call, vhost, words: [], options: {}, info })
    lines.push('', ...(answer ? format(answer, 'table', true) : []), '')
  }
  for (const name of ['status', 'cluster_status', 'environment']) await add(nodeVerbs[name]!)
  for (const name of ['list_connections', 'list_channels']) await add(listVerbs[name]!)
  await add(userVerbs.list_users!)
  await add(vhostVerbs.list_vhosts!)
  for (const vhost of everywhere) {
    for (const name of ['list_queues', 'list_exchanges', 'list_bindings', 'list_consumers'])
      await add(listVerbs[name]!, vhost)
    await add(permissionVerbs.list_permissions!, vhost)
    await add(policyAndParameterVerbs.list_policies!, vhost)
  }
  return { lines }
}

export const nodeVerbs: Record<string, MqVerb> = {
  status: {
    group: monitoring,
    summary: 'Displays status of a node',
    usage: '',
    words: [0, 0],
    async run({ api, info }) {
      info(`Status of node ${await nodeName(api)} ...`)
      return statusAnswer(api)
    },
  },
  cluster_status: {
    group: 'Cluster',
    summary: 'Displays the nodes of the cluster and those that run',
    usage: '',
    words: [0, 0],
    async run({ api, info }) {
      info(`Cluster status of node ${await nodeName(api)} ...`)
      return clusterAnswer(api)
    },
  },
  environment: {
    group: 'Configuration and Environment',
    summary: 'Displays the settings in force',
    usage: '',
    words: [0, 0],
    async run({ api, info }) {
      info(`Application environment of node ${await nodeName(api)} ...`)
      return environmentAnswer(api)
    },
  },
  report: {
    group: monitoring,
    summary: 'Everything that support asks for, one after the other; no passwords',
    usage: '',
    words: [0, 0],
    async run(call) {
      call.info(`Reporting server status of node ${await nodeName(call.api)} ...`)
      return reportAnswer(call)
    },
  },
  ping: {
    group: monitoring,
    summary: 'Checks that the broker answers and lets us in',
    usage: '',
    words: [0, 0],
    async run({ api, info }) {
      info(`Will ping ${api.login.url}.`)
      await api.get('whoami')
      return { lines: ['Ping succeeded'] }
    },
  },
  check_running: {
    group: monitoring,
    summary: 'Fails unless the broker serves clients',
    usage: '',
    words: [0, 0],
    async run({ api }) {
      const problem = await notYet(api)
      if (problem) throw mqError('unavailable', problem)
      return { lines: ['The broker is running'] }
    },
  },
  check_alarms: {
    group: monitoring,
    summary: 'Fails where an alarm is in effect anywhere in the cluster',
    usage: '',
    words: [0, 0],
    run: ({ api }) => check(api, 'health/checks/alarms', 'No alarms'),
  },
  check_local_alarms: {
    group: monitoring,
    summary: 'Fails where an alarm is in effect on this node',
    usage: '',
    words: [0, 0],
    run: ({ api }) => check(api, 'health/checks/local-alarms', 'No alarms on this node'),
  },
  check_port_listener: {
    group: monitoring,
    summary: 'Fails unless something listens at the port',
    usage: '<port>',
    words: [1, 1],
    run: ({ api, words: [port] }) =>
      check(api, at`health/checks/port-listener/${port!}`, `A listener for port ${port} is running`),
  },
  check_virtual_hosts: {
    group: monitoring,
    summary: 'Fails where a virtual host is not running',
    usage: '',
    words: [0, 0],
    run: ({ api }) => check(api, 'health/checks/virtual-hosts', 'All virtual hosts are running'),
  },
  node_health_check: {
    group: monitoring,
    summary: 'The checks above in one',
    usage: '',
    words: [0, 0],
    async run({ api, info }) {
      info(`Checking health of node ${await nodeName(api)} ...`)
      await check(api, 'health/checks/local-alarms', '')
      return check(api, 'health/checks/virtual-hosts', 'Health check passed')
    },
  },
  await_startup: {
    group: 'Nodes',
    summary: 'Waits until the broker serves clients',
    usage: '[--timeout <seconds>]',
    words: [0, 0],
    async run(call) {
      await awaitStartup(call)
      return undefined
    },
  },
  wait: {
    group: 'Nodes',
    summary: 'As await_startup; a process id may be given and is not needed',
    usage: '[<pidfile>] [--pid|-P <pid>] [--timeout <seconds>]',
    words: [0, 1],
    options: { pid: { type: 'string', short: 'P' } },
    async run(call) {
      call.info(`Waiting for the broker at ${call.api.login.url}`)
      await awaitStartup(call)
      call.info('The broker is running')
      return undefined
    },
  },
  set_cluster_name: {
    group: 'Configuration and Environment',
    summary: 'Sets the cluster name',
    usage: '<name>',
    words: [1, 1],
    async run({ api, words: [name], info }) {
      info(`Setting cluster name to ${name} ...`)
      await api.put('cluster-name', { name })
      return undefined
    },
  },
}

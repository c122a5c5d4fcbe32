// RabbitMQ nodes as a cluster, three unless told otherwise, each in a network namespace of its own with an address of its own, and an HAProxy
// before them. Needs root, and Debian's rabbitmq-server and haproxy.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { httpClient } from '#kit/http/client.ts'
import { realWorld } from '#kit/world/real.ts'
import type { StartedProcess } from '#kit/world/world.ts'
import { haproxyConfig } from '#main/haproxy.ts'
import { until } from '#test/interop/live-cloud.ts'

const world = realWorld()
const server = '/usr/lib/rabbitmq/bin/rabbitmq-server'

export type ClusterNode = { name: string; address: string; alive: boolean }

export type RabbitCluster = {
  readonly nodes: readonly ClusterNode[]
  readonly user: string
  readonly password: string
  /** Where HAProxy listens, on the same ports as the nodes. */
  readonly proxy: string
  /** How many of the cluster's nodes run, as a node that is alive sees it. */
  running(): Promise<number>
  /** kill -9 of all that the node is. */
  kill(node: ClusterNode): Promise<void>
  start(node: ClusterNode): Promise<void>
  /** The answer of a node's management API. */
  ask<T>(path: string): Promise<T>
  destroy(): Promise<void>
}

/** `subnet` is free on this machine: '10.185.0' has the nodes from .1 on and HAProxy at .254. */
export async function rabbitCluster(prefix: string, subnet: string, count = 3): Promise<RabbitCluster> {
  const folder = mkdtempSync(`/tmp/nimbo-${prefix}-`)
  const bridge = `${prefix}br`
  const secret = () => world.random.bytes(12).toString('hex')
  const [cookie, password, statsPassword] = [secret(), secret(), secret()]
  const http = httpClient()
  const started = new Map<string, StartedProcess>()
  const nodes: ClusterNode[] = Array.from({ length: count }, (_, index) => ({
    name: `${prefix}n${index + 1}`,
    address: `${subnet}.${index + 1}`,
    alive: false,
  }))
  const proxy = `${subnet}.254`

  await must('ip', 'link', 'add', bridge, 'type', 'bridge')
  await must('ip', 'addr', 'add', `${proxy}/24`, 'dev', bridge)
  await must('ip', 'link', 'set', bridge, 'up')
  for (const { name, address } of nodes) {
    await must('ip', 'netns', 'add', name)
    await must('ip', 'link', 'add', `${name}h`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name)
    await must('ip', 'link', 'set', `${name}h`, 'master', bridge, 'up')
    await must('ip', '-n', name, 'addr', 'add', `${address}/24`, 'dev', 'eth0')
    await must('ip', '-n', name, 'link', 'set', 'eth0', 'up')
    await must('ip', '-n', name, 'link', 'set', 'lo', 'up')
  }

  const start = async (node: ClusterNode) => {
    const own = `${folder}/${node.name}`
    await world.files.makeFolder(`${own}/home`)
    await world.files.write(`${own}/home/.erlang.cookie`, cookie, { mode: 0o400 })
    await world.files.write(`${own}/plugins`, '[rabbitmq_management].\n')
    const peers = nodes.map(
      ({ address }, index) => `cluster_formation.classic_config.nodes.${index + 1} = rabbit@${address}`,
    )
    await world.files.write(
      `${own}/rabbitmq.conf`,
      [
        'cluster_formation.peer_discovery_backend = classic_config',
        ...peers,
        'cluster_partition_handling = pause_minority',
        'default_user = cloud',
        `default_pass = ${password}`,
        'default_user_tags.administrator = true',
        '',
      ].join('\n'),
    )
    const env = {
      HOME: `${own}/home`,
      PATH: process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin',
      RABBITMQ_NODENAME: `rabbit@${node.address}`,
      RABBITMQ_USE_LONGNAME: 'true',
      RABBITMQ_MNESIA_BASE: `${own}/mnesia`,
      RABBITMQ_LOG_BASE: `${own}/log`,
      RABBITMQ_ENABLED_PLUGINS_FILE: `${own}/plugins`,
      RABBITMQ_CONFIG_FILE: `${own}/rabbitmq.conf`,
    }
    const words = Object.entries(env).map(([name, value]) => `${name}=${value}`)
    started.set(
      node.name,
      await world.processes.start('ip', ['netns', 'exec', node.name, 'env', '-i', ...words, server], {
        logFile: `${own}/start.log`,
        detached: true,
      }),
    )
    node.alive = true
  }
  const authorization = `Basic ${Buffer.from(`cloud:${password}`).toString('base64')}`
  const ask = async <T>(path: string): Promise<T> => {
    for (const { address } of nodes.filter(({ alive }) => alive)) {
      const url = `http://${address}:15672/api/${path}`
      const answer = await http
        .request({ method: 'GET', url, headers: { authorization }, timeoutMs: 10_000 })
        .catch(() => undefined)
      if (answer?.status === 200) return answer.body as T
    }
    throw new Error(`No node answers ${path}`)
  }
  const running = async () =>
    (await ask<{ running: boolean }[]>('nodes')).filter((each) => each.running).length

  const kill = async (node: ClusterNode) => {
    node.alive = false
    // The node's own processes are all that runs in its namespace.
    const pids = (await must('ip', 'netns', 'pids', node.name)).split('\n').filter(Boolean)
    for (const pid of pids) world.processes.signal(Number(pid), 'SIGKILL')
    await started.get(node.name)?.exited
  }

  await Promise.all(nodes.map(start))
  await until(
    'the nodes are a cluster',
    async () => (await running().catch(() => 0)) === count,
    180_000,
    1_000,
  )

  const configFile = `${folder}/haproxy.cfg`
  await world.files.write(
    configFile,
    haproxyConfig({
      nodes: nodes.map(({ name, address }) => ({
        name,
        host: address,
        amqpPort: 5672,
        managementPort: 15_672,
      })),
      bind: proxy,
      amqpPort: 5672,
      managementPort: 15_672,
      balance: 'leastconn',
      stats: { port: 10_080, user: 'admin', password: statsPassword },
      service: false,
      socket: `${folder}/haproxy.sock`,
    }),
  )
  const haproxy = await world.processes.start('haproxy', ['-db', '-f', configFile], {
    logFile: `${folder}/haproxy.log`,
  })
  await until('HAProxy sees all nodes', async () => {
    const answer = await http
      .request({
        method: 'GET',
        url: `http://${proxy}:10080/status;csv`,
        headers: { authorization: `Basic ${Buffer.from(`admin:${statsPassword}`).toString('base64')}` },
      })
      .catch(() => undefined)
    return String(answer?.body).match(/^rabbitmq,\w+n\d,.*,UP,/gm)?.length === count
  })

  return {
    nodes,
    user: 'cloud',
    password,
    proxy,
    running,
    kill,
    start,
    ask,
    async destroy() {
      http.close()
      haproxy.kill()
      await haproxy.exited
      for (const node of nodes) if (node.alive) await kill(node)
      for (const { name } of nodes) await must('ip', 'netns', 'del', name)
      await must('ip', 'link', 'del', bridge)
      const kept = process.env.NIMBO_TEST_LOGS
      if (kept)
        for (const { name } of nodes)
          await world.files.write(`${kept}/${name}.log`, readFileSync(`${folder}/${name}/start.log`))
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function must(command: string, ...args: string[]): Promise<string> {
  const result = await world.processes.run(command, args)
  if (result.code !== 0) throw new Error(`${command} ${args.join(' ')}: ${result.stderr || result.stdout}`)
  return result.stdout
}

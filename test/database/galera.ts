// Three MariaDB servers as a Galera cluster, on ports of 127.0.0.1. Needs Debian's mariadb-server, galera-4 and rsync.

import { freePort } from '#test/port.ts'
import { type DatabaseServer, startServer } from './server.ts'
import { until } from './wait.ts'

export type GaleraNode = DatabaseServer & {
  /** 'node1' */
  readonly name: string
  /** '127.0.0.1:29001' */
  readonly address: string
  /** What its server says of itself: 'wsrep_local_state_comment', 'wsrep_cluster_size'. */
  status(name: string): Promise<string | undefined>
  /** Cuts it off from the others, or lets it come back. Who asks it still reaches it. */
  isolate(on: boolean): Promise<void>
}

export type Galera = {
  readonly nodes: readonly GaleraNode[]
  /** Of all of them in turn: 'mysql://…@127.0.0.1:29001,127.0.0.1:29002/NAME'. */
  url(name: string, nodes?: readonly GaleraNode[]): string
  /** Resolves when so many are one cluster, and take writes. */
  together(count: number): Promise<void>
  remove(): Promise<void>
}

const plugin = '/usr/lib/galera/libgalera_smm.so'
const joinMs = 90_000

export async function startGalera(): Promise<Galera> {
  const groupPorts = [await freePort(), await freePort(), await freePort()]
  const group = groupPorts.map((port) => `127.0.0.1:${port}`)
  const nodes: GaleraNode[] = []
  for (const [index, port] of groupPorts.entries()) nodes.push(await startNode(index, port, group))

  const cluster: Galera = {
    nodes,
    url(name, some = nodes) {
      const { url, address } = some[0]!
      return url.replace(address, some.map((node) => node.address).join()).replace(/\w+$/, name)
    },
    together: (count) =>
      until(
        `${count} nodes are together`,
        async () => {
          const sizes = await Promise.all(nodes.map((node) => node.status('wsrep_cluster_size')))
          const ready = await Promise.all(nodes.map((node) => node.status('wsrep_ready')))
          return sizes.filter((size, n) => size === String(count) && ready[n] === 'ON').length === count
        },
        joinMs,
        200,
      ),
    async remove() {
      await Promise.all(nodes.map((node) => node.remove()))
    },
  }
  await cluster.together(nodes.length)
  return cluster
}

async function startNode(index: number, groupPort: number, group: readonly string[]): Promise<GaleraNode> {
  const [transferPort, incrementPort] = [await freePort(), await freePort()]
  let isFirst = index === 0
  const provider = {
    'gmcast.listen_addr': `tcp://127.0.0.1:${groupPort}`,
    'ist.recv_addr': `127.0.0.1:${incrementPort}`,
    'gcache.size': '32M',
    // A dead node is given up after four seconds, not fifteen.
    'evs.keepalive_period': 'PT0.5S',
    'evs.suspect_timeout': 'PT2S',
    'evs.inactive_timeout': 'PT4S',
  }
  const server = await startServer('mariadb', {
    args: () => [
      ...['--wsrep-on=ON', `--wsrep-provider=${plugin}`, '--wsrep-cluster-name=nimbo-test'],
      ...['--binlog-format=ROW', '--innodb-autoinc-lock-mode=2', '--default-storage-engine=InnoDB'],
      ...[`--wsrep-node-name=node${index + 1}`, `--wsrep-node-address=127.0.0.1:${groupPort}`],
      ...['--wsrep-sst-method=rsync', `--wsrep-sst-receive-address=127.0.0.1:${transferPort}`],
      `--wsrep-provider-options=${Object.entries(provider)
        .map((words) => words.join('='))
        .join(';')}`,
      // It makes the cluster once; later it joins the others as they do.
      ...(isFirst ? ['--wsrep-new-cluster', '--wsrep-cluster-address=gcomm://'] : []),
      ...(isFirst ? [] : [`--wsrep-cluster-address=gcomm://${group.join()}`]),
    ],
  })
  isFirst = false
  const { host } = new URL(server.url)
  return {
    ...server,
    name: `node${index + 1}`,
    address: host,
    // One that is killed says nothing.
    status: (name) =>
      server.ask(`show status like '${name}'`).then(
        (line) => line.split('\t')[1],
        () => undefined,
      ),
    async isolate(on) {
      await server.ask(`set global wsrep_provider_options = 'gmcast.isolate=${on ? 1 : 0}'`)
    },
  }
}

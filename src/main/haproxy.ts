// The configuration of an HAProxy before the nodes of a RabbitMQ cluster. Pure: text from a plan.
import { CloudError } from '#kit/errors/cloud-error.ts'

export type HaproxyPlan = {
  nodes: readonly { name: string; host: string; amqpPort: number; managementPort: number }[]
  /** Where it listens; '*' is everywhere. */
  bind: string
  amqpPort: number
  managementPort: number
  /** 'leastconn' spreads clients evenly; with 'source' a client address keeps its node, and all behind one NAT share it. */
  balance: 'leastconn' | 'roundrobin' | 'source'
  stats: { port: number; user: string; password: string }
  /** As Debian's package has them; where it is started by hand there may be neither user nor folder. */
  service?: boolean
  socket: string
}

/** For HAProxy 2.x: nbproc, which older guides set, is gone from it. */
export function haproxyConfig(plan: HaproxyPlan): string {
  const { nodes, bind, balance, stats, service = true, socket } = plan
  if (nodes.length === 0) throw new CloudError('badRequest', 'HAProxy needs a node to send clients to')
  for (const { name, host } of nodes)
    if (!/^[A-Za-z0-9._-]+$/.test(name) || !/^[A-Za-z0-9._:-]+$/.test(host))
      throw new CloudError('badRequest', `'${name}' at '${host}' is no node that HAProxy could be told of`)
  const servers = (port: (node: HaproxyPlan['nodes'][number]) => number) =>
    nodes.map((node) => {
      const host = node.host.includes(':') ? `[${node.host}]` : node.host
      return `server ${node.name} ${host}:${port(node)} check inter 2s fall 2 rise 2 weight 1`
    })
  return sections({
    global: [
      'log /dev/log local0',
      'log /dev/log local1 notice',
      ...(service
        ? ['chroot /var/lib/haproxy', 'pidfile /run/haproxy.pid', 'user haproxy', 'group haproxy', 'daemon']
        : []),
      // At this level nodes can be drained: echo 'set server rabbitmq/n1 state drain' | socat stdio SOCKET
      `stats socket ${socket} mode 660 level admin`,
      'stats timeout 30s',
    ],
    defaults: [
      'log global',
      'mode tcp',
      'option tcplog',
      'option dontlognull',
      'timeout connect 5s',
      // Clients and nodes beat every minute.
      'timeout client 10m',
      'timeout server 10m',
    ],
    'listen stats': [
      `bind ${bind}:${stats.port}`,
      'mode http',
      'option httplog',
      'stats enable',
      'stats uri /status',
      'stats refresh 30s',
      'stats realm Message\\ bus',
      `stats auth ${stats.user}:${stats.password}`,
      'stats hide-version',
      'stats admin if TRUE',
    ],
    'listen rabbitmq': [
      `bind ${bind}:${plan.amqpPort}`,
      `balance ${balance}`,
      'option clitcpka',
      // Clients of a node that was cut off would wait for their own heartbeats.
      'default-server on-marked-down shutdown-sessions',
      ...servers((node) => node.amqpPort),
    ],
    'listen rabbitmq_web': [
      `bind ${bind}:${plan.managementPort}`,
      `balance ${balance}`,
      ...servers((node) => node.managementPort),
    ],
  })
}

function sections(all: Record<string, readonly string[]>): string {
  return Object.entries(all)
    .map(([name, lines]) => [name, ...lines.map((line) => `    ${line}`), ''].join('\n'))
    .join('\n')
}

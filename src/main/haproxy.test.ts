// What HAProxy is told of a RabbitMQ cluster (rows 276 to 283): Debian's HAProxy has judged this text with `haproxy -c`.
import { expect, test } from 'vitest'
import { type HaproxyPlan, haproxyConfig } from './haproxy.ts'

const plan: HaproxyPlan = {
  nodes: [
    { name: 'node1', host: '192.168.10.10', amqpPort: 5672, managementPort: 15_672 },
    { name: 'node2', host: 'fd00::20', amqpPort: 5672, managementPort: 15_672 },
  ],
  bind: '*',
  amqpPort: 5672,
  managementPort: 15_672,
  balance: 'leastconn',
  stats: { port: 10_080, user: 'admin', password: 'made-for-this-file' },
  socket: '/run/haproxy-admin.sock',
}

test('is the cluster, looked at every two seconds, and a page with a password', () => {
  expect(haproxyConfig(plan)).toBe(`global
    log /dev/log local0
    log /dev/log local1 notice
    chroot /var/lib/haproxy
    pidfile /run/haproxy.pid
    user haproxy
    group haproxy
    daemon
    stats socket /run/haproxy-admin.sock mode 660 level admin
    stats timeout 30s

defaults
    log global
    mode tcp
    option tcplog
    option dontlognull
    timeout connect 5s
    timeout client 10m
    timeout server 10m

listen stats
    bind *:10080
    mode http
    option httplog
    stats enable
    stats uri /status
    stats refresh 30s
    stats realm Message\\ bus
    stats auth admin:made-for-this-file
    stats hide-version
    stats admin if TRUE

listen rabbitmq
    bind *:5672
    balance leastconn
    option clitcpka
    default-server on-marked-down shutdown-sessions
    server node1 192.168.10.10:5672 check inter 2s fall 2 rise 2 weight 1
    server node2 [fd00::20]:5672 check inter 2s fall 2 rise 2 weight 1

listen rabbitmq_web
    bind *:15672
    balance leastconn
    server node1 192.168.10.10:15672 check inter 2s fall 2 rise 2 weight 1
    server node2 [fd00::20]:15672 check inter 2s fall 2 rise 2 weight 1
`)
})

test('keeps a client address on its node where that is wanted (row 280)', () => {
  expect(haproxyConfig({ ...plan, balance: 'source' })).toContain('balance source')
})

test.each(['', 'a b', 'n1\n    bind *:1', '$HOME'])("refuses '%s' as a node", (host) => {
  const [node] = plan.nodes
  expect(() => haproxyConfig({ ...plan, nodes: [{ ...node!, host }] })).toThrow('is no node')
})

test('refuses a cluster without nodes', () => {
  expect(() => haproxyConfig({ ...plan, nodes: [] })).toThrow('needs a node')
})

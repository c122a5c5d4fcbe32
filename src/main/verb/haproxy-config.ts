// `nimbo haproxy-config`: prints the configuration of an HAProxy before a RabbitMQ cluster.
import { haproxyConfig } from '../haproxy.ts'
import { usageError, type Verb } from '../verb.ts'

const balances = ['leastconn', 'roundrobin', 'source'] as const

export const haproxyConfigVerb: Verb = {
  summary: 'Prints an HAProxy configuration for the nodes of a RabbitMQ cluster',
  words: 'NODE …',
  options: {
    bind: { type: 'string', value: 'ADDRESS', help: 'Where HAProxy listens; everywhere unless given' },
    balance: {
      type: 'string',
      value: 'HOW',
      help: 'leastconn, roundrobin or source; leastconn unless given',
    },
    'stats-port': { type: 'string', value: 'PORT', help: 'Of the page /status; 10080 unless given' },
  },
  async run({ world, terminal, words, options }) {
    if (words.length === 0)
      throw usageError('Name the nodes: nimbo haproxy-config 192.0.2.1 192.0.2.2 192.0.2.3')
    const balance = balances.find((each) => each === (options.balance ?? 'leastconn'))
    if (!balance) throw usageError(`--balance is one of ${balances.join(', ')}.`)
    const statsPort = Number(options['stats-port'] ?? 10_080)
    if (!Number.isInteger(statsPort) || statsPort < 1 || statsPort > 65_535)
      throw usageError('--stats-port takes a port, 1 to 65535.')
    const text = haproxyConfig({
      nodes: words.map((host, index) => ({
        name: `node${index + 1}`,
        host,
        amqpPort: 5672,
        managementPort: 15_672,
      })),
      bind: typeof options.bind === 'string' ? options.bind : '*',
      amqpPort: 5672,
      managementPort: 15_672,
      balance,
      stats: { port: statsPort, user: 'admin', password: world.random.bytes(18).toString('base64url') },
      socket: '/run/haproxy-admin.sock',
    })
    for (const line of text.trimEnd().split('\n')) terminal.print(line)
    return 0
  },
}

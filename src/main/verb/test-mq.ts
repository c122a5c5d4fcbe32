// For tests of `nimbo mq`: a broker with its management API on real ports, and command lines run against it.
import { type Broker, openBroker } from '#broker/broker.ts'
import { openManagement } from '#broker/management/management.ts'
import { everything } from '#broker/test-broker.ts'
import type { Terminal } from '#cli/terminal.ts'
import { silentLog } from '#kit/log/log.ts'
import { realWorld } from '#kit/world/real.ts'
import { mq } from './mq.ts'

export type MqBroker = {
  broker: Broker
  url: string
  amqpPort: number
  managementPort: number
  close(): Promise<void>
}

export async function mqBroker(): Promise<MqBroker> {
  const world = realWorld()
  const operator = { password: 'a secret', permissions: { '/': everything }, tags: ['administrator'] }
  const broker = await openBroker({ world, log: silentLog, users: { operator } })
  const management = openManagement({ world, log: silentLog, broker, version: '0.1.0' })
  const amqpPort = portOf((await broker.listen({ host: '127.0.0.1', port: 0 })).address)
  const managementPort = portOf((await management.listen({ host: '127.0.0.1', port: 0 })).address)
  return {
    broker,
    url: `http://127.0.0.1:${managementPort}`,
    amqpPort,
    managementPort,
    async close() {
      await management.close()
      await broker.close()
    },
  }
}

function portOf(address: object): number {
  if (!('port' in address)) throw new Error('it is on no port')
  return address.port as number
}

export type Said = { code: number; out: string; err: string }

/** `input` is what comes from standard input. */
export async function runMqLine(
  { url }: MqBroker,
  words: string[],
  { input, env }: { input?: string; env?: Record<string, string> } = {},
): Promise<Said> {
  const out: string[] = []
  const err: string[] = []
  const terminal: Terminal = {
    print: (line) => void out.push(line),
    say: (line) => void err.push(line),
    colors: false,
    ...(input !== undefined && { input: async () => input }),
  }
  const login = { NIMBO_MQ_URL: url, NIMBO_MQ_USER: 'operator', NIMBO_MQ_PASSWORD: 'a secret' }
  const world = { ...realWorld(), env: { ...login, ...env } }
  const code = await mq.run({ world, terminal, program: [''], root: '/nowhere', options: {}, words })
  return { code, out: out.join('\n'), err: err.join('\n') }
}

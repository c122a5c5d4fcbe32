// The broker under a suite: ours as a process with a data folder, or Debian's RabbitMQ. Each on its usual ports.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Certificates } from './certificate.ts'

export type RunningBroker = {
  running(): boolean
  /** A program that speaks to it. */
  rabbitmqctl: string
  /** The end of what it wrote. */
  said(): string
  stop(): Promise<void>
}

const checkout = join(import.meta.dirname, '../..')

export async function startNimbo(scratch: string, { ca, cert, key }: Certificates): Promise<RunningBroker> {
  const args = ['broker', '--data', join(scratch, 'data'), '--guest', '--log-level', 'warn']
  // Both loopbacks: "localhost" is the second one for some clients.
  const listen = ['--listen', '127.0.0.1,::1', '--management-port', '15672']
  const tls = ['--tls-port', '5671', '--tls-ca', ca, '--tls-cert', cert, '--tls-key', key]
  const child = spawn(join(checkout, 'nimbo'), [...args, ...listen, ...tls], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const login = 'NIMBO_MQ_PASSWORD=guest NIMBO_MQ_URL=http://guest@127.0.0.1:15672'
  return follow(child, script(scratch, `${login} exec '${join(checkout, 'nimbo')}' mq "$@"`))
}

/** A node of its own: RabbitMQ's files, its plugins and Erlang's port mapper are all in the scratch folder and namespace. */
export async function startRabbit(scratch: string, { ca, cert, key }: Certificates): Promise<RunningBroker> {
  const at = join(scratch, 'rabbit')
  mkdirSync(at)
  writeFileSync(join(at, 'plugins'), '[rabbitmq_management].\n')
  const settings = {
    'listeners.tcp.default': 5672,
    'listeners.ssl.default': 5671,
    'ssl_options.cacertfile': ca,
    'ssl_options.certfile': cert,
    'ssl_options.keyfile': key,
    'ssl_options.verify': 'verify_peer',
    'ssl_options.fail_if_no_peer_cert': false,
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}\n`)
  writeFileSync(join(at, 'rabbitmq.conf'), lines.join(''))
  const child = spawn('/usr/lib/rabbitmq/bin/rabbitmq-server', {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      HOME: at,
      RABBITMQ_NODENAME: 'suite@localhost',
      RABBITMQ_MNESIA_BASE: join(at, 'mnesia'),
      RABBITMQ_LOG_BASE: join(at, 'log'),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(at, 'plugins'),
      RABBITMQ_CONFIG_FILE: join(at, 'rabbitmq'),
    },
  })
  const node = `HOME='${at}' RABBITMQ_NODENAME=suite@localhost`
  return follow(child, script(scratch, `${node} exec /usr/lib/rabbitmq/bin/rabbitmqctl "$@"`))
}

function script(scratch: string, line: string): string {
  const path = join(scratch, 'rabbitmqctl')
  writeFileSync(path, `#!/bin/sh\n${line}\n`, { mode: 0o700 })
  return path
}

async function follow(child: ChildProcess, rabbitmqctl: string): Promise<RunningBroker> {
  let said = ''
  for (const stream of [child.stdout!, child.stderr!])
    stream.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-10_000)
    })
  const running = () => child.exitCode === null && child.signalCode === null
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  for (let turn = 0; !(await answers(5672)) || !(await answers(15672)); turn++) {
    if (!running() || turn > 300)
      throw new Error(`the broker does not answer on its ports; it said:\n${said}`)
    await wait(100)
  }
  return {
    running,
    rabbitmqctl,
    said: () => said,
    async stop() {
      if (running()) child.kill('SIGTERM')
      await exited
    },
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

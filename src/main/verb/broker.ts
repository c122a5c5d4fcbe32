// `nimbo broker`: the message broker alone, without a cloud around it. Benches, kill tests and other people's client
// suites start it; so may whoever wants a broker and nothing else.
import { type Broker, openBroker } from '#broker/broker.ts'
import { openManagement } from '#broker/management/management.ts'
import type { UserSpec } from '#broker/server/user.ts'
import { openLog } from '#kit/log/log.ts'
import type { Address, ListenTls, World } from '#kit/world/world.ts'
import { managementPage } from '../management-page.ts'
import { type Invocation, usageError, type Verb } from '../verb.ts'
import { readVersion } from './version.ts'

const everything = { configure: '.*', write: '.*', read: '.*' }

export const brokerVerb: Verb = {
  summary: 'Runs a message broker alone until it is asked to end',
  options: {
    listen: { type: 'string', value: 'ADDRESS,…', help: 'Where to listen; 127.0.0.1 unless given' },
    port: { type: 'string', value: 'PORT', help: 'For AMQP; 5672 unless given, 0 takes any that is free' },
    users: {
      type: 'string',
      value: 'FILE',
      help: 'JSON: {"NAME": {"password": …, "permissions": {"/": …}}}',
    },
    'management-port': {
      type: 'string',
      value: 'PORT',
      help: 'For the management HTTP API; none unless given, 0 takes any that is free',
    },
    'metrics-port': {
      type: 'string',
      value: 'PORT',
      help: 'For Prometheus, without a login; none unless given',
    },
    'tls-port': { type: 'string', value: 'PORT', help: 'For AMQP over TLS; none unless given' },
    'tls-cert': { type: 'string', value: 'FILE', help: "The broker's certificate, PEM" },
    'tls-key': { type: 'string', value: 'FILE', help: 'Its key, PEM' },
    'tls-ca': {
      type: 'string',
      value: 'FILE',
      help: "Who signs clients' certificates, PEM; else none is asked for",
    },
    'tls-require': { type: 'boolean', help: 'Turn away clients without a certificate' },
    guest: { type: 'boolean', help: 'With the user guest, password guest, who may do everything' },
    memory: { type: 'boolean', help: 'Keep nothing on disk' },
    'log-level': { type: 'string', value: 'LEVEL', help: 'debug, info, warn or error; info unless given' },
  },
  async run({ world, terminal, root, options }) {
    // Asked while it still starts: it ends as soon as it is up.
    const asked = new Promise<void>((resolve) => {
      for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve())
    })
    const dataDir = options.memory ? undefined : root
    if (dataDir !== undefined) await world.files.makeFolder(dataDir)
    const log = openLog({ level: optionText(options, 'log-level') ?? 'info' })
    const broker = await openBroker({
      world,
      log,
      dataDir,
      users: await readUsers(world, options),
    })
    // Programs that start it wait for these lines.
    const port = portOption(options, 'port', 5672)
    const hosts = (optionText(options, 'listen') ?? '127.0.0.1').split(',')
    const tls = await readTls(world, options)
    for (const host of hosts) {
      terminal.print(`amqp ${await listen(broker, { host, port })}`)
      if (tls)
        terminal.print(
          `amqps ${await listen(broker, { host, port: portOption(options, 'tls-port', 5671) }, tls)}`,
        )
    }
    const management = openManagement({
      world,
      log,
      broker,
      version: await readVersion(world),
      page: managementPage(world),
    })
    for (const [option, protocol] of managementPorts) {
      if (optionText(options, option) === undefined) continue
      const [host = ''] = hosts
      const address = { host, port: portOption(options, option, 0) }
      terminal.print(`${protocol} ${shown((await management.listen(address, { protocol })).address)}`)
    }
    await asked
    await management.close()
    await broker.close()
    return 0
  },
}

const managementPorts = [
  ['management-port', 'http'],
  ['metrics-port', 'http/prometheus'],
] as const

async function listen(broker: Broker, address: Address, tls?: ListenTls): Promise<string> {
  const { address: bound } = await broker.listen(address, { tls })
  return shown(bound)
}

function shown(bound: Address): string {
  return 'port' in bound ? `${bound.host}:${bound.port}` : bound.path
}

async function readTls(world: World, options: Invocation['options']): Promise<ListenTls | undefined> {
  if (options['tls-port'] === undefined) return undefined
  const [cert, key, ca] = ['tls-cert', 'tls-key', 'tls-ca'].map((name) => optionText(options, name))
  if (cert === undefined || key === undefined)
    throw usageError('--tls-port goes with --tls-cert and --tls-key.')
  const requireClientCert = options['tls-require'] === true
  if (requireClientCert && ca === undefined) throw usageError('--tls-require goes with --tls-ca.')
  return {
    cert: await world.files.readText(cert),
    key: await world.files.readText(key),
    ca: ca && (await world.files.readText(ca)),
    requestClientCert: ca !== undefined,
    requireClientCert,
  }
}

async function readUsers(world: World, options: Invocation['options']): Promise<Record<string, UserSpec>> {
  const file = optionText(options, 'users')
  const users: Record<string, UserSpec> = options.guest
    ? { guest: { password: 'guest', permissions: { '/': everything }, tags: ['administrator'] } }
    : {}
  if (file === undefined) return users
  try {
    return { ...users, ...(JSON.parse(await world.files.readText(file)) as Record<string, UserSpec>) }
  } catch (error) {
    throw usageError(`The file of users ${file} can't be read: ${(error as Error).message}`)
  }
}

function optionText(options: Invocation['options'], name: string): string | undefined {
  const value = options[name]
  return typeof value === 'string' ? value : undefined
}

function portOption(options: Invocation['options'], name: string, usual: number): number {
  const port = Number(optionText(options, name) ?? usual)
  if (Number.isInteger(port) && port >= 0 && port < 65536) return port
  throw usageError(`--${name} takes a port, 0 to 65535.`)
}

// Joining for real: two data folders, processes of their own, TLS on every line between them; and what those get who
// have no right to it. Hosts are simulated, so that one machine can be both.
import { type Channel, connect } from 'amqplib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openAuthority } from '#kit/certificate/authority.ts'
import { makeKey, makeRequest } from '#kit/certificate/openssl.ts'
import { httpClient } from '#kit/http/client.ts'
import type { ConnectTls } from '#kit/world/world.ts'
import { readMember } from '#main/member.ts'
import { portsFrom } from '#main/port.ts'
import { addressesOf } from '#main/public-cidr.ts'
import { type LiveCloud, prepareLiveCloud, type Said, succeeded, until, world } from './live-cloud.ts'

let host: string
let cloud: LiveCloud
let joined: string

async function nimbo(root: string, ...args: string[]): Promise<Said> {
  const launcher = new URL('../../nimbo', import.meta.url).pathname
  const { PATH = '', HOME = '/root' } = process.env
  const ran = await world.processes.run(launcher, [...args, '--data', root], {
    env: { PATH, HOME, NO_COLOR: '1' },
    timeoutMs: 120_000,
  })
  return { ...ran, line: `nimbo ${args.join(' ')}` }
}

type Token = { token: string; command: string }
const createToken = async (...args: string[]) =>
  JSON.parse(succeeded(await cloud.nimbo('token', 'create', '--json', ...args)).stdout) as Token

const join = (root: string, token: string, ...args: string[]) =>
  nimbo(root, 'join', `${host}:${portsFrom(cloud.portBase).hosts}`, '--token', token, ...args)

/** One that other machines could reach, too. */
async function ownAddress(): Promise<string> {
  const { stdout } = await world.processes.run('ip', ['-j', '-4', 'address', 'show', 'scope', 'global'])
  const address = addressesOf(stdout).find((each) => !each.startsWith('172.'))
  if (!address) throw new Error('This machine has no address of its own.')
  return address
}

beforeAll(async () => {
  host = await ownAddress()
  cloud = await prepareLiveCloud('join', 'sim')
  joined = `${cloud.folder}/joined`
  succeeded(await cloud.up('--empty', '--hosts', '1', '--listen', '0.0.0.0', '--public-host', host))
})
afterAll(async () => {
  if (await world.files.exists(`${joined}/.nimbo-cloud`))
    succeeded(await nimbo(joined, 'destroy', '--yes', '--force'))
  await cloud.destroy()
})

/** What the bus of other hosts says to somebody with these papers: its first octets, or why it says nothing. */
async function busSays(tls: ConnectTls): Promise<string> {
  const connection = await world.sockets.connect({ host, port: portsFrom(cloud.portBase).amqpTls }, { tls })
  return new Promise((resolve) => {
    connection.once('data', (chunk: Buffer) => {
      resolve(chunk.toString('latin1'))
      connection.destroy()
    })
    connection.once('error', () => resolve('refused'))
    connection.once('close', () => resolve('refused'))
    connection.write(Buffer.from('AMQP\0\0\x09\x01', 'latin1'))
  })
}

describe('nimbo join', () => {
  it('makes this machine a host by one command, and says so when it is one already', async () => {
    const { token, command } = await createToken()
    expect(command).toBe(`nimbo join ${host}:${portsFrom(cloud.portBase).hosts} --token ${token}`)
    const said = succeeded(await join(joined, token, '--name', 'second'))
    expect(said.stdout).toContain(`second is a host of the cloud of ${host}`)
    const services = await cloud.json<{ Host: string; Binary: string; State: string }[]>(
      'admin',
      ...['compute', 'service', 'list', '--service', 'nova-compute'],
    )
    expect(services.map((each) => [each.Host, each.State]).sort()).toEqual([
      ['node1', 'up'],
      ['second', 'up'],
    ])
    const agents = await cloud.json<{ Host: string; Alive: boolean }[]>('admin', 'network', 'agent', 'list')
    expect(agents.filter((agent) => agent.Host === 'second').map((agent) => agent.Alive)).toEqual([
      ...[true, true, true, true],
    ])
    expect(succeeded(await join(joined, token)).stdout).toContain('nothing was changed')
    expect(succeeded(await nimbo(joined, 'up')).stdout).toContain('nothing was changed')
  })

  it('leaves no password of a service and no secret of the cloud on the host', async () => {
    const secrets = JSON.parse(await world.files.readText(`${cloud.root}/secrets.json`)) as Record<
      string,
      string
    >
    const { stdout } = await world.processes.run('grep', ['-r', '', joined])
    expect(stdout).toContain(secrets['metadata-signing'])
    for (const [name, secret] of Object.entries(secrets))
      if (name !== 'metadata-signing') expect(stdout.includes(secret), name).toBe(false)
    const files = await world.processes.run('find', [
      joined,
      '-type',
      'f',
      '-perm',
      '/077',
      '-name',
      '*.json',
    ])
    expect(files.stdout).toBe('')
    expect((await world.files.info(`${joined}/tls/host.key`))!.mode).toBe(0o600)
  })

  it('has credentials on its disk with which a stock client reaches nothing of another host', async () => {
    const { bus } = (await readMember(world, joined))!
    const [ca, cert, key] = await Promise.all(
      ['ca.pem', 'host.pem', 'host.key'].map((name) => world.files.read(`${joined}/tls/${name}`)),
    )
    const login = `${encodeURIComponent(bus.user)}:${encodeURIComponent(bus.password)}`
    const url = `amqps://${login}@${host}:${portsFrom(cloud.portBase).amqpTls}/%2F`
    const thief = await connect(url, { ca: [ca!], cert, key, noDelay: true })
    thief.on('error', () => {})
    const answerTo = async (attempt: (channel: Channel) => Promise<unknown>): Promise<string> => {
      const channel = await thief.createChannel()
      const refused = new Promise<string>((resolve) =>
        channel.on('error', (error: Error) => resolve(error.message)),
      )
      const allowed = async () => {
        await attempt(channel)
        await channel.close()
        return 'allowed'
      }
      const done = allowed().catch(() => refused)
      return Promise.race([done, refused])
    }
    const own = ['compute.second', 'q-agent-notifier.second', 'dhcp_agent.second', 'l3_agent.second']
    for (const queue of own) {
      expect(await answerTo((channel) => channel.checkQueue(queue)), queue).toBe('allowed')
      const other = queue.replace('second', 'node1')
      for (const [what, attempt] of Object.entries<(channel: Channel) => Promise<unknown>>({
        consume: (channel) => channel.consume(other, () => {}),
        get: (channel) => channel.get(other),
        purge: (channel) => channel.purgeQueue(other),
        delete: (channel) => channel.deleteQueue(other),
        declare: (channel) => channel.assertQueue(other, { durable: true }),
        'bind to the orders of': (channel) => channel.bindQueue(queue, 'nova_host', other),
        async 'write to'(channel) {
          channel.publish('nova_host', other, Buffer.from('{}'))
          await channel.checkQueue(queue)
        },
        async 'write straight to'(channel) {
          channel.sendToQueue(other, Buffer.from('{}'))
          await channel.checkQueue(queue)
        },
      }))
        expect(await answerTo(attempt), `${what} ${other}`).toMatch(/403|ACCESS[_-]REFUSED/)
    }
    await thief.close()
  })

  it('comes back after down and up, and its verbs know what it is', async () => {
    expect(succeeded(await nimbo(joined, 'down')).stdout).toContain("This host's agent is down")
    expect((await nimbo(joined, 'status')).code).toBe(3)
    expect(succeeded(await nimbo(joined, 'up')).stdout).toContain('is up')
    const status = JSON.parse(succeeded(await nimbo(joined, 'status', '--json')).stdout)
    expect(status).toMatchObject({ running: true, host: 'second', controller: host })
    for (const verb of [
      ['token', 'create'],
      ['host', 'list'],
      ['trace', 'server', 'x'],
      ['down', '--guests'],
    ]) {
      const said = await nimbo(joined, ...verb)
      expect([said.code, said.stderr], verb.join(' ')).toEqual([1, expect.stringContaining(host)])
    }
    expect((await nimbo(joined, 'logs', 'controller')).code).toBe(2)
    succeeded(await nimbo(joined, 'doctor'))
  })

  it('runs servers there with an image over HTTPS', async () => {
    const image = `${cloud.folder}/blank`
    await world.files.write(image, Buffer.alloc(1024 * 1024))
    const raw = ['--disk-format', 'raw', '--container-format', 'bare']
    await cloud.text('admin', 'image', 'create', '--file', image, ...raw, 'blank')
    const flavor = ['--ram', '64', '--disk', '1', '--vcpus', '1', 'small']
    await cloud.text('admin', 'flavor', 'create', ...flavor)
    await cloud.text('admin', 'network', 'create', 'private')
    await cloud.text(
      'admin',
      'subnet',
      'create',
      '--network',
      'private',
      '--subnet-range',
      '10.7.0.0/24',
      's',
    )
    const where = ['--availability-zone', 'nova:second', '--network', 'private', 's']
    await cloud.text('admin', 'server', 'create', '--image', 'blank', '--flavor', 'small', ...where)
    const server = await until('the server is built', async () => {
      const shown = await cloud.json('admin', 'server', 'show', 's')
      return shown.status !== 'BUILD' && shown
    })
    expect(server).toMatchObject({ status: 'ACTIVE', 'OS-EXT-SRV-ATTR:host': 'second' })
    const said = await nimbo(joined, 'destroy', '--yes')
    expect([said.code, said.stderr]).toEqual([1, expect.stringContaining('second still has 1 server')])
    expect((await cloud.nimbo('host', 'remove', 'second')).stderr).toContain('second still has 1 server')
    await cloud.text('admin', 'server', 'delete', 's')
    await until(
      'it is gone',
      async () => (await cloud.json<unknown[]>('admin', 'server', 'list')).length === 0,
    )
  })

  it('says nothing secret to another cloud than the one of its token', async () => {
    const { token } = await createToken()
    const other = `${token.split('.').slice(0, 3).join('.')}.${'A'.repeat(43)}`
    const said = await join(`${cloud.folder}/third`, other)
    expect([said.code, said.stderr]).toEqual([1, expect.stringContaining('nothing was sent')])
    // A name that leads to the controller, but that its certificate lacks.
    const port = portsFrom(cloud.portBase).hosts
    const strange = await nimbo(`${cloud.folder}/third`, 'join', `127.0.0.3:${port}`, '--token', token)
    expect([strange.code, strange.stderr]).toEqual([1, expect.stringContaining('cloud.tls_names')])
    expect(await world.files.exists(`${cloud.folder}/third`)).toBe(false)
    // It was never used up.
    expect((await cloud.nimbo('token', 'list')).stdout).toMatch(new RegExp(`${token.split('.')[1]}\\s+valid`))
  })

  it('leaves the machine as it was where it is turned away', async () => {
    const { token } = await createToken('--host', 'fourth')
    const unknown = token.replace(/\.(.)/, (_, first) => (first === '0' ? '.1' : '.0'))
    for (const [bad, name] of [
      [token, 'third'],
      [unknown, 'fourth'],
    ] as const) {
      const said = await join(`${cloud.folder}/third`, bad, '--name', name)
      expect([said.code, said.stderr]).toEqual([1, expect.stringContaining('join token')])
      expect(await world.files.exists(`${cloud.folder}/third`)).toBe(false)
    }
    expect((await join(cloud.root, token)).stderr).toContain('holds a controller')
  })
})

describe('a cloud with a new authority', () => {
  it('shuts its hosts out until they join again, each by a token of its own, with what they have', async () => {
    const before = await world.files.readText(`${joined}/tls/ca.pem`)
    const key = await world.files.readText(`${joined}/tls/host.key`)
    succeeded(await cloud.nimbo('down'))
    await world.files.removeTree(`${cloud.root}/tls`)
    succeeded(await cloud.up('--empty', '--hosts', '1', '--listen', '0.0.0.0', '--public-host', host))
    expect((await join(joined, (await createToken()).token)).stderr).toContain(
      'nimbo token create --host second',
    )
    const { token } = await createToken('--host', 'second')
    expect(succeeded(await join(joined, token)).stdout).toContain('second is a host')
    expect(await world.files.readText(`${joined}/tls/ca.pem`)).not.toBe(before)
    expect(await world.files.readText(`${joined}/tls/host.key`)).toBe(key)
    expect((await cloud.nimbo('host', 'list')).stdout).toMatch(/second .* up +enabled/)
  })
})

describe('the lines of a cloud of several hosts', () => {
  it('are TLS alone: APIs, the place where hosts join, the bus', async () => {
    const http = httpClient()
    const ports = portsFrom(cloud.portBase)
    for (const port of [ports.identity, ports.compute, ports.hosts])
      await expect(http.request({ method: 'GET', url: `http://${host}:${port}/` })).rejects.toMatchObject({
        kind: 'unavailable',
      })
    http.close()
    await expect(world.sockets.connect({ host, port: ports.amqp })).rejects.toMatchObject({
      kind: 'unavailable',
    })
  })

  it('let to the bus only members: no stranger, no other authority, no API’s certificate, nobody removed', async () => {
    const { readText } = world.files
    const ca = await readText(`${joined}/tls/ca.pem`)
    const own = {
      ca,
      cert: await readText(`${joined}/tls/host.pem`),
      key: await readText(`${joined}/tls/host.key`),
    }
    expect(await busSays(own)).toContain('AMQPLAIN')
    expect(await busSays({ ca })).toBe('refused')
    const foreign = await openAuthority(world, `${cloud.folder}/foreign`, 'Another cloud')
    await makeKey(world, `${cloud.folder}/forged.key`)
    const request = await makeRequest(world, `${cloud.folder}/forged.key`, 'second')
    const cert = await foreign.issue({ request, commonName: 'second', usage: 'client', validMs: 3_600_000 })
    expect(await busSays({ ca, cert, key: await readText(`${cloud.folder}/forged.key`) })).toBe('refused')
    const server = {
      cert: await readText(`${cloud.root}/tls/server.pem`),
      key: await readText(`${cloud.root}/tls/server.key`),
    }
    expect(await busSays({ ca, ...server })).toBe('refused')
    const member = await readMember(world, joined)
    expect(member?.host).toBe('second')
    succeeded(await cloud.nimbo('host', 'remove', 'second'))
    expect(await busSays(own)).toBe('refused')
    // It asks for five seconds: the controller may just be starting again.
    const [said] = await Promise.all([
      nimbo(joined, 'destroy', '--yes'),
      until('its agent has lost its line', async () =>
        (await readText(`${joined}/log/agent.log`)).includes("user 'agent@second' is deleted"),
      ),
    ])
    expect((await cloud.nimbo('host', 'list')).stdout).not.toContain('second')
    expect([said.code, said.stderr]).toEqual([1, expect.stringContaining('does not let this host in')])
    succeeded(await nimbo(joined, 'destroy', '--yes', '--force'))
    expect(await world.files.exists(joined)).toBe(false)
  })
})

// haproxy as far as guests' metadata requests meet it, from the configuration file that the agents wrote: headers that it
// drops and adds, and the unix socket behind it. One request for each connection.
import type { Duplex } from 'node:stream'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { World } from '#kit/world/world.ts'
import type { Program, ProgramPlace } from './process.ts'

type Config = {
  port: number
  socketPath: string
  dropped: Set<string>
  added: [name: string, value: string][]
  forwardFor: boolean
  serverTimeoutMs: number
}

/** Of a guest's request, head and body. */
const mostBytes = 128 * 1024

export async function startHaproxy({ host, args }: ProgramPlace): Promise<Program> {
  const path = args[args.indexOf('-f') + 1]
  if (path === undefined) throw new CloudError('badRequest', 'no configuration file')
  const config = readConfig(await host.world.files.readText(path))
  return {
    accept: (port) =>
      port === config.port
        ? (connection, from) => void host.world.activity.track(serve(host.world, config, connection, from))
        : undefined,
  }
}

/** Refuses what it doesn't know: a line that means nothing here would mean nothing in a test of the cloud either. */
function readConfig(text: string): Config {
  const config: Partial<Config> & Pick<Config, 'dropped' | 'added'> = { dropped: new Set(), added: [] }
  for (const line of text.split('\n').map((each) => each.trim())) {
    const [word = '', ...rest] = line.split(/\s+/)
    if (word === 'bind') config.port = Number(rest[0]?.split(':').at(-1))
    else if (word === 'server') config.socketPath = rest[1]
    else if (line === 'option forwardfor') config.forwardFor = true
    else if (word === 'http-request' && rest[0] === 'del-header') config.dropped.add(rest[1]!.toLowerCase())
    else if (word === 'http-request' && rest[0] === 'add-header') config.added.push([rest[1]!, rest[2]!])
    else if (word === 'timeout' && rest[0] === 'server')
      config.serverTimeoutMs = 1000 * Number.parseInt(rest[1]!, 10)
    else if (!/^(|global|defaults|listen|maxconn|nbthread|mode|option|retries|timeout)$/.test(word))
      throw new CloudError('badRequest', `unknown keyword '${word}'`)
  }
  const { port, socketPath } = config
  if (!port || !socketPath) throw new CloudError('badRequest', 'it needs a bind and a server line')
  return { forwardFor: false, serverTimeoutMs: 30_000, ...config, port, socketPath }
}

async function serve(world: World, config: Config, guest: Duplex, from: string): Promise<void> {
  guest.on('error', () => guest.destroy())
  try {
    const request = await readRequest(guest)
    if (!request) return void guest.destroy()
    const agent = await world.sockets.connect({ path: config.socketPath })
    const cancel = world.timers.after(config.serverTimeoutMs, () => agent.destroy(), { background: true })
    try {
      agent.write(Buffer.concat([rewritten(config, request.head, from), request.body]))
      for await (const chunk of agent) guest.write(chunk)
      guest.end()
    } finally {
      cancel()
      agent.destroy()
    }
  } catch {
    // Nobody behind it, or it went away: what haproxy says of both.
    guest.end('HTTP/1.0 503 Service Unavailable\r\nConnection: close\r\n\r\nNo server is available.\n')
  }
}

async function readRequest(guest: Duplex): Promise<{ head: string; body: Buffer } | undefined> {
  let held = Buffer.alloc(0)
  for await (const chunk of guest.iterator({ destroyOnReturn: false })) {
    held = Buffer.concat([held, chunk as Buffer])
    if (held.length > mostBytes) return undefined
    const end = held.indexOf('\r\n\r\n')
    if (end < 0) continue
    const head = held.subarray(0, end).toString('latin1')
    const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0)
    const body = held.subarray(end + 4)
    if (body.length >= length) return { head, body: body.subarray(0, length) }
  }
  return undefined
}

function rewritten({ dropped, added, forwardFor }: Config, head: string, from: string): Buffer {
  const [first, ...lines] = head.split('\r\n')
  const kept = lines.filter((line) => {
    const name = line.slice(0, line.indexOf(':')).trim().toLowerCase()
    return !dropped.has(name) && name !== 'connection'
  })
  const more = added.map(([name, value]) => `${name}: ${value}`)
  const whose = forwardFor ? [`X-Forwarded-For: ${from}`] : []
  return Buffer.from([first, ...kept, ...more, ...whose, 'Connection: close', '', ''].join('\r\n'), 'latin1')
}

// A visitor's way to a guest's screen: the token is redeemed once, the host's door opens to the ticket, and bytes pass.
import type { conductor } from '#contracts/compute.ts'
import type { Caller } from '#kit/bus/bus.ts'
import { fullMessage } from '#kit/errors/cloud-error.ts'
import type { Journal } from '#kit/journal/journal.ts'
import type { Log } from '#kit/log/log.ts'
import type { Connection, World } from '#kit/world/world.ts'
import type { WebSocketVisitor } from '#kit/ws/websocket.ts'
import type { ConsoleConfig } from './config.ts'

export type Relay = {
  world: World
  log: Log
  journal: Journal
  config: ConsoleConfig
  /** Who signs the certificates of hosts' doors. */
  authority: () => Promise<string>
  conductor: Pick<Caller<typeof conductor.methods>, 'consoleAuthorize'>
}

const refused = 'This console address is unknown, used or expired. Ask for a new one.'

export async function relay(parts: Relay, visitor: WebSocketVisitor): Promise<void> {
  const { world, log, journal, config } = parts
  const trace = journal.newTrace()
  const token = visitor.query.get('token') ?? ''
  if (token === '' || token.length > 255) return visitor.close(1008, refused)
  let serverId: string | undefined
  try {
    const { console } = await parts.conductor.consoleAuthorize({ token }, { trace })
    if (!console) return visitor.close(1008, refused)
    serverId = console.serverId
    const { host, port, ticket, serverName } = console
    const tls = serverName === null ? undefined : { ca: await parts.authority(), serverName }
    const guest = await world.sockets.connect({ host, port }, { timeoutMs: config.connectTimeout, tls })
    guest.setNoDelay?.(true)
    guest.write(`${ticket}\n`)
    await journal.span(trace, { kind: 'request', name: 'console', subject: `server:${serverId}` }, () =>
      join(visitor, guest),
    )
    visitor.close(1000, 'The console was closed.')
  } catch (error) {
    log.warn({ serverId, error: fullMessage(error) }, 'a console could not be opened')
    visitor.close(1011, "The server's screen can't be reached now.")
  }
}

/** Until either side ends. A line that is cut is the usual end of a console, so an error on it is one as well. */
function join(visitor: WebSocketVisitor, guest: Connection): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      guest.destroy()
      resolve()
    }
    guest.on('error', end)
    guest.once('close', end)
    visitor.stream.once('close', end)
    visitor.stream.pipe(guest)
    guest.pipe(visitor.stream, { end: false })
  })
}

// A guest's screen for the console proxy: a door of its own, for one visitor who knows the ticket, for a short time.
import { timingSafeEqual } from 'node:crypto'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Connection, Listener } from '#kit/world/world.ts'
import type { Parts } from './parts.ts'

export type ConsoleDoor = { close(): Promise<void> }

const openForMs = 30_000
const ticketBytes = 32

export async function openConsole(
  parts: Pick<Parts, 'world' | 'driver' | 'config' | 'log' | 'consoleTls'>,
  doors: Set<ConsoleDoor>,
  serverId: string,
  kind: 'novnc' | 'serial',
): Promise<{ host: string; port: number; ticket: string; secure: boolean }> {
  if (kind !== 'novnc') throw new CloudError('badRequest', 'Only the screen (novnc) can be opened here')
  const { world, driver, config, log } = parts
  const tls = await parts.consoleTls?.()
  const screen = await driver.consoleSocket(serverId)
  const ticket = world.random.bytes(ticketBytes).toString('hex')
  let listener: Listener | undefined
  const close = async () => {
    cancel()
    doors.delete(door)
    await listener?.close()
  }
  const door: ConsoleDoor = { close }
  const cancel = world.timers.after(openForMs, () => void close(), { background: true })
  const enter = (visitor: Connection) => {
    admit(visitor, ticket)
      .then(async (rest) => {
        const guest = await world.sockets.connect({ path: screen })
        cancel()
        if (rest.length > 0) guest.write(rest)
        join(visitor, guest, () => void close())
      })
      .catch((error) => {
        log.debug({ serverId, error: String(error) }, 'a console visitor was turned away')
        visitor.destroy()
      })
  }
  listener = await world.sockets.listen({ host: config.consoleAddress, port: 0 }, enter, { tls })
  doors.add(door)
  const { address } = listener
  if (!('port' in address)) throw new CloudError('internal', 'A console door needs a port')
  return { host: config.consoleAddress, port: address.port, ticket, secure: tls !== undefined }
}

/** The first line must be the ticket; what follows it belongs to the guest. */
function admit(visitor: Connection, ticket: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let seen = Buffer.alloc(0)
    const read = (chunk: Buffer) => {
      seen = Buffer.concat([seen, chunk])
      const end = seen.indexOf(10)
      if (end < 0 && seen.length <= ticket.length) return
      visitor.off('data', read)
      const given = seen.subarray(0, Math.max(0, end))
      const right = given.length === ticket.length && timingSafeEqual(given, Buffer.from(ticket))
      if (right) resolve(seen.subarray(end + 1))
      else reject(new CloudError('forbidden', 'The ticket is wrong'))
    }
    visitor.on('data', read)
    visitor.once('error', reject)
    visitor.once('close', () => reject(new CloudError('forbidden', 'The visitor left without a ticket')))
  })
}

function join(one: Connection, other: Connection, ended: () => void): void {
  one.pipe(other)
  other.pipe(one)
  const end = () => {
    one.destroy()
    other.destroy()
    ended()
  }
  for (const side of [one, other]) {
    side.once('close', end)
    side.once('error', end)
  }
}

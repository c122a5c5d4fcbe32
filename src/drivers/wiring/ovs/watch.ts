// Notices a restart of ovs-vswitchd at once: an idle OpenFlow connection to br-int ends with the daemon,
// and with the daemon all flows are gone. https://opennetworking.org, OpenFlow 1.4, section 7.5.
import { fullMessage } from '#kit/errors/cloud-error.ts'
import type { Log } from '#kit/log/log.ts'
import type { Connection, World } from '#kit/world/world.ts'

const version = 0x05
const hello = 0
const echoRequest = 2
const echoReply = 3
const headerBytes = 8
const retryMs = 200

export type Watch = { stop(): void }

/**
 * `lost` is called when the connection ends and whenever it can't be made again: the daemon may have died once more, or not
 * have been quite dead when it was looked for. `back` is called once it stands again.
 */
export function watchSwitch(
  world: World,
  log: Log,
  socket: string,
  on: { lost(): Promise<void>; back(): Promise<void> },
): Watch {
  let stopped = false
  let current: Connection | undefined

  const keep = async () => {
    for (let first = true; !stopped; first = false) {
      try {
        const connection = await world.sockets.connect({ path: socket })
        current = connection
        if (stopped) connection.destroy()
        const ended = listen(connection)
        if (!first && !stopped) await on.back()
        await ended
        if (stopped) return
        log.warn({ socket }, 'Open vSwitch has gone away: its flows are lost')
        await on.lost()
      } catch (error) {
        current?.destroy()
        log.debug({ socket, error: fullMessage(error) }, 'Open vSwitch does not answer yet')
        // Its failure is told by whoever tries.
        if (!stopped) await on.lost().catch(() => {})
      }
      if (!stopped) await world.timers.sleep(retryMs, { background: true })
    }
  }
  void keep()
  return {
    stop() {
      stopped = true
      current?.destroy()
    },
  }
}

function listen(connection: Connection): Promise<void> {
  let held = Buffer.alloc(0)
  connection.write(Buffer.from([version, hello, 0, headerBytes, 0, 0, 0, 1]))
  connection.on('data', (chunk: Buffer) => {
    held = Buffer.concat([held, chunk])
    while (held.length >= headerBytes && held.length >= held.readUInt16BE(2)) {
      const message = held.subarray(0, held.readUInt16BE(2))
      held = held.subarray(message.length)
      if (message[1] !== echoRequest) continue
      const reply = Buffer.from(message)
      reply[1] = echoReply
      connection.write(reply)
    }
  })
  return new Promise((resolve) => {
    connection.once('error', () => resolve())
    connection.once('end', () => resolve())
    connection.once('close', () => resolve())
  })
}

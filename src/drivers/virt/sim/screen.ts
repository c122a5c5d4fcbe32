// The VNC side of simulated guests: a unix socket that speaks RFB 3.8 (RFC 6143) and shows one grey screen,
// so that a console proxy and a noVNC page work end to end without a guest.
import type { Connection, Listener, World } from '#kit/world/world.ts'

const width = 160
const height = 100
/** 32 bits per pixel, depth 24, little endian, true colour, 8 bits each of red, green, blue. */
const pixelFormat = [32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0, 0, 0, 0]
/** Bytes of each client message by type; type 2 (encodings) and 6 (cut text) carry their own counts. */
const clientMessageBytes: Record<number, number> = { 0: 20, 3: 10, 4: 8, 5: 6 }

export function openScreen(world: World, folder: string) {
  const listeners = new Map<string, Promise<Listener>>()
  return {
    /** Opened when somebody first asks: most guests are never looked at. */
    async socket(id: string): Promise<string> {
      const path = `${folder}/${id}.vnc`
      let listener = listeners.get(id)
      if (!listener) {
        listener = world.files
          .makeFolder(folder)
          .then(() => world.sockets.listen({ path }, (connection) => serve(connection, id)))
        listeners.set(id, listener)
        // The next one to ask tries again.
        listener.catch(() => listeners.delete(id))
      }
      await listener
      return path
    },
    async hide(id: string): Promise<void> {
      // One that can't be opened is told to whoever asked for it.
      const listener = await listeners.get(id)?.catch(() => undefined)
      if (!listener) return
      listeners.delete(id)
      await listener.close()
      await world.files.remove(`${folder}/${id}.vnc`)
    },
    async close(): Promise<void> {
      for (const id of [...listeners.keys()]) await this.hide(id)
    },
  }
}

function serve(connection: Connection, name: string): void {
  let step: 'version' | 'security' | 'init' | 'normal' = 'version'
  let held: Buffer = Buffer.alloc(0)
  connection.on('error', () => connection.destroy())
  connection.write('RFB 003.008\n')

  /** Takes one whole message off the front; 0 means more bytes are needed. */
  const take = (): number => {
    if (held.length === 0) return 0
    if (step === 'version') {
      if (held.length < 12) return 0
      step = 'security'
      connection.write(Buffer.from([1, 1]))
      return 12
    }
    if (step === 'security') {
      step = 'init'
      connection.write(Buffer.alloc(4))
      return 1
    }
    if (step === 'init') {
      step = 'normal'
      connection.write(serverInit(name))
      return 1
    }
    const size = messageSize(held)
    if (size === 0 || held.length < size) return 0
    if (held[0] === 3) connection.write(greyScreen(held[1] === 0))
    return size
  }

  connection.on('data', (chunk: Buffer) => {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk])
    for (let size = take(); size > 0; size = take()) held = held.subarray(size)
  })
}

function messageSize(held: Buffer): number {
  const type = held[0]!
  if (type === 2) return held.length < 4 ? 0 : 4 + 4 * held.readUInt16BE(2)
  if (type === 6) return held.length < 8 ? 0 : 8 + Math.min(held.readUInt32BE(4), 65_536)
  return clientMessageBytes[type] ?? held.length
}

function serverInit(name: string): Buffer {
  const text = Buffer.from(name, 'utf8')
  const head = Buffer.alloc(24)
  head.writeUInt16BE(width, 0)
  head.writeUInt16BE(height, 2)
  Buffer.from(pixelFormat).copy(head, 4)
  head.writeUInt32BE(text.length, 20)
  return Buffer.concat([head, text])
}

/** One raw rectangle, or none where the client asked only for changes: nothing ever changes. */
function greyScreen(whole: boolean): Buffer {
  const head = Buffer.from([0, 0, 0, whole ? 1 : 0])
  if (!whole) return head
  const rectangle = Buffer.alloc(12)
  rectangle.writeUInt16BE(width, 4)
  rectangle.writeUInt16BE(height, 6)
  return Buffer.concat([head, rectangle, Buffer.alloc(width * height * 4, 0x60)])
}

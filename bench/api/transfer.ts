// The client's side of large transfers over plain sockets: the same few lines for whatever is measured, so that the client
// costs each of them the same.
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'

/** Sent over and over: no hole, and no mark of any disk format. */
const block = randomBytes(1024 * 1024)
const readBytes = 256 * 1024

/** Seconds until the answer to `bytes` of content behind `head` is there. It must hold `answer`. */
export async function send(port: number, bytes: number, head: string, answer: string): Promise<number> {
  const started = performance.now()
  const socket = connect({ host: '127.0.0.1', port, noDelay: true })
  let answered = ''
  socket.on('data', (part) => {
    answered += part
  })
  const over = new Promise<void>((resolve, reject) => {
    socket.once('error', reject).once('close', resolve)
    socket.on('data', () => answered.includes(answer) && resolve())
  })
  over.catch(() => {})
  if (head !== '') socket.write(head)
  for (let sent = 0; sent < bytes; sent += block.length) {
    if (!socket.write(block.subarray(0, bytes - sent))) await Promise.race([once(socket, 'drain'), over])
  }
  // HTTP knows the end by the length.
  if (head === '') socket.end()
  await over
  const seconds = (performance.now() - started) / 1000
  socket.destroy()
  if (!answered.includes(answer)) throw new Error(`The answer to ${bytes} bytes was '${answered}'`)
  return seconds
}

/** Seconds until `bytes` of content have come; `head` is sent first where it isn't empty, and a header is expected then. */
export function receive(port: number, bytes: number, head: string): Promise<number> {
  const started = performance.now()
  return new Promise((resolve, reject) => {
    let wanted = bytes
    let inHeader = head !== ''
    let header = ''
    const socket = connect({
      host: '127.0.0.1',
      port,
      onread: {
        buffer: Buffer.alloc(readBytes),
        callback(count, buffer) {
          let length = count
          if (inHeader) {
            header += Buffer.from(buffer.buffer, buffer.byteOffset, count).toString('latin1')
            const end = header.indexOf('\r\n\r\n')
            if (end < 0) return true
            inHeader = false
            length = header.length - end - 4
            if (!header.startsWith('HTTP/1.1 200')) wanted = Number.NaN
          }
          wanted -= length
          if (wanted === 0) resolve((performance.now() - started) / 1000)
          if (!(wanted > 0)) socket.destroy()
          return true
        },
      },
    })
    socket.once('error', reject)
    socket.once('close', () =>
      reject(new Error(`${wanted} of ${bytes} bytes never came: ${header.slice(0, 300)}`)),
    )
    if (head !== '') socket.write(head)
  })
}

// What images are compared with: a server in a process of its own that pipes a socket to a file, and a file to a socket, with
// Node's own streams as they are. No checksum, no HTTP; a flush only where it is asked for, so that what it costs is known.
// `node copier.ts FILE`, started by image.ts.
import { createReadStream, createWriteStream } from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { pipeline } from 'node:stream'

export type CopierPorts = { put: number; putFlushed: number; get: number }

const file = process.argv[2]!

async function serve(work: (socket: Socket) => void): Promise<number> {
  // Who has sent all says so by closing his half, and waits for the answer.
  const server = createServer({ allowHalfOpen: true }, work)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

const taking = (flush: boolean) =>
  serve((socket) => {
    pipeline(socket, createWriteStream(file, { flush }), (error) =>
      socket.end(error ? String(error) : 'done'),
    )
  })
const put = await taking(false)
const putFlushed = await taking(true)
const get = await serve((socket) => {
  pipeline(createReadStream(file), socket, (error) => error && socket.destroy())
})
process.send!({ put, putFlushed, get } satisfies CopierPorts)
// Whatever it is sent asks for the seconds of processor time that it has taken.
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send!((user + system) / 1e6)
})
process.on('disconnect', () => process.exit())

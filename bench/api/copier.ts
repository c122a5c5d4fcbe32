// What images are compared with: a server in a process of its own that pipes a socket to a file, and a file to a socket, with
// Node's own streams as they are. No checksum, no flush, no HTTP. `node copier.ts FILE`, started by image.ts.
import { createReadStream, createWriteStream } from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { pipeline } from 'node:stream'

export type CopierPorts = { put: number; get: number }

const file = process.argv[2]!

async function serve(work: (socket: Socket) => void): Promise<number> {
  // Who has sent all says so by closing his half, and waits for the answer.
  const server = createServer({ allowHalfOpen: true }, work)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

const put = await serve((socket) => {
  pipeline(socket, createWriteStream(file), (error) => socket.end(error ? String(error) : 'done'))
})
const get = await serve((socket) => {
  pipeline(createReadStream(file), socket, (error) => error && socket.destroy())
})
process.send!({ put, get } satisfies CopierPorts)
// Whatever it is sent asks for the seconds of processor time that it has taken.
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send!((user + system) / 1e6)
})
process.on('disconnect', () => process.exit())

// Ports for servers that tests start by themselves. None is of those that the kernel hands out: a connection that is being
// made anywhere on the machine could take such a one before its server does, or, while the server is down, meet itself on it.
// Who was given one may not listen on it yet: it is claimed from every other run of tests on this machine, by a name that the
// kernel knows once (unix(7), abstract sockets) and forgets when the process that runs the tests ends.
import { createServer } from 'node:net'
import { realWorld } from '#kit/world/real.ts'
import { usualPorts } from '#main/port.ts'

const world = realWorld()
/** More than a cloud takes, so that rows begin at round numbers. */
const rowLength = 20
const rows = { first: 24_000, count: 250 }

export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 200; tries++) {
    const port = world.random.int(11_000, 20_000)
    if ((await isFree(port)) && (await claimed(port))) return port
  }
  throw new Error('There is no free port.')
}

/** The first of as many as a cloud takes, above those that other clouds on this machine use. */
export async function freePortRow(): Promise<number> {
  const count = Object.keys(usualPorts).length
  for (let tries = 0; tries < 50; tries++) {
    const start = rows.first + rowLength * world.random.int(0, rows.count)
    const free = await Promise.all(Array.from({ length: count }, (_, index) => isFree(start + index)))
    if (free.every(Boolean) && (await claimed(start))) return start
  }
  throw new Error('There is no row of free ports.')
}

/** Which of 250 the row is: for what clouds that stand side by side have to share out besides ports. */
export function rowNumber(portBase: number): number {
  return (portBase - rows.first) / rowLength
}

/** False where another was given this one. */
function claimed(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const holder = createServer()
    holder.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(false) : reject(error),
    )
    holder.listen(`\0nimbo-test-port-${port}`, () => resolve(true)).unref()
  })
}

async function isFree(port: number): Promise<boolean> {
  try {
    const listener = await world.sockets.listen({ host: '127.0.0.1', port }, (connection) =>
      connection.destroy(),
    )
    await listener.close()
    return true
  } catch {
    return false
  }
}

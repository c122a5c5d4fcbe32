// Ports for servers that tests start by themselves. None is of those that the kernel hands out: a connection that is being
// made anywhere on the machine could take such a one before its server does, or, while the server is down, meet itself on it.
import { realWorld } from '#kit/world/real.ts'
import { usualPorts } from '#main/port.ts'

const world = realWorld()
const given = new Set<number>()

export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 200; tries++) {
    const port = world.random.int(11_000, 20_000)
    // Who was given one may not listen on it yet.
    if (given.has(port) || !(await isFree(port))) continue
    given.add(port)
    return port
  }
  throw new Error('There is no free port.')
}

/** The first of as many as a cloud takes, above those that other clouds on this machine use. */
export async function freePortRow(): Promise<number> {
  const count = Object.keys(usualPorts).length
  for (let tries = 0; tries < 50; tries++) {
    const start = 24_000 + 20 * world.random.int(0, 350)
    const free = await Promise.all(Array.from({ length: count }, (_, index) => isFree(start + index)))
    if (free.every(Boolean)) return start
  }
  throw new Error('There is no row of free ports.')
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

// Ports and patience, for tests with servers of their own.
import { realWorld } from '#kit/world/real.ts'

const world = realWorld()

/** One that the kernel gives, and nobody has until it is taken. */
export async function freePort(): Promise<number> {
  const listener = await world.sockets.listen({ host: '127.0.0.1', port: 0 }, (connection) =>
    connection.destroy(),
  )
  const { address } = listener
  await listener.close()
  return (address as { port: number }).port
}

export async function until(
  what: string,
  ask: () => Promise<boolean>,
  timeoutMs: number,
  everyMs: number,
): Promise<void> {
  const deadline = world.clock.monotonic() + timeoutMs
  while (!(await ask())) {
    if (world.clock.monotonic() > deadline) throw new Error(`Not within ${timeoutMs / 1000} s: ${what}`)
    await world.timers.sleep(everyMs)
  }
}

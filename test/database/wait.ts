// Patience, for tests with servers of their own.
import { realWorld } from '#kit/world/real.ts'

const world = realWorld()

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

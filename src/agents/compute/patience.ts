// The controller may be starting again just when a host asks it something: that is no reason to fail a build.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { World } from '#kit/world/world.ts'

/** A controller is back within seconds; much longer, and the operation had better fail with the reason. */
const patienceMs = 60_000
const pauseMs = 500

/** Asks again while nobody answers. What is asked must bear being asked twice. */
export async function patiently<T>(world: World, ask: () => Promise<T>): Promise<T> {
  const deadline = world.clock.monotonic() + patienceMs
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      const nobody = error instanceof CloudError && error.kind === 'unavailable'
      if (!nobody || world.clock.monotonic() >= deadline) throw error
      await world.timers.sleep(pauseMs)
    }
  }
}

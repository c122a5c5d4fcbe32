// How a client asks that knows that the cloud is coming back.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { realWorld } from '#kit/world/real.ts'

const world = realWorld()
const patienceMs = 120_000

/** Asks again while nobody answers. */
export async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  const deadline = world.clock.monotonic() + patienceMs
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (!isCutOff(error) || world.clock.monotonic() > deadline) throw error
      await world.timers.sleep(50)
    }
  }
}

/** Nobody answered, or half: whether the request was taken is for the cloud to say. */
export function isCutOff(error: unknown): boolean {
  return error instanceof CloudError && ['unavailable', 'timeout', 'badGateway'].includes(error.kind)
}

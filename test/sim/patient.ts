// A client who knows that the cloud comes back: asks again while nobody answers.
import type { Session } from '#cli/openstack.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { World } from '#kit/world/world.ts'

const pauseMs = 500
const patienceMs = 600_000

export function isCutOff(error: unknown): boolean {
  return error instanceof CloudError && ['unavailable', 'timeout', 'badGateway'].includes(error.kind)
}

export async function patient<T>(world: Pick<World, 'clock' | 'timers'>, ask: () => Promise<T>): Promise<T> {
  const until = world.clock.monotonic() + patienceMs
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (!isCutOff(error) || world.clock.monotonic() > until) throw error
    }
    await world.timers.sleep(pauseMs)
  }
}

/** Only for what may be done twice: a request whose answer was lost is sent again. */
export function patientSession(world: Pick<World, 'clock' | 'timers'>, session: Session): Session {
  return {
    ...session,
    call: (type, call) => patient(world, () => session.call(type, call)),
    find: (type, path) => patient(world, () => session.find(type, path)),
  }
}

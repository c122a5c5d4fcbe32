// Doing again what a database asked to have done again, with pauses that grow.
import type { World } from '../world/world.ts'
import { isTrouble, type Pool } from './connection.ts'

/** With the pauses below three seconds in all: contention is over by then, or will not be soon. */
const busyTries = 20
const longestPauseMs = 300
/** A server that is really gone is not waited for: whoever asked is told at once. */
const lostTries = 3

/** `work` learns how often the database was busy; `mayRepeatLost` is asked when the connection was lost; what may have been done must not be done twice. */
export async function repeatedly<T>(
  world: World,
  pause: Pool['pause'],
  work: (busy: number) => Promise<T>,
  mayRepeatLost: () => boolean,
): Promise<T> {
  let busy = 0
  let lost = 0
  for (;;) {
    try {
      return await work(busy)
    } catch (error) {
      if (isTrouble(error, 'again')) busy++
      else if (isTrouble(error, 'lost') && mayRepeatLost()) lost++
      else throw error
      if (busy === busyTries || lost === lostTries) throw error
      const tries = busy + lost
      await pause(world.random.int(1, Math.min(longestPauseMs, 10 * 2 ** tries)))
    }
  }
}

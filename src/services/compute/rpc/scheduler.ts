// What the scheduler role answers on the bus.
import type { scheduler } from '#contracts/compute.ts'
import type { Handlers } from '#kit/bus/bus.ts'
import type { Compute } from '../app.ts'
import { selectDestination } from '../ops/schedule.ts'

export function schedulerHandlers(app: Compute): Handlers<typeof scheduler.methods> {
  return {
    selectDestinations: (params, incoming) => selectDestination(app, incoming.trace, params),
  }
}

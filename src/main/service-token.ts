// Service tokens of a joined host's agent: asked of the controller over the bus, kept until they are nearly over.
import { hosts } from '#contracts/host.ts'
import type { Bus } from '#kit/bus/bus.ts'
import type { Trace } from '#kit/journal/journal.ts'
import type { World } from '#kit/world/world.ts'

type Kept = { token: string; renewAt: number }

export function tokensOverBus(world: World, bus: Bus, host: string): (trace: Trace) => Promise<string> {
  const controller = bus.caller(hosts, 'nova-compute')
  let kept: Kept | undefined
  let asking: Promise<Kept> | undefined
  const ask = async (trace: Trace): Promise<Kept> => {
    const asked = world.clock.now()
    const { token, expiresAt } = await controller.serviceToken({ host }, { trace })
    return { token, renewAt: asked + (expiresAt - asked) * 0.8 }
  }
  return async (trace) => {
    if (kept && kept.renewAt > world.clock.now()) return kept.token
    asking ??= ask(trace).finally(() => {
      asking = undefined
    })
    kept = await asking
    return kept.token
  }
}

// Opens the bus: AMQP underneath, oslo.messaging's names on the wire, CloudError and journal towards us.
import type { Journal } from '../journal/journal.ts'
import type { Bus } from './bus.ts'
import { Link, type LinkOptions } from './link.ts'
import { notify } from './notification.ts'
import { Sender } from './sender.ts'
import { serve } from './server.ts'

export type BusOptions = LinkOptions & { journal: Journal }

/** Resolves once connected; goes on trying until then, and after each loss. */
export async function openBus(options: BusOptions): Promise<Bus> {
  const { world, log, journal } = options
  const link = new Link(options)
  const sender = new Sender(world, link, journal)
  await link.open(sender.setup)
  return {
    caller: (contract, service) => sender.caller(contract, service),
    serve: (contract, host, service, handlers) =>
      world.activity.track(
        serve({ world, log, journal: journal.as(service), link, sender }, contract, host, handlers),
      ),
    notify: (trace, notification) =>
      world.activity.track(notify({ world, journal, sender }, trace, notification)),
    get connected() {
      return link.connected
    },
    close: () => link.close(),
  }
}

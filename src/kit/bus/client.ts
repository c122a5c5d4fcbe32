// Opens the bus: AMQP underneath, oslo.messaging's names on the wire, CloudError and journal towards us.
import type { Journal } from '../journal/journal.ts'
import type { SpeaksFor } from './asker.ts'
import type { Bus } from './bus.ts'
import type { Contract } from './contract.ts'
import { Link, type LinkOptions } from './link.ts'
import { notify } from './notification.ts'
import { Sender } from './sender.ts'
import { serve } from './server.ts'
import { needContract } from './topology.ts'

export type BusOptions = LinkOptions & {
  journal: Journal
  /** Made ready on each connection, before anybody serves or calls them; a controller names all that hosts need. */
  contracts?: readonly Contract[]
  /** Who may ask of our servers what concerns which host; without it the broker's own rights are all there is. */
  speaksFor?: SpeaksFor
}

/** Resolves once connected; goes on trying until then, and after each loss. */
export async function openBus(options: BusOptions): Promise<Bus> {
  const { world, log, journal, contracts = [], speaksFor = () => true } = options
  const link = new Link(options)
  const sender = new Sender({ world, link, journal, user: options.user, speaksFor })
  await link.open(async (session) => {
    for (const contract of contracts) await needContract(session, contract)
    await sender.setup(session)
  })
  return {
    caller: (contract, service) => sender.caller(contract, service),
    serve: (contract, host, service, handlers) =>
      world.activity.track(
        serve(
          { world, log, journal: journal.as(service), link, sender, speaksFor },
          contract,
          host,
          handlers,
        ),
      ),
    notify: (trace, notification) =>
      world.activity.track(notify({ world, journal, sender }, trace, notification)),
    get connected() {
      return link.connected
    },
    close: () => link.close(),
  }
}

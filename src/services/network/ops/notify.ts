// What network tells the rest of the cloud: port.create.end, network.delete.end and their like, once it is committed.
import type { Transaction } from '#kit/db/database.ts'
import { fullMessage } from '#kit/errors/cloud-error.ts'
import type { NetworkContext } from '../app.ts'

/** A notification that can't be sent must not fail what was done; it is logged. */
export function notify(
  context: NetworkContext,
  tx: Transaction,
  eventType: string,
  payload: Record<string, unknown>,
): void {
  const { app, trace, log } = context
  const publisherId = `network.${app.world.host.name}`
  tx.afterCommit(() => {
    void app.bus
      .notify(trace, { eventType, publisherId, priority: 'info', payload })
      .catch((error) => log.warn({ eventType, error: fullMessage(error) }, 'a notification was not sent'))
  })
}

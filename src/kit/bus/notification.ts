// Notifications in oslo.messaging's envelope, for whoever meters or audits.
// https://docs.openstack.org/oslo.messaging/latest/reference/notifier.html
import type { Journal, Trace } from '../journal/journal.ts'
import type { World } from '../world/world.ts'
import type { Notification } from './bus.ts'
import type { Session } from './link.ts'
import { jsonBody } from './message.ts'
import { defaultTimeoutMs, type Sender } from './sender.ts'
import { needNotificationQueue, notificationExchange } from './topology.ts'

export async function notify(
  parts: { world: World; journal: Journal; sender: Sender },
  trace: Trace,
  notification: Notification,
): Promise<void> {
  const { world, journal, sender } = parts
  const { eventType, publisherId, priority, payload } = notification
  const routingKey = `notifications.${priority}`
  const messageId = world.random.uuid()
  const message = {
    message_id: messageId,
    publisher_id: publisherId,
    event_type: eventType,
    priority: priority.toUpperCase(),
    payload,
    // oslo's form: UTC with microseconds, no zone.
    timestamp: new Date(world.clock.now()).toISOString().replace('T', ' ').replace('Z', '000'),
    _unique_id: world.random.hexId(),
  }
  const body = jsonBody({ 'oslo.version': '2.0', 'oslo.message': JSON.stringify(message) })
  const properties = { contentType: 'application/json', deliveryMode: 2, messageId, userId: sender.user }
  await sender.publishSafely(async (session: Session) => {
    await needNotificationQueue(session, routingKey)
    return session.sender.publish(notificationExchange, routingKey, properties, body)
  }, defaultTimeoutMs)
  journal.record(journal.childOf(trace), {
    kind: 'notification',
    name: eventType,
    data: { messageId, publisherId, exchange: notificationExchange, routingKey },
  })
}

// /api/health/checks and /api/aliveness-test, for monitors: 200 where all is well, 503 with the reason where not.
import { X509Certificate } from 'node:crypto'
import { makeContent } from '#kit/amqp/content.ts'
import { Writer } from '#kit/amqp/writer.ts'
import { badRequest } from '../admin/refusal.ts'
import { Message } from '../core/message.ts'
import { authorize } from '../server/user.ts'
import type { ManagementContext } from './context.ts'
import { type ListenerView, listenersOf, portOf } from './node-view.ts'
import type { ApiAnswer, View } from './request.ts'
import { get, type Route, vhostOf } from './route.ts'

const ok: ApiAnswer = { object: { status: 'ok' } }
const alone: ApiAnswer = { object: { status: 'ok', reason: 'single node cluster' } }

export const healthRoutes: readonly Route[] = [
  get('health/checks/alarms', 'management', alarms),
  get('health/checks/local-alarms', 'management', alarms),
  get(
    'health/checks/certificate-expiration/:within/:unit',
    'management',
    (context, _request, { within, unit }) => {
      const days = Object.hasOwn(daysOf, unit!) ? daysOf[unit!]! * Number(within) : Number.NaN
      if (!(days >= 0)) throw badRequest(`not a time: ${within} ${unit}`)
      const by = context.world.clock.now() + days * dayMs
      const expired = listenersOf(context).filter((listener) => endOfCertificate(listener) < by)
      if (expired.length === 0) return ok
      return failed({
        reason: 'Certificates expiring',
        expired: expired.map(({ address, protocol }) => ({
          node: context.registry.nodeName,
          protocol,
          port: String(portOf(address)),
        })),
      })
    },
  ),
  get('health/checks/port-listener/:port', 'management', (context, _request, { port }) => {
    const ports = listenersOf(context).map(({ address }) => portOf(address))
    const wanted = Number(port)
    if (ports.includes(wanted)) return { object: { status: 'ok', port: wanted } }
    return failed({ reason: 'No active listener', missing: wanted, ports })
  }),
  get('health/checks/protocol-listener/:protocol', 'management', (context, _request, { protocol: given }) => {
    const protocols = [...new Set(listenersOf(context).map(({ protocol }) => protocol))]
    const protocol = given === 'amqp091' || given === 'amqp0.9.1' ? 'amqp' : given!
    if (protocols.includes(protocol)) return { object: { status: 'ok', protocol } }
    return failed({ reason: 'No active listener', missing: protocol, protocols })
  }),
  get('health/checks/virtual-hosts', 'management', ({ broker }) =>
    broker.running
      ? ok
      : failed({ reason: 'Some virtual hosts are down', 'virtual-hosts': [...broker.vhosts.keys()] }),
  ),
  get('health/checks/is-in-service', 'management', ({ broker }) =>
    broker.running ? ok : failed({ reason: 'the broker is stopped' }),
  ),
  get('health/checks/ready-to-serve-clients', 'management', ({ broker }) =>
    broker.running ? ok : failed({ reason: 'the broker is stopped' }),
  ),
  get('health/checks/node-is-mirror-sync-critical', 'management', () => alone),
  get('health/checks/node-is-quorum-critical', 'management', () => alone),
  get('aliveness-test/:vhost', 'management', (context, request, { vhost: at }) => {
    const vhost = vhostOf(context, request, at!)
    const { name } = request.user
    for (const right of ['configure', 'write', 'read'] as const)
      authorize(request.user, vhost.name, right, 'queue', aliveness)
    const session = {}
    const spec = { name: aliveness, durable: false, exclusive: false, autoDelete: false, arguments: {} }
    const queue = vhost.declareQueue(spec, session)
    const text = `alive for ${name}`
    const writer = new Writer(64)
    writer.shortstr('')
    writer.shortstr(aliveness)
    const content = makeContent({}, Buffer.from(text), 4096)
    vhost.publish(new Message('', aliveness, writer.written(), content))
    const entry = queue.take()
    if (!entry) return failed({ reason: 'the message did not come through' })
    queue.settle(entry)
    return ok
  }),
]

const dayMs = 24 * 3600 * 1000
const daysOf: Record<string, number> = { days: 1, weeks: 7, months: 30, years: 365 }

/** Milliseconds since the epoch; never, where there is none. */
function endOfCertificate({ tls }: ListenerView): number {
  return tls ? Date.parse(new X509Certificate(tls.cert).validTo) : Number.POSITIVE_INFINITY
}

const aliveness = 'aliveness-test'

function alarms({ broker, registry }: ManagementContext): ApiAnswer {
  const raised = [...broker.alarms.raised]
  if (raised.length === 0) return ok
  const node = registry.nodeName
  return failed({
    reason: 'There are alarms in effect in the cluster',
    alarms: raised.map((resource) => ({ node, resource })),
  })
}

function failed(view: View): ApiAnswer {
  return { status: 503, object: { status: 'failed', ...view } }
}

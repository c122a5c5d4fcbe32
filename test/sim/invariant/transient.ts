// Nothing stays on its way for ever.
import { type Facts, type Invariant, liveServers, neverRan, type Row, text } from './fact.ts'

const restful = {
  server: ['active', 'stopped', 'paused', 'error'],
  volume: ['available', 'in-use', 'error', 'error_deleting', 'error_extending', 'maintenance'],
  attachment: ['attached'],
  image: ['queued', 'active', 'deactivated'],
  port: ['ACTIVE', 'DOWN', 'ERROR'],
  floatingip: ['ACTIVE', 'DOWN'],
  router: ['ACTIVE', 'DOWN'],
}

export const transient: Invariant = {
  name: 'transient',
  says: 'No server, port, volume, attachment, image, floating IP or router is in a state between two others.',
  *check(facts: Facts) {
    for (const server of liveServers(facts)) {
      yield* resting('server', server, 'vm_state')
      if (server.task_state !== null) yield `server ${server.id} is still ${server.task_state}`
    }
    for (const volume of facts.volume.volume) yield* resting('volume', volume, 'status')
    for (const attachment of facts.volume.volume_attachment)
      yield* resting('attachment', attachment, 'status')
    for (const image of facts.image.image) yield* resting('image', image, 'status')
    for (const port of facts.network.port) yield* resting('port', port, 'status')
    for (const floating of facts.network.floatingip) yield* resting('floatingip', floating, 'status')
    for (const router of facts.network.router) yield* resting('router', router, 'status')
    const never = neverRan(facts)
    for (const device of facts.compute.block_device)
      if (device.state !== 'attached' && !never.has(text(device, 'server_id')))
        yield `disk ${device.device} of server ${device.server_id} is ${device.state}`
    for (const event of facts.network.compute_event)
      yield `compute was not told of ${event.name} of port ${event.port_id}`
  },
}

function* resting(kind: keyof typeof restful, row: Row, column: string): Iterable<string> {
  const state = text(row, column)
  if (!restful[kind].includes(state)) yield `${kind} ${row.id} is ${state}`
}

// What went wrong says so to its owner, and what was done has an end.
import { byId, type Facts, type Invariant, liveServers, parsed, text } from './fact.ts'

export const fault: Invariant = {
  name: 'fault',
  says: 'Each server in ERROR has a fault that a person can read, and each action on a server has ended.',
  *check(facts: Facts) {
    for (const server of liveServers(facts)) {
      if (server.vm_state !== 'error') continue
      const given = parsed<{ message?: string } | null>(server, 'fault')
      if (!given?.message || /undefined|\[object/.test(given.message))
        yield `server ${server.id} is in ERROR, and its fault says: ${given?.message}`
    }
    const actions = byId(facts.compute.server_action, 'number')
    for (const event of facts.compute.server_action_event) {
      if (event.finish_at !== null) continue
      const action = actions.get(text(event, 'action_number'))
      yield `${event.event} of server ${action?.server_id} (${action?.request_id}) has no end`
    }
  },
}

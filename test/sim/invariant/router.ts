// Routers live on the host of their agent, with their ports, and floating IPs where they lead to.
import { byId, compare, type Facts, type Invariant, text } from './fact.ts'

const prefix = 'qrouter-'

export const router: Invariant = {
  name: 'router',
  says: "Each router has its namespace on its agent's host and on no other; floating IPs follow their routers.",
  *check(facts: Facts) {
    const { network } = facts
    const routers = byId(network.router)
    const agents = byId(network.agent)
    const placed = new Map<string, string>()
    for (const { router_id, agent_id } of network.router_l3_agent) {
      const row = routers.get(String(router_id))
      if (!row) yield `router ${router_id} is gone and still on agent ${agent_id}`
      else if (row.admin_state_up)
        placed.set(String(router_id), text(agents.get(String(agent_id)) ?? {}, 'host'))
    }
    for (const host of facts.hosts) {
      if (!host.up) continue
      yield* compare(
        [...placed].filter(([, name]) => name === host.name).map(([id]) => id),
        host.namespaces.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length)),
        (id) => `${host.name} has no namespace for router ${id}`,
        (id) => `${host.name} has a namespace for router ${id}, which isn't its`,
      )
    }
    const up = new Set(facts.hosts.filter((host) => host.up).map(({ name }) => name))
    for (const [id, host] of placed)
      if (up.has(host) && routers.get(id)?.status !== 'ACTIVE')
        yield `router ${id} on ${host} is ${routers.get(id)?.status}`
    const ports = byId(network.port)
    for (const port of network.port) {
      const owner = text(port, 'device_owner')
      if (owner.startsWith('network:router_') && !routers.has(text(port, 'device_id')))
        yield `port ${port.id} is of router ${port.device_id}, which is gone`
      if (
        owner === 'network:floatingip' &&
        !network.floatingip.some((each) => each.floating_port_id === port.id)
      )
        yield `port ${port.id} is of a floating IP that is gone`
    }
    for (const floating of network.floatingip) {
      if (!ports.has(text(floating, 'floating_port_id')))
        yield `floating IP ${floating.id} has no port outside`
      if (floating.fixed_port_id === null) {
        if (floating.router_id !== null || floating.status !== 'DOWN')
          yield `floating IP ${floating.id} leads nowhere, and is ${floating.status} on router ${floating.router_id}`
        continue
      }
      if (!ports.has(text(floating, 'fixed_port_id')))
        yield `floating IP ${floating.id} leads to port ${floating.fixed_port_id}, which is gone`
      const host = placed.get(text(floating, 'router_id'))
      if (host && up.has(host) && floating.status !== 'ACTIVE')
        yield `floating IP ${floating.id} of router ${floating.router_id} on ${host} is ${floating.status}`
    }
  },
}

// Ports: whose they are, where they are bound, and what the hosts have of them.
import { compare, type Facts, type Invariant, liveServers, type Row, text } from './fact.ts'

export const port: Invariant = {
  name: 'port',
  says: "Each bound port is ACTIVE and wired on its host and nowhere else; a host has no port that isn't bound to it.",
  *check(facts: Facts) {
    const servers = new Map(liveServers(facts).map((server) => [text(server, 'id'), server]))
    const upHosts = new Map(facts.hosts.filter((host) => host.up).map((host) => [host.name, host]))
    for (const port of facts.network.port) {
      const owner = text(port, 'device_owner')
      if (!owner.startsWith('compute:')) continue
      const server = servers.get(text(port, 'device_id'))
      if (!server) yield `port ${port.id} belongs to server ${port.device_id}, which is not there`
      else if (server.vm_state === 'error') continue
      else if (port.host_id !== server.host)
        yield `port ${port.id} is bound to '${port.host_id}', and its server ${server.id} is on ${server.host}`
      else if (upHosts.has(text(port, 'host_id'))) yield* working(port, text(server, 'vm_state'))
    }
    for (const host of upHosts.values()) {
      const bound = facts.network.port.filter((port) => port.host_id === host.name)
      yield* compare(
        bound.filter((port) => isExpected(port, servers)).map((port) => text(port, 'id')),
        host.ports.map(({ portId }) => portId),
        (id) => `port ${id} is bound to ${host.name}, which has no device for it`,
        (id) => `${host.name} has a device for port ${id}, which is not bound to it`,
      )
      for (const { portId, ready, localVlan } of host.ports)
        if (!ready || localVlan === 0) yield `port ${portId} on ${host.name} is not wired`
      if (host.applied)
        yield* compare(
          bound.map((port) => `${port.id} generation ${port.wiring_generation}`),
          host.applied.ports.map((port) => `${port.portId} generation ${port.generation}`),
          (each) => `port ${each} is not in what ${host.name} has applied`,
          (each) => `${host.name} has applied port ${each}, which is not what it should have`,
        )
    }
    yield* leftovers(facts)
  },
}

function* working(port: Row, vmState: string): Iterable<string> {
  if (vmState !== 'active' && vmState !== 'paused') return
  if (port.admin_state_up && port.status !== 'ACTIVE')
    yield `port ${port.id} of a running server is ${port.status}`
  if (port.vif_type === 'binding_failed' || port.vif_type === 'unbound')
    yield `port ${port.id} of a running server is ${port.vif_type}`
}

/** A guest in ERROR may have no device yet, or none any more. */
function isExpected(port: Row, servers: ReadonlyMap<string, Row>): boolean {
  if (!text(port, 'device_owner').startsWith('compute:')) return true
  const server = servers.get(text(port, 'device_id'))
  return server !== undefined && server.vm_state !== 'error'
}

function* leftovers({ network }: Facts): Iterable<string> {
  const ports = new Set(network.port.map((port) => text(port, 'id')))
  for (const each of network.ipallocations)
    if (!ports.has(text(each, 'port_id')))
      yield `address ${each.ip_address} is given to port ${each.port_id}, which is gone`
  for (const each of network.port_security_group)
    if (!ports.has(text(each, 'port_id'))) yield `a security group holds port ${each.port_id}, which is gone`
  const networks = new Set(network.network.map((each) => text(each, 'id')))
  for (const [rows, what] of [
    [network.port, 'port'],
    [network.subnet, 'subnet'],
    [network.network_segment, 'segment'],
    [network.network_dhcp_agent, 'schedule of DHCP'],
  ] as const)
    for (const each of rows)
      if (!networks.has(text(each, 'network_id')))
        yield `${what} ${each.id ?? ''} is of network ${each.network_id}, which is gone`
}

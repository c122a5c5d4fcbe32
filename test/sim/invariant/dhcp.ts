// Each network's addresses are served, by the host that is to serve them, and by none else.
import { byId, compare, type Facts, type HostFacts, type Invariant, type Row, text } from './fact.ts'

const prefix = 'qdhcp-'

export const dhcp: Invariant = {
  name: 'dhcp',
  says: "Each network with DHCP has its namespace, dnsmasq and hosts file on its agent's host, as the API knows its ports, and on no other.",
  *check(facts: Facts) {
    const { network } = facts
    const agents = byId(network.agent)
    const served = new Map<string, string>()
    for (const { network_id, agent_id } of network.network_dhcp_agent) {
      const subnets = network.subnet.filter((each) => each.network_id === network_id && each.enable_dhcp)
      const row = network.network.find(({ id }) => id === network_id)
      if (subnets.length > 0 && row?.admin_state_up)
        served.set(String(network_id), text(agents.get(String(agent_id)) ?? {}, 'host'))
    }
    for (const host of facts.hosts) {
      if (!host.up) continue
      const wanted = [...served].filter(([, name]) => name === host.name).map(([id]) => id)
      yield* compare(
        wanted,
        host.namespaces.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length)),
        (id) => `${host.name} has no DHCP namespace for network ${id}`,
        (id) => `${host.name} has a DHCP namespace for network ${id}, which it doesn't serve`,
      )
      for (const id of wanted) {
        yield* runs(host, id)
        yield* hosts(facts, host, id)
      }
      for (const id of host.dhcpHosts.keys())
        if (!wanted.includes(id)) yield `${host.name} keeps files of network ${id}, which it doesn't serve`
    }
  },
}

function* runs({ name, processes }: HostFacts, networkId: string): Iterable<string> {
  const running = processes.filter((each) => each.namespace === prefix + networkId)
  const count = (program: string) => running.filter(({ command }) => command[0]?.endsWith(program)).length
  if (count('dnsmasq') !== 1) yield `${name} runs ${count('dnsmasq')} dnsmasq for network ${networkId}`
  if (count('haproxy') > 1) yield `${name} runs ${count('haproxy')} haproxy for network ${networkId}`
}

/** Each card's line: its MAC and its address. */
function* hosts({ network }: Facts, host: HostFacts, networkId: string): Iterable<string> {
  const subnets = new Set(
    network.subnet
      .filter((each) => each.network_id === networkId && each.enable_dhcp && !isSlaac(each))
      .map((each) => text(each, 'id')),
  )
  const ports = byId(network.port)
  const wanted = network.ipallocations
    .filter((each) => subnets.has(text(each, 'subnet_id')))
    .map((each) => ({ each, port: ports.get(text(each, 'port_id')) }))
    .filter(({ port }) => port?.device_owner !== 'network:dhcp' && port?.network_id === networkId)
    .map(({ each, port }) => `${port!.mac_address} ${each.ip_address}`)
  const found = (host.dhcpHosts.get(networkId) ?? []).map((line) => {
    const parts = line.split(',')
    return `${parts[0]} ${parts.at(-1)!.replace(/^\[|\]$/g, '')}`
  })
  yield* compare(
    wanted,
    found,
    (each) => `dnsmasq of network ${networkId} on ${host.name} doesn't know ${each}`,
    (each) => `dnsmasq of network ${networkId} on ${host.name} knows ${each}, which no port has`,
  )
}

function isSlaac(subnet: Row): boolean {
  return subnet.ip_version === 6 && subnet.ipv6_address_mode === 'slaac'
}

// Security groups and anti-spoofing on br-int, one conntrack zone per local VLAN. Tables as Neutron numbers them:
// 71 what a port may send at all, 72 its egress rules, 73 accepted egress, 81 ingress base, 82 ingress rules, 83 accepted.
// Register 5 holds the secured port, register 6 the local VLAN. A connection is committed only where both ends agree.
import type { PortRule, PortWiring } from '#contracts/network-agent.ts'
import { parseCidr } from '#kit/net/cidr.ts'
import { linkLocalOf } from '#kit/net/mac.ts'
import { type Flow, hex } from './flow.ts'
import { isSecured, type Plan, type PlannedPort } from './plan.ts'
import { protocolMatches, remoteMatch } from './rule.ts'

export const forwardTable = 60
const zone = 'zone=NXM_NX_REG6[0..15]'
const markInvalid = `ct(commit,${zone},exec(load:0x1->NXM_NX_CT_MARK[]))`
const markValid = `ct(commit,${zone},exec(load:0->NXM_NX_CT_MARK[]))`
const output = 'output:NXM_NX_REG5[]'
/** New connections and the first direction of known ones, which must still be allowed by some rule. */
const ruled = 'ct_state=+trk-inv-rel-rpl'

export function securityFlows(plan: Plan): Flow[] {
  const secured = plan.ports.filter((port) => isSecured(port.wiring) && port.wiring.adminUp)
  return [
    ...fixedFlows,
    ...secured.flatMap(egressBase),
    ...secured.map(localDestination),
    ...secured.flatMap(ruleFlows),
    ...groupFlows(secured, plan.remoteGroups),
  ]
}

/** The same for every port. */
const fixedFlows: Flow[] = [
  // Guests must not play DHCP server or router.
  flow(71, 96, 'icmp6,icmp_type=134', 'drop'),
  flow(71, 70, 'udp,tp_src=67,tp_dst=68', 'drop'),
  flow(71, 70, 'udp6,tp_src=547,tp_dst=546', 'drop'),
  flow(71, 0, '', 'drop'),
  ...stateFlows(72, 'resubmit(,73)'),
  ...bothVersions(73, 95, 'ct_state=+trk+est,ct_mark=0x1', `${markValid},resubmit(,${forwardTable})`),
  ...bothVersions(73, 90, 'ct_state=+trk+new-rel', `ct(commit,${zone}),resubmit(,${forwardTable})`),
  flow(73, 0, '', `resubmit(,${forwardTable})`),
  flow(81, 100, 'arp', output),
  ...[130, 131, 132, 134, 135, 136, 143].map((type) => flow(81, 100, `icmp6,icmp_type=${type}`, output)),
  flow(81, 95, 'udp,tp_src=67,tp_dst=68', output),
  flow(81, 95, 'udp6,tp_src=547,tp_dst=546', output),
  ...bothVersions(81, 90, 'ct_state=-trk', `ct(table=82,${zone})`),
  flow(81, 80, 'ct_state=+trk', 'resubmit(,82)'),
  flow(81, 0, '', 'drop'),
  ...stateFlows(82, output),
  ...bothVersions(83, 95, 'ct_state=+trk+est,ct_mark=0x1', `${markValid},${output}`),
  ...bothVersions(83, 90, 'ct_state=+trk+new-rel', `ct(commit,${zone}),${output}`),
  flow(83, 0, '', output),
]

/** What no rule decided: replies and related packets pass, connections that lost their rule are marked for good. */
function stateFlows(table: number, accept: string): Flow[] {
  return [
    flow(table, 50, 'ct_state=+trk+inv', 'drop'),
    flow(table, 50, 'ct_mark=0x1', 'drop'),
    flow(table, 49, 'ct_state=+trk+est-rel+rpl', accept),
    flow(table, 49, 'ct_state=+trk+rel-inv', accept),
    ...bothVersions(table, 40, 'ct_state=+trk+est', markInvalid),
    flow(table, 0, '', 'drop'),
  ]
}

/** Pairs of MAC and prefix that the port may send from. */
function sources(wiring: PortWiring): { mac: string; prefix: string; six: boolean }[] {
  const pairs = [
    ...wiring.fixedIps.map(({ ipAddress }) => ({ mac: wiring.mac, prefix: ipAddress })),
    ...wiring.allowedAddressPairs.map((pair) => ({
      mac: pair.macAddress || wiring.mac,
      prefix: pair.ipAddress,
    })),
  ]
  const macs = [...new Set([wiring.mac, ...pairs.map(({ mac }) => mac)])]
  const all = [...pairs, ...macs.map((mac) => ({ mac, prefix: linkLocalOf(mac) }))]
  const seen = new Map(all.map((pair) => [`${pair.mac} ${pair.prefix}`, pair]))
  return [...seen.values()].map((pair) => ({ ...pair, six: parseCidr(pair.prefix)?.version === 6 }))
}

function egressBase(port: PlannedPort): Flow[] {
  const from = `reg5=${hex(port.ofport)}`
  const forward = `resubmit(,${forwardTable})`
  const flows: Flow[] = []
  for (const { mac, prefix, six } of sources(port.wiring)) {
    if (!six) {
      flows.push(
        flow(71, 95, `arp,${from},dl_src=${mac},arp_sha=${mac},arp_spa=${prefix}`, forward),
        flow(71, 65, `ct_state=-trk,ip,${from},dl_src=${mac},nw_src=${prefix}`, `ct(table=72,${zone})`),
      )
      continue
    }
    for (const type of [130, 131, 132, 133, 135, 143])
      flows.push(flow(71, 95, `icmp6,${from},dl_src=${mac},ipv6_src=${prefix},icmp_type=${type}`, forward))
    flows.push(
      flow(71, 95, `icmp6,${from},dl_src=${mac},icmp_type=136,icmp_code=0,nd_target=${prefix}`, forward),
      flow(71, 65, `ct_state=-trk,ipv6,${from},dl_src=${mac},ipv6_src=${prefix}`, `ct(table=72,${zone})`),
    )
  }
  for (const mac of new Set(sources(port.wiring).map((source) => source.mac))) {
    flows.push(
      flow(71, 80, `udp,${from},dl_src=${mac},tp_src=68,tp_dst=67`, forward),
      flow(71, 80, `udp6,${from},dl_src=${mac},tp_src=546,tp_dst=547`, forward),
      // Duplicate address detection and the reports that go with it come from the unspecified address.
      ...[135, 143].map((type) =>
        flow(71, 95, `icmp6,${from},dl_src=${mac},ipv6_src=::,icmp_type=${type}`, forward),
      ),
    )
  }
  return flows
}

/** Between two guests of this host the ingress side commits, after its own rules agreed. */
function localDestination(port: PlannedPort): Flow {
  return flow(73, 100, `reg6=${hex(port.localVlan)},dl_dst=${port.wiring.mac}`, `resubmit(,${forwardTable})`)
}

function ruleTable(direction: PortRule['direction']): { table: number; accept: string } {
  return direction === 'egress'
    ? { table: 72, accept: 'resubmit(,73)' }
    : { table: 82, accept: 'resubmit(,83)' }
}

function ruleFlows(port: PlannedPort): Flow[] {
  const flows = new Map<string, Flow>()
  for (const rule of port.wiring.securityRules) {
    if (rule.remoteGroupId !== null) continue
    const everybody = rule.ethertype === 'IPv6' ? '::/0' : '0.0.0.0/0'
    const remote = remoteMatch(rule.direction, rule.ethertype, rule.remotePrefix ?? everybody)
    if (remote === undefined) continue
    const { table, accept } = ruleTable(rule.direction)
    for (const protocol of protocolMatches(rule)) {
      const match = [ruled, protocol, `reg5=${hex(port.ofport)}`, remote].filter(Boolean).join(',')
      flows.set(`${table} ${match}`, flow(table, 77, match, accept))
    }
  }
  return [...flows.values()]
}

/**
 * Rules that name a remote group, as conjunctions: members + ports instead of members x ports (ovs-fields(7),
 * "conjunctive match"). One conjunction for each group, direction and ethertype; all its flows have one priority.
 */
function groupFlows(ports: readonly PlannedPort[], remoteGroups: Record<string, string[]>): Flow[] {
  const conjunctions = new Map<string, { id: number; rule: PortRule }>()
  const clauses = new Map<string, { table: number; match: string; actions: Set<string> }>()
  const clause = (table: number, match: string, action: string) => {
    const key = `${table} ${match}`
    const entry = clauses.get(key) ?? { table, match, actions: new Set() }
    entry.actions.add(action)
    clauses.set(key, entry)
  }
  for (const port of ports) {
    for (const rule of port.wiring.securityRules) {
      if (rule.remoteGroupId === null || !remoteGroups[rule.remoteGroupId]?.length) continue
      const key = `${rule.remoteGroupId} ${rule.direction} ${rule.ethertype}`
      const known = conjunctions.get(key) ?? { id: conjunctions.size + 1, rule }
      conjunctions.set(key, known)
      const { table } = ruleTable(rule.direction)
      for (const protocol of protocolMatches(rule))
        clause(table, `${ruled},${protocol},reg5=${hex(port.ofport)}`, `conjunction(${known.id},2/2)`)
    }
  }
  const flows: Flow[] = []
  for (const { id, rule } of conjunctions.values()) {
    const { table, accept } = ruleTable(rule.direction)
    const protocol = rule.ethertype === 'IPv6' ? 'ipv6' : 'ip'
    for (const member of remoteGroups[rule.remoteGroupId!] ?? []) {
      const remote = remoteMatch(rule.direction, rule.ethertype, member)
      if (remote === undefined) continue
      clause(table, [ruled, protocol, remote].filter(Boolean).join(','), `conjunction(${id},1/2)`)
    }
    flows.push(flow(table, 76, `conj_id=${id},${ruled},${protocol}`, accept))
  }
  for (const { table, match, actions } of clauses.values())
    flows.push(flow(table, 76, match, [...actions].sort().join(',')))
  return flows
}

/** The switch takes a ct action only where the match says which IP version it is. */
function bothVersions(table: number, priority: number, match: string, actions: string): Flow[] {
  return ['ip', 'ipv6'].map((version) => flow(table, priority, `${match},${version}`, actions))
}

function flow(table: number, priority: number, match: string, actions: string): Flow {
  return { table, priority, match, actions }
}

// Flows of br-int: which port a frame came from (table 0) and to which ports it goes (table 60).
// Frames inside carry no tag, register 6 names their network; the local VLAN tag is on the patches only.
// Nothing is learned here: every MAC of the host is known, all others lie behind the network's uplink.
import { type Flow, hex } from './flow.ts'
import { isSecured, type Plan, type PlannedNetwork, type PlannedPort, uplinkOf } from './plan.ts'
import { forwardTable, securityFlows } from './security.ts'

export function integrationFlows(plan: Plan): Flow[] {
  return [
    { table: 0, priority: 0, match: '', actions: 'drop' },
    ...plan.ports.filter(({ wiring }) => wiring.adminUp).map(fromPort),
    ...plan.networks.flatMap((network) => fromUplink(plan, network)),
    ...plan.networks.flatMap((network) => forwarding(plan, network)),
    { table: forwardTable, priority: 0, match: '', actions: 'drop' },
    ...securityFlows(plan),
  ]
}

function fromPort({ wiring, ofport, localVlan }: PlannedPort): Flow {
  const network = `load:${hex(localVlan)}->NXM_NX_REG6[]`
  const actions = isSecured(wiring)
    ? `load:${hex(ofport)}->NXM_NX_REG5[],${network},resubmit(,71)`
    : `${network},resubmit(,${forwardTable})`
  // vlan_tci=0: a guest's own tags would otherwise choose a network behind the patches.
  return { table: 0, priority: 10, match: `in_port=${ofport},vlan_tci=0x0000/0x1fff`, actions }
}

function fromUplink(plan: Plan, network: PlannedNetwork): Flow[] {
  const uplink = uplinkOf(plan, network)
  if (uplink === undefined) return []
  const enter = `load:${hex(network.localVlan)}->NXM_NX_REG6[],resubmit(,${forwardTable})`
  if (network.type === 'flat')
    return [{ table: 0, priority: 3, match: `in_port=${uplink},vlan_tci=0x0000/0x1fff`, actions: enter }]
  const tag = network.type === 'vlan' ? network.segmentationId : network.localVlan
  return [
    { table: 0, priority: 3, match: `in_port=${uplink},dl_vlan=${tag}`, actions: `strip_vlan,${enter}` },
  ]
}

function forwarding(plan: Plan, network: PlannedNetwork): Flow[] {
  const ports = plan.ports.filter(
    ({ localVlan, wiring }) => localVlan === network.localVlan && wiring.adminUp,
  )
  const uplink = uplinkOf(plan, network)
  const leave = uplink === undefined ? [] : [`mod_vlan_vid:${network.localVlan}`, `output:${uplink}`]
  const inNetwork = `reg6=${hex(network.localVlan)}`

  const byMac = new Map<string, PlannedPort[]>()
  for (const port of ports) {
    const macs = [port.wiring.mac, ...port.wiring.allowedAddressPairs.map((pair) => pair.macAddress)]
    for (const mac of new Set(macs.filter(Boolean))) byMac.set(mac, [...(byMac.get(mac) ?? []), port])
  }
  const known: Flow[] = [...byMac].map(([mac, holders]) => ({
    table: forwardTable,
    priority: 20,
    match: `${inNetwork},dl_dst=${mac}`,
    // An address pair's MAC may move between hosts: then the uplink may hold it as well.
    actions: [
      ...holders.flatMap(deliver),
      ...(holders.some((one) => one.wiring.mac === mac) ? [] : leave),
    ].join(','),
  }))
  // Ports without port security may have other machines behind them.
  const open = ports.filter(({ wiring }) => !isSecured(wiring) && !wiring.deviceOwner.startsWith('network:'))
  const everybody = [...ports.flatMap(deliver), ...leave]
  const unknown = [...open.flatMap(deliver), ...leave]
  return [
    ...known,
    {
      table: forwardTable,
      priority: 10,
      match: `${inNetwork},dl_dst=01:00:00:00:00:00/01:00:00:00:00:00`,
      actions: everybody.join(',') || 'drop',
    },
    { table: forwardTable, priority: 5, match: inNetwork, actions: unknown.join(',') || 'drop' },
  ]
}

/** Open vSwitch never sends a frame back where it came from, so the sender may be among them. */
function deliver({ wiring, ofport }: PlannedPort): string[] {
  return isSecured(wiring) ? [`load:${hex(ofport)}->NXM_NX_REG5[]`, 'resubmit(,81)'] : [`output:${ofport}`]
}

// What a host's L3 agent should have, and what it says has become of it.
import { agentTypes, type RouterWiring } from '#contracts/network-agent.ts'
import type { Db } from '#kit/db/database.ts'
import type { Trace } from '#kit/journal/journal.ts'
import type { NetworkApp } from '../app.ts'
import type { Network } from '../resources/network.ts'
import type { WholePort } from '../resources/port.ts'
import type { FloatingIp, Router } from '../resources/router.ts'
import type { Subnet } from '../resources/subnet.ts'
import { findAgentOf, routerBindingsOfAgents, routerHostOf } from '../store/agent.ts'
import { findFloatingIp, floatingIpsOfRouters, updateFloatingIp } from '../store/floating-ip.ts'
import { findNetworks } from '../store/network.ts'
import { withSides } from '../store/port.ts'
import * as store from '../store/router.ts'
import { subnetsOf } from '../store/subnet.ts'
import { hostGeneration } from '../store/wiring.ts'
import { perform } from './change.ts'
import { agentPort, subnetViews } from './dhcp.ts'
import { isConnected } from './router-route.ts'

type Status = Router['status']
type Facts = {
  ports: Map<string, WholePort[]>
  networks: Map<string, Network>
  subnets: Map<string, Subnet[]>
  floating: Map<string, FloatingIp[]>
}

/** In one transaction: what it gives is what the generation says. */
export function hostRouters(
  app: NetworkApp,
  { host }: { host: string },
): Promise<{ generation: number; routers: RouterWiring[] }> {
  return app.db.transaction(async (tx) => {
    const generation = await hostGeneration(tx, host)
    const agent = await findAgentOf(tx, agentTypes.l3.agentType, host)
    if (!agent) return { generation, routers: [] }
    const ids = (await routerBindingsOfAgents(tx, [agent.id])).map((each) => each.routerId)
    const rows = await store.findRouters(tx, ids)
    const facts = await readFacts(tx, ids)
    return { generation, routers: rows.map((row) => routerWiring(row, facts)) }
  })
}

async function readFacts(tx: Db, ids: string[]): Promise<Facts> {
  const ports = await withSides(tx, await store.routerPorts(tx, ids))
  const networkIds = [...new Set(ports.map((each) => each.networkId))]
  return {
    ports: Map.groupBy(ports, (each) => each.deviceId),
    networks: new Map((await findNetworks(tx, networkIds)).map((each) => [each.id, each])),
    subnets: Map.groupBy(await subnetsOf(tx, networkIds), (each) => each.networkId),
    floating: Map.groupBy(await floatingIpsOfRouters(tx, ids), (each) => each.routerId!),
  }
}

function routerWiring(row: Router, facts: Facts): RouterWiring {
  const ports = facts.ports.get(row.id) ?? []
  const own = ports.flatMap((each) => each.fixedIps.map((ip) => ip.subnetId))
  const subnets = [...facts.subnets.values()].flat().filter((each) => own.includes(each.id))
  const wired = (port: WholePort) => {
    const there = facts.subnets.get(port.networkId) ?? []
    return agentPort(port, facts.networks.get(port.networkId)!, there, subnetViews(there, ports))
  }
  const gateway = ports.find((each) => each.deviceOwner === store.gatewayOwner)
  return {
    routerId: row.id,
    projectId: row.projectId,
    adminUp: row.adminStateUp,
    enableSnat: row.enableSnat,
    gateway: gateway ? wired(gateway) : null,
    interfaces: ports.filter((each) => each.deviceOwner === store.interfaceOwner).map(wired),
    floatingIps: (facts.floating.get(row.id) ?? []).map((each) => ({
      floatingIpId: each.id,
      floatingIp: each.floatingIpAddress,
      fixedIp: each.fixedIpAddress!,
      portId: each.fixedPortId!,
    })),
    // A next hop out of reach would be refused by the host: its gateway or interface has gone.
    routes: row.routes.filter((route) => subnets.some((each) => isConnected(route, each))),
    generation: row.generation,
  }
}

/** Only the agent that serves it may say so, and only of how it is now. */
export function routerStatus(
  app: NetworkApp,
  said: { host: string; routerId: string; generation: number; status: Status },
  trace: Trace,
): Promise<void> {
  return perform({ app, trace }, async ({ tx }) => {
    const row = await store.findRouter(tx, said.routerId)
    if (!row || row.status === said.status || row.generation !== said.generation) return
    if ((await routerHostOf(tx, row.id)) !== said.host) return
    await store.updateRouter(tx, row.id, { status: said.status })
  })
}

export function floatingIpStatus(
  app: NetworkApp,
  said: { host: string; routerId: string; statuses: { floatingIpId: string; status: Status }[] },
  trace: Trace,
): Promise<void> {
  return perform({ app, trace }, async ({ tx }) => {
    if ((await routerHostOf(tx, said.routerId)) !== said.host) return
    for (const { floatingIpId, status } of said.statuses) {
      const row = await findFloatingIp(tx, floatingIpId)
      if (row?.routerId !== said.routerId || row.status === status) continue
      const revision = row.revision + 1
      await updateFloatingIp(tx, row.id, { status, revision, updatedAt: app.world.clock.now() })
    }
  })
}

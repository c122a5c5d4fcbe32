// The ports of a server: made or taken over when it gets its host, and let go of when it leaves. The network service's
// own list, by device_id, is the truth; a step that runs again finds there what it made before.
import type { Trace } from '#kit/journal/journal.ts'
import type { NetworkClient, PortBody, PortWish } from '#services/network/client.ts'
import type { Compute, Peers } from '../app.ts'
import type { NetworkWish, RequestedServer } from '../resources/request-spec.ts'
import type { Server, ServerAddress } from '../resources/server.ts'
import { subjectOf } from './server-load.ts'
import { ipVersion } from './server-network.ts'

export type PortPlan = { wish: NetworkWish; port: PortBody; ours: boolean }

/** Every wished port, bound to the server's host: those of the user taken over, others made where they are missing. */
export async function ensurePorts(
  app: Compute,
  trace: Trace,
  server: Server,
  spec: RequestedServer,
  at: { host: string; zone: string },
): Promise<PortPlan[]> {
  const { network, serviceToken } = app.conductor
  const token = await serviceToken(trace)
  const subject = subjectOf(server.id)
  const there = await network.listPorts(trace, token, { device_id: server.id }, subject)
  const claimed = new Set(spec.networks.flatMap((each) => each.portId ?? []))
  const spare = there.filter((each) => !claimed.has(each.id))
  const owner = `compute:${at.zone}`
  const plans: PortPlan[] = []
  for (const wish of spec.networks) {
    if (wish.portId !== null) {
      const known = there.find((each) => each.id === wish.portId)
      const binding: PortWish = { device_id: server.id, device_owner: owner, 'binding:host_id': at.host }
      const port =
        known && isBound(known, server.id, at.host)
          ? known
          : await network.updatePort(trace, token, wish.portId, binding, subject)
      plans.push({ wish, port, ours: false })
      continue
    }
    const index = spare.findIndex((each) => suits(each, wish))
    const [found] = index < 0 ? [] : spare.splice(index, 1)
    plans.push({
      wish,
      port: await ownPort(network, trace, token, { server, spec, wish, found, at, owner }),
      ours: true,
    })
  }
  return plans
}

const isBound = (port: PortBody, serverId: string, host: string) =>
  port.device_id === serverId && port['binding:host_id'] === host

const suits = (port: PortBody, wish: NetworkWish) =>
  port.network_id === wish.networkId &&
  (wish.fixedIp === null || port.fixed_ips.some((each) => each.ip_address === wish.fixedIp))

type OwnPort = {
  server: Server
  spec: RequestedServer
  wish: NetworkWish
  found: PortBody | undefined
  at: { host: string }
  owner: string
}

async function ownPort(network: NetworkClient, trace: Trace, token: string, of: OwnPort): Promise<PortBody> {
  const { server, wish, found, at } = of
  const subject = subjectOf(server.id)
  if (found) {
    if (isBound(found, server.id, at.host)) return found
    return network.updatePort(trace, token, found.id, { 'binding:host_id': at.host }, subject)
  }
  const port: PortWish = {
    network_id: wish.networkId,
    project_id: server.projectId,
    device_id: server.id,
    device_owner: of.owner,
    admin_state_up: true,
    'binding:host_id': at.host,
    ...(wish.fixedIp !== null && { fixed_ips: [{ ip_address: wish.fixedIp }] }),
    ...(of.spec.securityGroupIds.length > 0 && { security_groups: of.spec.securityGroupIds }),
  }
  return network.createPort(trace, token, port, subject)
}

/** Ports that we made go with the server; the user's own are only let go of. */
export async function releasePorts(
  app: Compute,
  peers: Peers,
  trace: Trace,
  serverId: string,
  isOurs: (portId: string) => boolean,
): Promise<void> {
  const token = await peers.serviceToken(trace)
  const subject = subjectOf(serverId)
  for (const port of await peers.network.listPorts(trace, token, { device_id: serverId }, subject)) {
    if (isOurs(port.id)) await peers.network.deletePort(trace, token, port.id, subject)
    else await letGo(peers.network, trace, token, port.id, subject)
  }
  app.log.debug({ serverId }, 'the ports of a server were released')
}

export async function letGo(
  network: NetworkClient,
  trace: Trace,
  token: string,
  portId: string,
  subject: string,
) {
  await network.updatePort(
    trace,
    token,
    portId,
    { device_id: '', device_owner: '', 'binding:host_id': '' },
    subject,
  )
}

export function addressOf(plan: PortPlan): ServerAddress {
  const { wish, port } = plan
  return {
    portId: port.id,
    networkId: port.network_id,
    network: wish.network,
    mac: port.mac_address,
    ours: plan.ours,
    ips: fixedIps(port),
    tag: wish.tag,
  }
}

export function fixedIps(port: Pick<PortBody, 'fixed_ips'>): ServerAddress['ips'] {
  return port.fixed_ips.map((each) => ({
    version: ipVersion(each.ip_address),
    address: each.ip_address,
    subnetId: each.subnet_id,
    type: 'fixed' as const,
  }))
}

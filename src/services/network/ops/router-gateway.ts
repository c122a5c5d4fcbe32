// A router's gateway: its port on an external network, through which it reaches the outside.
import type { NetworkContext } from '../app.ts'
import type { Network } from '../resources/network.ts'
import { networkRules, networkTarget } from '../resources/network.ts'
import type { Port } from '../resources/port.ts'
import { type GatewayWish, type Router, routerRules } from '../resources/router.ts'
import { floatingIpsOfRouters } from '../store/floating-ip.ts'
import { findNetwork } from '../store/network.ts'
import { findPort } from '../store/port.ts'
import { gatewayOwner, routerSubnets } from '../store/router.ts'
import { addressesOfPorts, subnetsOf } from '../store/subnet.ts'
import { ensureVisible } from './access.ts'
import type { Work } from './change.ts'
import { networkNotFound } from './network-fault.ts'
import { removePort } from './port-delete.ts'
import { badRouter, gatewayInUse } from './router-fault.ts'
import { createRouterPort, readdressRouterPort } from './router-port.ts'
import { scheduleRouter } from './router-schedule.ts'
import { checkJoin } from './router-subnet.ts'

type GatewayChange = Pick<Router, 'gatewayNetworkId' | 'gatewayPortId' | 'enableSnat'>

/** What changes of the router's row. The router keeps its port where the network stays the same. */
export async function setGateway(
  context: NetworkContext,
  work: Work,
  row: Router,
  wish: GatewayWish,
  verb: 'create' | 'update',
): Promise<GatewayChange> {
  authorizeParts(context, row, wish, verb)
  const network = await externalNetwork(context, work, wish.networkId)
  await checkWishedAddresses(work, network, wish)
  const enableSnat = wish.enableSnat ?? true
  const same = row.gatewayNetworkId === network.id && row.gatewayPortId !== null
  const there = same ? await findPort(work.tx, row.gatewayPortId!) : undefined
  if (there) {
    if (wish.externalFixedIps) {
      await readdressRouterPort(work, there, wish.externalFixedIps)
      await checkGatewaySubnets(work, row, there)
    }
    return { gatewayNetworkId: network.id, gatewayPortId: there.id, enableSnat }
  }
  await clearGateway(work, row)
  const port = await createRouterPort(work, row, {
    networkId: network.id,
    owner: gatewayOwner,
    // Nobody's: an administrator sees it, and the router's project can't take it away.
    projectId: '',
    fixedIps: wish.externalFixedIps?.length ? wish.externalFixedIps : undefined,
  })
  await checkGatewaySubnets(work, row, port)
  // The host that has the router may not reach the external network.
  await scheduleRouter(work, row)
  return { gatewayNetworkId: network.id, gatewayPortId: port.id, enableSnat }
}

export async function clearGateway(work: Work, row: Router): Promise<GatewayChange> {
  const { tx } = work
  if (row.gatewayPortId !== null) {
    if ((await floatingIpsOfRouters(tx, row.id)).length > 0) throw gatewayInUse(row.id, row.gatewayNetworkId!)
    const port = await findPort(tx, row.gatewayPortId)
    if (port) await removePort(work, port)
  }
  return { gatewayNetworkId: null, gatewayPortId: null, enableSnat: true }
}

/** The whole of the gateway comes as one attribute, but its parts have rules of their own. */
function authorizeParts(
  context: NetworkContext,
  row: Router,
  wish: GatewayWish,
  verb: 'create' | 'update',
): void {
  const target = { project_id: row.projectId, tenant_id: row.projectId }
  const { createSnat, updateSnat, createGatewayIps, updateGatewayIps } = routerRules
  if (wish.enableSnat !== undefined) context.authorize(verb === 'create' ? createSnat : updateSnat, target)
  if (wish.externalFixedIps !== undefined)
    context.authorize(verb === 'create' ? createGatewayIps : updateGatewayIps, target)
}

async function externalNetwork(context: NetworkContext, { tx }: Work, id: string): Promise<Network> {
  const network = ensureVisible(context, networkRules.get, await findNetwork(tx, id), networkTarget, () =>
    networkNotFound(id),
  )
  if (!network.external) throw badRouter(`Network ${id} is not an external network`)
  return network
}

async function checkWishedAddresses({ tx }: Work, network: Network, wish: GatewayWish): Promise<void> {
  if (!wish.externalFixedIps?.length) return
  const subnets = await subnetsOf(tx, network.id)
  for (const { ipAddress } of wish.externalFixedIps)
    if (ipAddress !== undefined && subnets.some((each) => each.gatewayIp === ipAddress))
      throw badRouter(`External IP ${ipAddress} is the same as the gateway IP`)
}

async function checkGatewaySubnets({ tx }: Work, row: Router, gateway: Port): Promise<void> {
  const own = (await addressesOfPorts(tx, [gateway.id])).map((each) => each.subnetId)
  const joining = (await subnetsOf(tx, gateway.networkId)).filter((each) => own.includes(each.id))
  const others = (await routerSubnets(tx, row.id)).filter((each) => each.deviceOwner !== gatewayOwner)
  checkJoin(others, joining)
}

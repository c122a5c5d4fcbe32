// Decisions about floating IPs: an address of an external network, which a router may lead to a port's fixed address.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { NetworkContext } from '../app.ts'
import type { CreateOf, UpdateOf } from '../resources/attribute.ts'
import type { Network } from '../resources/network.ts'
import { type Port, portRules, portTarget } from '../resources/port.ts'
import type { FloatingIp, floatingIpAttributes } from '../resources/router.ts'
import { newStandard } from '../resources/standard.ts'
import * as store from '../store/floating-ip.ts'
import { findNetwork } from '../store/network.ts'
import { findPort } from '../store/port.ts'
import { routersBetween } from '../store/router.ts'
import { addressesOfPorts, findSubnet } from '../store/subnet.ts'
import { ensureVisible, isAdmin } from './access.ts'
import type { Work } from './change.ts'
import { noteServer } from './floating-release.ts'
import { portNotFound } from './port.ts'
import { removePort } from './port-delete.ts'
import { enforceQuota } from './quota.ts'
import { badFloatingIp } from './router-fault.ts'
import { createFloatingPort } from './router-port.ts'

export type FloatingIpCreate = CreateOf<typeof floatingIpAttributes>
export type FloatingIpUpdate = UpdateOf<typeof floatingIpAttributes>

type Association = Pick<FloatingIp, 'fixedPortId' | 'fixedIpAddress' | 'routerId'>
const free: Association = { fixedPortId: null, fixedIpAddress: null, routerId: null }

export async function createFloatingIp(
  context: NetworkContext,
  work: Work,
  given: FloatingIpCreate,
): Promise<FloatingIp> {
  const { app, tx } = work
  await enforceQuota(work, given.projectId, 'floatingip')
  const network = await findNetwork(tx, given.floatingNetworkId)
  if (!network?.external)
    throw badFloatingIp(`Network ${given.floatingNetworkId} is not a valid external network`)
  checkFixed(given)
  const standard = newStandard(app.world, given)
  const { port, address } = await takeFloatingAddress(work, network, standard.id, given)
  const row: FloatingIp = {
    ...standard,
    floatingNetworkId: network.id,
    floatingIpAddress: address,
    floatingPortId: port.id,
    ...free,
    status: 'DOWN',
    dnsName: given.dnsName,
    dnsDomain: given.dnsDomain,
  }
  const association = given.portId
    ? await associate(context, work, row, given.portId, given.fixedIpAddress)
    : free
  await store.insertFloatingIp(tx, { ...row, ...association })
  await noteAssociation(work, association)
  return { ...row, ...association }
}

/** Without a port_id the association stays; a null one ends it. */
export async function updateFloatingIp(
  context: NetworkContext,
  work: Work,
  row: FloatingIp,
  given: FloatingIpUpdate,
): Promise<FloatingIp> {
  checkFixed(given)
  const { portId, fixedIpAddress, ...plain } = given
  if (portId === undefined) return applyChange(work, row, plain)
  const association = portId === null ? free : await associate(context, work, row, portId, fixedIpAddress)
  return applyChange(work, row, { ...plain, ...(await moved(work, row, association)) })
}

export async function deleteFloatingIp(work: Work, row: FloatingIp): Promise<void> {
  await noteAssociation(work, row)
  await store.deleteFloatingIp(work.tx, row.id)
  const port = await findPort(work.tx, row.floatingPortId)
  if (port) await removePort(work, port)
}

/** Those of a network that lead to no port, whoever's they are. */
export async function removeFreeFloatingIps(work: Work, networkId: string): Promise<void> {
  for (const row of await store.freeFloatingIpsOf(work.tx, networkId)) await deleteFloatingIp(work, row)
}

async function applyChange(work: Work, row: FloatingIp, change: Partial<FloatingIp>): Promise<FloatingIp> {
  const whole = { ...change, revision: row.revision + 1, updatedAt: work.app.world.clock.now() }
  await store.updateFloatingIp(work.tx, row.id, whole)
  return { ...row, ...whole }
}

/** Its agent says when it works again; nothing changes where it leads to the same address as before. */
async function moved(work: Work, row: FloatingIp, to: Association): Promise<Partial<FloatingIp>> {
  const isSame =
    row.fixedPortId === to.fixedPortId &&
    row.fixedIpAddress === to.fixedIpAddress &&
    row.routerId === to.routerId
  if (isSame) return {}
  await noteAssociation(work, row)
  await noteAssociation(work, to)
  return { ...to, status: 'DOWN' }
}

async function noteAssociation(work: Work, { routerId, fixedPortId }: Association): Promise<void> {
  if (routerId !== null) work.changes.routers.add(routerId)
  if (fixedPortId !== null) await noteServer(work, fixedPortId)
}

function checkFixed(given: { portId?: string | null; fixedIpAddress?: string | null }): void {
  if (given.fixedIpAddress && !given.portId)
    throw badFloatingIp('fixed_ip_address cannot be specified without a port_id')
}

async function takeFloatingAddress(
  work: Work,
  network: Network,
  floatingIpId: string,
  given: FloatingIpCreate,
): Promise<{ port: Port; address: string }> {
  const { tx } = work
  const { floatingIpAddress, subnetId } = given
  const subnet = subnetId ? await findSubnet(tx, subnetId) : undefined
  if (subnetId && subnet?.networkId !== network.id)
    throw badFloatingIp(`Subnet ${subnetId} is not on the external network ${network.id}`)
  const wish = {
    ...(floatingIpAddress && { ipAddress: floatingIpAddress }),
    ...(subnet && { subnetId: subnet.id }),
  }
  const fixedIps = Object.keys(wish).length > 0 ? [wish] : undefined
  const port = await createFloatingPort(work, { networkId: network.id, floatingIpId, fixedIps })
  const address = (await addressesOfPorts(tx, [port.id])).find((each) => !each.ipAddress.includes(':'))
  if (!address)
    throw new CloudError('badRequest', `Unable to find any IP address on external network ${network.id}.`, {
      type: 'ExternalIpAddressExhausted',
    })
  return { port, address: address.ipAddress }
}

/** Where it leads, and through which router. */
async function associate(
  context: NetworkContext,
  work: Work,
  row: FloatingIp,
  portId: string,
  wished: string | null | undefined,
): Promise<Association> {
  const { tx } = work
  const port = await ownPort(context, work, row, portId)
  const fixed = await fixedAddress(work, port, wished ?? undefined)
  const other = await store.associatedWith(tx, row.floatingNetworkId, port.id, fixed.ipAddress)
  if (other && other.id !== row.id)
    throw new CloudError(
      'conflict',
      `Cannot associate floating IP ${row.floatingIpAddress} (${row.id}) with port ${port.id} using fixed IP ${fixed.ipAddress}, as that fixed IP already has a floating IP on external network ${row.floatingNetworkId}.`,
      { type: 'FloatingIPPortAlreadyAssociated' },
    )
  const routerId = await routerFor(work, row.floatingNetworkId, port, fixed.subnetId)
  return { fixedPortId: port.id, fixedIpAddress: fixed.ipAddress, routerId }
}

async function ownPort(
  context: NetworkContext,
  { tx }: Work,
  row: FloatingIp,
  portId: string,
): Promise<Port> {
  const found = await findPort(tx, portId)
  const network = found && (await findNetwork(tx, found.networkId))
  const port = ensureVisible(
    context,
    portRules.get,
    found,
    (each) => portTarget(each, network),
    () => portNotFound(portId),
  )
  if (port.projectId !== row.projectId && !isAdmin(context))
    throw badFloatingIp(
      `Cannot process floating IP association with Port ${port.id}, since that port is owned by a different tenant`,
    )
  return port
}

async function fixedAddress(
  { tx }: Work,
  port: Port,
  wished: string | undefined,
): Promise<{ ipAddress: string; subnetId: string }> {
  const addresses = (await addressesOfPorts(tx, [port.id])).filter((each) => !each.ipAddress.includes(':'))
  if (wished !== undefined) {
    const found = addresses.find((each) => each.ipAddress === wished)
    if (!found) throw badFloatingIp(`Port ${port.id} does not have fixed ip ${wished}`)
    return found
  }
  const [only, second] = addresses
  if (!only) throw badFloatingIp(`Cannot add floating IP to port ${port.id} that has no fixed IPv4 addresses`)
  if (second)
    throw badFloatingIp(
      `Port ${port.id} has multiple fixed IPv4 addresses.  Must provide a specific IPv4 address when assigning a floating IP`,
    )
  return only
}

/** The router on the subnet's gateway address comes first: guests send their answers there. */
async function routerFor(
  { tx }: Work,
  externalNetworkId: string,
  port: Port,
  subnetId: string,
): Promise<string> {
  const routers = await routersBetween(tx, subnetId, externalNetworkId)
  const gatewayIp = (await findSubnet(tx, subnetId))?.gatewayIp
  const chosen = routers.find((each) => each.ipAddress === gatewayIp) ?? routers[0]
  if (chosen) return chosen.routerId
  throw new CloudError(
    'notFound',
    `External network ${externalNetworkId} is not reachable from subnet ${subnetId}.  Therefore, cannot associate Port ${port.id} with a Floating IP.`,
    { type: 'ExternalGatewayForFloatingIPNotFound' },
  )
}

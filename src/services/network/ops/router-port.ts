// Ports that routers and floating IPs stand on. They are the network service's own: without security groups, outside
// of quotas, and bound to the host of the agent that serves the router.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { IpWish, Port, WholePort } from '../resources/port.ts'
import type { Router } from '../resources/router.ts'
import { routerHostOf } from '../store/agent.ts'
import { findNetwork } from '../store/network.ts'
import { withSides } from '../store/port.ts'
import { interfaceOwner } from '../store/router.ts'
import type { Work } from './change.ts'
import { networkNotFound } from './network-fault.ts'
import { createPort, updatePort } from './port.ts'

const floatingOwner = 'network:floatingip'

export type RouterPortWish = {
  networkId: string
  owner: string
  projectId: string
  fixedIps: IpWish[] | undefined
}

export async function createRouterPort(
  work: Work,
  router: Pick<Router, 'id'>,
  wish: RouterPortWish,
): Promise<WholePort> {
  const host = (await routerHostOf(work.tx, router.id)) ?? ''
  return createOwnPort(work, { ...wish, deviceId: router.id, hostId: host })
}

/** It only holds the address: the router's gateway answers for it. */
export function createFloatingPort(
  work: Work,
  given: { networkId: string; floatingIpId: string; fixedIps: IpWish[] | undefined },
): Promise<WholePort> {
  const { networkId, floatingIpId, fixedIps } = given
  return createOwnPort(work, {
    networkId,
    owner: floatingOwner,
    deviceId: floatingIpId,
    projectId: '',
    hostId: '',
    fixedIps,
  })
}

async function createOwnPort(
  work: Work,
  given: RouterPortWish & { deviceId: string; hostId: string },
): Promise<WholePort> {
  const network = await findNetwork(work.tx, given.networkId)
  if (!network) throw networkNotFound(given.networkId)
  const { networkId, projectId, deviceId, hostId, fixedIps } = given
  return createPort(
    work,
    network,
    {
      networkId,
      projectId,
      name: '',
      description: '',
      adminStateUp: true,
      deviceId,
      deviceOwner: given.owner,
      hostId,
      dnsName: '',
      vnicType: 'normal',
      portSecurityEnabled: false,
      ...(fixedIps && { fixedIps }),
    },
    { quota: false },
  )
}

/**
 * A port that somebody made becomes the router's. What a router forwards has other addresses than its port's, so no
 * rule may hold it to those.
 */
export async function adoptRouterPort(work: Work, router: Router, port: Port): Promise<WholePort> {
  const host = (await routerHostOf(work.tx, router.id)) ?? ''
  return updatePort(work, await wholePort(work, port), {
    deviceId: router.id,
    deviceOwner: interfaceOwner,
    hostId: host,
    securityGroups: [],
    allowedAddressPairs: [],
    portSecurityEnabled: false,
  })
}

export async function readdressRouterPort(work: Work, port: Port, fixedIps: IpWish[]): Promise<WholePort> {
  return updatePort(work, await wholePort(work, port), { fixedIps })
}

async function wholePort({ tx }: Work, port: Port): Promise<WholePort> {
  const [whole] = await withSides(tx, [port])
  if (!whole) throw new CloudError('internal', `Port ${port.id} could not be read.`)
  return whole
}

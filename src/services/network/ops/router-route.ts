// Extra routes of routers: which may be set, and which an interface is needed for.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { address } from '#kit/net/address.ts'
import { cidr, cidrHas } from '#kit/net/cidr.ts'
import type { HostRoute } from '../resources/subnet.ts'
import type { RouterSubnet } from '../store/router.ts'

function sameRoute(a: HostRoute, b: HostRoute): boolean {
  return a.destination === b.destination && a.nexthop === b.nexthop
}

export function isConnected(route: HostRoute, subnet: { cidr: string }): boolean {
  return cidrHas(cidr(subnet.cidr), address(route.nexthop))
}

/** Each next hop must be in one of the router's subnets, and not be the router. */
export function checkRoutes(
  routerId: string,
  routes: readonly HostRoute[],
  subnets: readonly RouterSubnet[],
  most: number,
): void {
  if (routes.length > most)
    throw new CloudError(
      'badRequest',
      `Unable to complete operation for ${routerId}. The number of routes exceeds the maximum ${most}.`,
      { type: 'RoutesExhausted' },
    )
  for (const route of routes) {
    if (!subnets.some((each) => isConnected(route, each)))
      throw invalidRoutes(route, 'the nexthop is not connected with router')
    if (subnets.some((each) => each.ipAddress === route.nexthop))
      throw invalidRoutes(route, 'the nexthop is used by router')
  }
}

function invalidRoutes(route: HostRoute, reason: string): CloudError {
  const shown = `{'destination': '${route.destination}', 'nexthop': '${route.nexthop}'}`
  return new CloudError('badRequest', `Invalid format for routes: ${shown}, ${reason}.`, {
    type: 'InvalidRoutes',
  })
}

export function refuseWhileRouted(
  routerId: string,
  routes: readonly HostRoute[],
  subnet: { subnetId: string; cidr: string },
): void {
  if (!routes.some((each) => isConnected(each, subnet))) return
  throw new CloudError(
    'conflict',
    `Router interface for subnet ${subnet.subnetId} on router ${routerId} cannot be deleted, as it is required by one or more routes.`,
    { type: 'RouterInterfaceInUseByRoute' },
  )
}

/** What is there already stays once. */
export function addedRoutes(there: readonly HostRoute[], more: readonly HostRoute[]): HostRoute[] {
  const fresh = more.filter((each) => !there.some((old) => sameRoute(each, old)))
  return [...there, ...fresh]
}

export function remainingRoutes(there: readonly HostRoute[], less: readonly HostRoute[]): HostRoute[] {
  return there.filter((each) => !less.some((gone) => sameRoute(each, gone)))
}

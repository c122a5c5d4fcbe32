// Which subnets a router may join: none twice, and none that overlaps with another of them.
import { cidr, cidrsOverlap } from '#kit/net/cidr.ts'
import { gatewayOwner, type RouterSubnet } from '../store/router.ts'
import { badRouter } from './router-fault.ts'

/** `there` are the router's; a gateway's own subnets are left out where the gateway is being set. */
export function checkJoin(
  there: readonly RouterSubnet[],
  joining: readonly { id: string; cidr: string }[],
): void {
  for (const subnet of joining) {
    if (there.some((each) => each.subnetId === subnet.id && each.deviceOwner !== gatewayOwner))
      throw badRouter(`Router already has a port on subnet ${subnet.id}`)
    const across = there.find((each) => cidrsOverlap(cidr(each.cidr), cidr(subnet.cidr)))
    if (across)
      throw badRouter(
        `Cidr ${subnet.cidr} of subnet ${subnet.id} overlaps with cidr ${across.cidr} of subnet ${across.subnetId}`,
      )
  }
}

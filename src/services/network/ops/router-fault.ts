// What may be wrong with routers and floating IPs, in the words and types that clients match on.
import { CloudError } from '#kit/errors/cloud-error.ts'

export function routerNotFound(id: string): CloudError {
  return new CloudError('notFound', `Router ${id} could not be found`, { type: 'RouterNotFound' })
}

export function floatingIpNotFound(id: string): CloudError {
  return new CloudError('notFound', `Floating IP ${id} could not be found`, { type: 'FloatingIPNotFound' })
}

export function badRouter(message: string): CloudError {
  return new CloudError('badRequest', `Bad router request: ${message}.`, { type: 'BadRequest' })
}

export function badFloatingIp(message: string): CloudError {
  return new CloudError('badRequest', `Bad floatingip request: ${message}.`, { type: 'BadRequest' })
}

export function routerInUse(id: string): CloudError {
  return new CloudError('conflict', `Router ${id} still has ports`, { type: 'RouterInUse' })
}

export function gatewayInUse(routerId: string, networkId: string): CloudError {
  return new CloudError(
    'conflict',
    `Gateway cannot be updated for router ${routerId}, since a gateway to external network ${networkId} is required by one or more floating IPs.`,
    { type: 'RouterExternalGatewayInUseByFloatingIp' },
  )
}

export function interfaceInUse(routerId: string, subnetId: string): CloudError {
  return new CloudError(
    'conflict',
    `Router interface for subnet ${subnetId} on router ${routerId} cannot be deleted, as it is required by one or more floating IPs.`,
    { type: 'RouterInterfaceInUseByFloatingIP' },
  )
}

export function interfaceNotFound(routerId: string, portId: string): CloudError {
  return new CloudError('notFound', `Router ${routerId} does not have an interface with id ${portId}`, {
    type: 'RouterInterfaceNotFound',
  })
}

export function interfaceNotFoundForSubnet(routerId: string, subnetId: string): CloudError {
  return new CloudError('notFound', `Router ${routerId} has no interface on subnet ${subnetId}`, {
    type: 'RouterInterfaceNotFoundForSubnet',
  })
}

export function subnetMismatch(portId: string, subnetId: string): CloudError {
  return new CloudError(
    'badRequest',
    `Subnet on port ${portId} does not match the requested subnet ${subnetId}`,
    { type: 'SubnetMismatchForPort' },
  )
}

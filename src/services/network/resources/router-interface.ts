// What a router is joined to: the body and the answer of add_router_interface and remove_router_interface.
// https://docs.openstack.org/api-ref/network/v2/#add-interface-to-router
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Port } from './port.ts'
import type { Router } from './router.ts'
import { isUuid, show } from './value.ts'

export type InterfaceWish = { subnetId?: string; portId?: string }

export function readInterface(body: unknown): InterfaceWish {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw bad('Either subnet_id or port_id must be specified')
  const { subnet_id: subnetId, port_id: portId } = body as Record<string, unknown>
  return {
    ...(subnetId !== undefined && subnetId !== null && { subnetId: id('subnet_id', subnetId) }),
    ...(portId !== undefined && portId !== null && { portId: id('port_id', portId) }),
  }
}

function id(name: string, value: unknown): string {
  if (!isUuid(value)) throw bad(`Invalid input for ${name}. Reason: ${show(value)} is not a valid UUID`)
  return value
}

function bad(message: string): CloudError {
  return new CloudError('badRequest', `Bad router request: ${message}.`, { type: 'BadRequest' })
}

export function interfaceView(row: Router, { port, subnetIds }: { port: Port; subnetIds: string[] }) {
  return {
    id: row.id,
    tenant_id: row.projectId,
    project_id: row.projectId,
    port_id: port.id,
    network_id: port.networkId,
    subnet_id: subnetIds[0] ?? null,
    subnet_ids: subnetIds,
    tags: row.tags,
  }
}

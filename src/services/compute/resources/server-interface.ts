// Interfaces of a server: the network service's ports in compute's words.
import { Type } from 'typebox'
import { type Body, body } from '#kit/http/body.ts'
import { view } from '#kit/http/view.ts'
import type { PortBody } from '#services/network/client.ts'
import { tag, uuid } from './schema.ts'

export const interfaceCreate = body('interfaceAttachment', {
  net_id: { schema: uuid, optional: true },
  port_id: { schema: uuid, optional: true },
  fixed_ips: {
    schema: Type.Array(
      Type.Object(
        { ip_address: Type.String({ minLength: 1, maxLength: 64 }) },
        { additionalProperties: false },
      ),
      { minItems: 1, maxItems: 1 },
    ),
    optional: true,
  },
  tag: { schema: tag, since: '2.49', optional: true },
})

/** Who wishes for nothing in particular may leave it out: any network of the project. */
export const interfaceWish: Body<ReturnType<typeof interfaceCreate.parse>> = {
  ...interfaceCreate,
  schemaAt: (at) => ({ ...interfaceCreate.schemaAt(at), required: [] }),
  parse(input, at) {
    const isEmpty = typeof input === 'object' && input !== null && Object.keys(input).length === 0
    return interfaceCreate.parse(isEmpty ? { interfaceAttachment: {} } : input, at)
  },
}

export type ShownInterface = PortBody & { tag: string | null }
export const interfaceView = view<ShownInterface>()({
  fixed_ips: (p) => p.fixed_ips.map(({ subnet_id, ip_address }) => ({ subnet_id, ip_address })),
  mac_addr: (p) => p.mac_address,
  net_id: (p) => p.network_id,
  port_id: (p) => p.id,
  port_state: (p) => p.status,
  tag: { since: '2.70', get: (p) => p.tag },
})

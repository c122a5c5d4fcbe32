// What a host asks of image, network and volume over their public APIs, with the token of its service user. A host that joined
// may do just this: rules of these services name its role where it asks for something here.
import { Readable } from 'node:stream'
import type { GuestImage, GuestNic } from '#drivers/virt/load.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { type RestClient, type RestRequest, restClient } from '#kit/http/client.ts'
import type { Trace } from '#kit/journal/journal.ts'
import type { Parts, PeerType } from './parts.ts'
import { patiently } from './patience.ts'

const peerNames = { image: 'glance-api', network: 'neutron-server', volume: 'cinder-api' } as const
/** The first version of the volume API in which attachments are completed by their own call. */
const volumeVersion = { 'openstack-api-version': 'volume 3.44' }

type Port = { id: string; mac_address: string; network_id: string; device_id: string; created_at?: string }
type Network = { id: string; mtu: number }
type Attachment = {
  id: string
  volume_id: string
  connection_info: Record<string, unknown> & { data?: Record<string, unknown> }
}

export type VolumeConnection = { path: string; format: 'raw' | 'qcow2'; readOnly: boolean }

export type Peers = ReturnType<typeof openPeers>

export function openPeers(parts: Parts) {
  const { world, http, journal, endpoint, serviceToken } = parts
  const clients = new Map<PeerType, RestClient>()
  const ask = async <T>(
    type: PeerType,
    trace: Trace,
    method: string,
    template: string,
    request: RestRequest,
  ) => {
    let client = clients.get(type)
    if (!client) {
      client = restClient({ http, journal, baseUrl: () => endpoint(type), peer: peerNames[type] })
      clients.set(type, client)
    }
    const { request: send } = client
    return patiently(world, async () => send<T>(trace, await serviceToken(trace), method, template, request))
  }

  return {
    async image(trace: Trace, id: string, subject: string): Promise<GuestImage> {
      const { body } = await ask<Record<string, unknown>>('image', trace, 'GET', '/v2/images/:id', {
        params: { id },
        subject,
      })
      if (body.status !== 'active')
        throw new CloudError('conflict', `Image ${id} is ${String(body.status)}, not active`)
      return {
        id,
        diskFormat: String(body.disk_format),
        sizeBytes: Number(body.size),
        hashAlgorithm: typeof body.os_hash_algo === 'string' ? body.os_hash_algo : undefined,
        hashValue: typeof body.os_hash_value === 'string' ? body.os_hash_value : undefined,
      }
    },

    async imageContent(trace: Trace, id: string, subject: string): Promise<Readable> {
      const answer = await ask('image', trace, 'GET', '/v2/images/:id/file', {
        params: { id },
        subject,
        stream: true,
        timeoutMs: 600_000,
      })
      return answer.stream ?? Readable.from([])
    },

    /** The server's ports in the order that is given; those that it doesn't name behind, in the order in which they were made. */
    async nics(
      trace: Trace,
      serverId: string,
      subject: string,
      order: readonly string[] = [],
    ): Promise<GuestNic[]> {
      const { ports } = (
        await ask<{ ports: Port[] }>('network', trace, 'GET', '/v2.0/ports', {
          query: { device_id: serverId },
          subject,
        })
      ).body
      if (ports.length === 0) return []
      const ids = [...new Set(ports.map((port) => port.network_id))]
      const { networks } = (
        await ask<{ networks: Network[] }>('network', trace, 'GET', '/v2.0/networks', {
          query: { id: ids },
          subject,
        })
      ).body
      const mtus = new Map(networks.map((network) => [network.id, network.mtu]))
      const places = new Map(order.map((id, index) => [id, index]))
      const place = ({ id }: Port) => places.get(id) ?? order.length
      return ports
        .toSorted(
          (a, b) =>
            place(a) - place(b) ||
            (a.created_at ?? '').localeCompare(b.created_at ?? '') ||
            a.id.localeCompare(b.id),
        )
        .map((port) => ({
          portId: port.id,
          mac: port.mac_address,
          tap: `tap${port.id.slice(0, 11)}`,
          mtu: mtus.get(port.network_id) ?? 1500,
          linkType: 'ovs',
          networkId: port.network_id,
        }))
    },

    /** Tells the volume service which host wants it, and learns where it is. */
    async connectVolume(
      trace: Trace,
      attachmentId: string,
      device: string,
      subject: string,
    ): Promise<VolumeConnection> {
      const connector = {
        host: parts.host,
        platform: 'x86_64',
        os_type: 'linux',
        multipath: false,
        mountpoint: device,
      }
      const { body } = await ask<{ attachment: Attachment }>('volume', trace, 'PUT', '/v3/attachments/:id', {
        params: { id: attachmentId },
        headers: volumeVersion,
        body: { attachment: { connector } },
        subject,
      })
      const info = body.attachment.connection_info
      // Some drivers give the facts flat, others below `data`.
      const facts = { ...info, ...info.data } as Record<string, unknown>
      if (typeof facts.path !== 'string')
        throw new CloudError('badGateway', `The volume service gives no path for attachment ${attachmentId}`)
      return {
        path: facts.path,
        format: facts.format === 'qcow2' ? 'qcow2' : 'raw',
        readOnly: facts.access_mode === 'ro',
      }
    },

    async completeAttachment(trace: Trace, attachmentId: string, subject: string): Promise<void> {
      await ask('volume', trace, 'POST', '/v3/attachments/:id/action', {
        params: { id: attachmentId },
        headers: volumeVersion,
        body: { 'os-complete': {} },
        subject,
      })
    },
  }
}

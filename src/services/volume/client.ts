// What compute asks of volumes. The path names the project whose volumes they are; a service's own token (role
// `service`) may name any project there, so that a task can go on for a user whose token has long expired.
import { type RestRequest, restClient } from '#kit/http/client.ts'
import type { Journal, Trace } from '#kit/journal/journal.ts'
import type { Platform } from '#kit/service/platform.ts'

export type VolumeBody = {
  id: string
  name: string | null
  status: string
  /** GiB. */
  size: number
  bootable: string
  multiattach: boolean
  availability_zone: string
  metadata: Record<string, string>
  volume_image_metadata?: Record<string, string>
  attachments: { server_id: string; attachment_id: string; device: string }[]
}
export type VolumeWish = {
  name?: string
  size?: number
  imageRef?: string
  snapshot_id?: string
  volume_type?: string
  availability_zone?: string
  metadata?: Record<string, string>
}
export type AttachmentBody = { id: string; volume_id: string; instance: string; status: string }

const version = { 'openstack-api-version': 'volume 3.60' }

export type VolumeClient = ReturnType<typeof volumeClient>

export function volumeClient({ platform, journal }: { platform: Platform; journal: Journal }) {
  const rest = restClient({
    http: platform.http,
    journal,
    baseUrl: () => platform.endpoint('volume'),
    peer: 'cinder-api',
  })
  const ask = <T>(
    trace: Trace,
    token: string,
    projectId: string,
    method: string,
    path: string,
    request: RestRequest = {},
  ) =>
    rest.request<T>(trace, token, method, `/v3/:project${path}`, {
      ...request,
      params: { project: projectId, ...request.params },
      headers: version,
    })

  return {
    async getVolume(trace: Trace, token: string, projectId: string, id: string): Promise<VolumeBody> {
      const { body } = await ask<{ volume: VolumeBody }>(trace, token, projectId, 'GET', '/volumes/:id', {
        params: { id },
      })
      return body.volume
    },
    async findVolumeByName(
      trace: Trace,
      token: string,
      projectId: string,
      name: string,
    ): Promise<VolumeBody | undefined> {
      const { body } = await ask<{ volumes: VolumeBody[] }>(
        trace,
        token,
        projectId,
        'GET',
        '/volumes/detail',
        {
          query: { name, all_tenants: '1' },
        },
      )
      return body.volumes.find((volume) => volume.name === name)
    },
    async createVolume(
      trace: Trace,
      token: string,
      projectId: string,
      volume: VolumeWish,
      subject?: string,
    ): Promise<VolumeBody> {
      const { body } = await ask<{ volume: VolumeBody }>(trace, token, projectId, 'POST', '/volumes', {
        body: { volume },
        subject,
      })
      return body.volume
    },
    /** No error where it is gone. */
    async deleteVolume(trace: Trace, token: string, projectId: string, id: string): Promise<void> {
      await ask(trace, token, projectId, 'DELETE', '/volumes/:id', { params: { id }, accept: [404] })
    },
    /** Reserves the volume for the server; without a connector the host is told later. */
    async createAttachment(
      trace: Trace,
      token: string,
      projectId: string,
      attachment: { volumeId: string; serverId: string },
      subject?: string,
    ): Promise<AttachmentBody> {
      const { body } = await ask<{ attachment: AttachmentBody }>(
        trace,
        token,
        projectId,
        'POST',
        '/attachments',
        {
          body: {
            attachment: {
              volume_uuid: attachment.volumeId,
              instance_uuid: attachment.serverId,
              connector: null,
            },
          },
          subject,
        },
      )
      return body.attachment
    },
    /** Whether guests of the host reach the volume, before anybody tries: kind 'conflict' where they can't. */
    async connectAttachment(
      trace: Trace,
      token: string,
      projectId: string,
      id: string,
      host: string,
    ): Promise<void> {
      await ask(trace, token, projectId, 'PUT', '/attachments/:id', {
        params: { id },
        body: { attachment: { connector: { host } } },
      })
    },
    async listAttachments(
      trace: Trace,
      token: string,
      projectId: string,
      serverId: string,
    ): Promise<AttachmentBody[]> {
      const { body } = await ask<{ attachments: AttachmentBody[] }>(
        trace,
        token,
        projectId,
        'GET',
        '/attachments/detail',
        { query: { instance_id: serverId, all_tenants: '1' } },
      )
      return body.attachments
    },
    /** Of all projects, those that were reserved, or connected too, and went no further. */
    async listUnfinishedAttachments(
      trace: Trace,
      token: string,
      projectId: string,
    ): Promise<AttachmentBody[]> {
      const lists = await Promise.all(
        ['reserved', 'attaching'].map((status) =>
          ask<{ attachments: AttachmentBody[] }>(trace, token, projectId, 'GET', '/attachments/detail', {
            query: { status, all_tenants: '1' },
          }),
        ),
      )
      return lists.flatMap(({ body }) => body.attachments)
    },
    async getAttachment(
      trace: Trace,
      token: string,
      projectId: string,
      id: string,
    ): Promise<AttachmentBody | undefined> {
      const found = await ask<{ attachment: AttachmentBody }>(
        trace,
        token,
        projectId,
        'GET',
        '/attachments/:id',
        { params: { id }, accept: [404] },
      )
      return found.status === 404 ? undefined : found.body.attachment
    },
    /** The guest has it: the volume is in use. */
    async completeAttachment(trace: Trace, token: string, projectId: string, id: string): Promise<void> {
      await ask(trace, token, projectId, 'POST', '/attachments/:id/action', {
        params: { id },
        body: { 'os-complete': null },
      })
    },
    /** No error where it is gone. */
    async deleteAttachment(trace: Trace, token: string, projectId: string, id: string): Promise<void> {
      await ask(trace, token, projectId, 'DELETE', '/attachments/:id', { params: { id }, accept: [404] })
    },
  }
}

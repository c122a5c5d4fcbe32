// Volumes and their metadata.

import { CloudError } from '#kit/errors/cloud-error.ts'
import { nextUrl } from '#kit/http/page.ts'
import { isTrue } from '#kit/http/query.ts'
import type { Incoming } from '#kit/http/route.ts'
import { route, type VolumeContext } from '../app.ts'
import { deleteVolumeBy, editMetadata, needKey, showMetadata, updateVolumeBy } from '../ops/volume.ts'
import { createVolume } from '../ops/volume-create.ts'
import { listVolumes, mostVolumes, summarize } from '../ops/volume-list.ts'
import { loadVolume, shownVolume, shownVolumes } from '../ops/volume-load.ts'
import { volumeRules } from '../resources/volume.ts'
import {
  metaBody,
  metadataBody,
  type VolumeCreate,
  volumeCreate,
  volumeCreateLoose,
  volumeUpdate,
} from '../resources/volume-body.ts'
import { briefView, volumeDetailView, volumeView } from '../resources/volume-view.ts'

async function create(context: VolumeContext, { body }: Incoming<VolumeCreate>) {
  return { volume: volumeView(await shownVolume(context, await createVolume(context, body)), context) }
}

const list =
  (detail: boolean) =>
  async (context: VolumeContext, { query }: Incoming<unknown>) => {
    const { volumes, next, total } = await listVolumes(context, query)
    const shown = detail
      ? (await shownVolumes(context, volumes)).map((row) => volumeDetailView(row, context))
      : volumes.map((row) => briefView(row, context))
    const base = `${context.origin}/v3/${context.caller.projectId}/volumes${detail ? '/detail' : ''}`
    return {
      volumes: shown,
      ...(next && { volumes_links: [{ rel: 'next', href: nextUrl(base, query, next, mostVolumes) }] }),
      ...(total !== undefined && { count: total }),
    }
  }

export const volumeRoutes = [
  route('POST', '/volumes', {
    until: '3.52',
    policy: volumeRules.create,
    status: 202,
    body: volumeCreateLoose,
    handle: create,
  }),
  route('POST', '/volumes', {
    since: '3.53',
    policy: volumeRules.create,
    status: 202,
    body: volumeCreate,
    handle: create,
  }),
  route('GET', '/volumes', { policy: volumeRules.list, handle: list(false) }),
  route('GET', '/volumes/detail', { policy: volumeRules.list, handle: list(true) }),
  route('GET', '/volumes/summary', {
    since: '3.12',
    policy: volumeRules.list,
    handle: async (context, { query }) => ({ 'volume-summary': await summarize(context, query) }),
  }),
  route('GET', '/volumes/:id', {
    policy: volumeRules.show,
    handle: async (context, { params }) => {
      const row = await loadVolume(context, params.id!, volumeRules.show)
      return { volume: volumeDetailView(await shownVolume(context, row), context) }
    },
  }),
  route('PUT', '/volumes/:id', {
    policy: volumeRules.update,
    body: volumeUpdate,
    handle: async (context, { params, body }) => ({
      volume: volumeView(
        await shownVolume(context, await updateVolumeBy(context, params.id!, body)),
        context,
      ),
    }),
  }),
  route('DELETE', '/volumes/:id', {
    policy: volumeRules.delete,
    status: 202,
    handle: async (context, { params, query }) => {
      const force = (context.version ?? 0) >= 3023 && isTrue(query.get('force'))
      await deleteVolumeBy(context, params.id!, force ? volumeRules.deleteByForce : volumeRules.delete, force)
    },
  }),
  route('GET', '/volumes/:id/metadata', {
    policy: volumeRules.metadata,
    handle: async (context, { params }) => ({ metadata: await showMetadata(context, params.id!) }),
  }),
  route('POST', '/volumes/:id/metadata', {
    policy: volumeRules.metadataCreate,
    body: metadataBody,
    handle: async (context, { params, body }) => ({
      metadata: await editMetadata(context, params.id!, 'metadata', volumeRules.metadataCreate, (now) => ({
        ...now,
        ...body.metadata,
      })),
    }),
  }),
  route('PUT', '/volumes/:id/metadata', {
    policy: volumeRules.metadataUpdate,
    body: metadataBody,
    handle: async (context, { params, body }) => ({
      metadata: await editMetadata(
        context,
        params.id!,
        'metadata',
        volumeRules.metadataUpdate,
        () => body.metadata,
      ),
    }),
  }),
  route('GET', '/volumes/:id/metadata/:key', {
    policy: volumeRules.metadata,
    handle: async (context, { params }) => {
      const key = params.key!
      return { meta: { [key]: needKey(await showMetadata(context, params.id!), key) } }
    },
  }),
  route('PUT', '/volumes/:id/metadata/:key', {
    policy: volumeRules.metadataUpdate,
    body: metaBody,
    handle: async (context, { params, body }) => {
      if (!Object.hasOwn(body.meta, params.key!))
        throw new CloudError('badRequest', 'Request body and URI mismatch.')
      await editMetadata(context, params.id!, 'metadata', volumeRules.metadataUpdate, (now) => ({
        ...now,
        ...body.meta,
      }))
      return { meta: body.meta }
    },
  }),
  route('DELETE', '/volumes/:id/metadata/:key', {
    policy: volumeRules.metadataDelete,
    status: 200,
    handle: async (context, { params }) => {
      await editMetadata(context, params.id!, 'metadata', volumeRules.metadataDelete, (now) => {
        needKey(now, params.key!)
        const { [params.key!]: _, ...rest } = now
        return rest
      })
    },
  }),
]

// Parts of a server with paths of their own: metadata, tags, addresses, interfaces and volumes.
import { Type } from 'typebox'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { body } from '#kit/http/body.ts'
import { answer, type Query } from '#kit/http/route.ts'
import { type ComputeContext, route } from '../app.ts'
import * as interfaces from '../ops/server-interface.ts'
import { loadServer } from '../ops/server-load.ts'
import { changeMetadata, changeTags, oneMetadata, readTag } from '../ops/server-update.ts'
import * as volumes from '../ops/server-volume.ts'
import { attachmentCreate, attachmentUpdate, attachmentView } from '../resources/block-device.ts'
import { checkQuery, pageOf } from '../resources/query.ts'
import { metadata, tag } from '../resources/schema.ts'
import { interfaceView, interfaceWish } from '../resources/server-interface.ts'
import { serverRules } from '../resources/server-rule.ts'
import { plainAddresses } from '../resources/server-view.ts'
import { deletePassword, findPassword } from '../store/server-password.ts'

const metadataBody = body(null, { metadata: { schema: metadata } })
const oneBody = body(null, { meta: { schema: metadata } })
const tagsBody = body(null, { tags: { schema: Type.Array(tag, { maxItems: 50 }) } })

export const metadataRoutes = [
  route('GET', '/servers/:id/metadata', {
    policy: 'token',
    handle: async (context, { params }) => ({
      metadata: (await loadServer(context, params.id!, serverRules.metadataList)).metadata,
    }),
  }),
  route('POST', '/servers/:id/metadata', {
    policy: 'token',
    body: metadataBody,
    handle: async (context, { params, body }) => ({
      metadata: await changeMetadata(context, params.id!, serverRules.metadataCreate, (now) => ({
        ...now,
        ...body.metadata,
      })),
    }),
  }),
  route('PUT', '/servers/:id/metadata', {
    policy: 'token',
    body: metadataBody,
    handle: async (context, { params, body }) => ({
      metadata: await changeMetadata(context, params.id!, serverRules.metadataReplace, () => body.metadata),
    }),
  }),
  route('GET', '/servers/:id/metadata/:key', {
    policy: 'token',
    handle: async (context, { params }) => {
      const server = await loadServer(context, params.id!, serverRules.metadataShow)
      return { meta: { [params.key!]: oneMetadata(server.metadata, params.key!) } }
    },
  }),
  route('PUT', '/servers/:id/metadata/:key', {
    policy: 'token',
    body: oneBody,
    handle: async (context, { params, body }) => {
      const key = params.key!
      if (Object.keys(body.meta).length !== 1)
        throw new CloudError('badRequest', 'Request body contains too many items')
      const value = body.meta[key]
      if (value === undefined) throw new CloudError('badRequest', 'Request body and URI mismatch')
      await changeMetadata(context, params.id!, serverRules.metadataUpdate, (now) => ({
        ...now,
        [key]: value,
      }))
      return { meta: { [key]: value } }
    },
  }),
  route('DELETE', '/servers/:id/metadata/:key', {
    policy: 'token',
    handle: async (context, { params }) => {
      await changeMetadata(context, params.id!, serverRules.metadataDelete, (now) => {
        oneMetadata(now, params.key!)
        const { [params.key!]: _gone, ...rest } = now
        return rest
      })
    },
  }),
]

const since = '2.26'
const tagNotFound = (given: string, id: string) =>
  new CloudError('notFound', `Server ${id} has no tag '${given}'`)
export const tagRoutes = [
  route('GET', '/servers/:id/tags', {
    since,
    policy: 'token',
    handle: async (context, { params }) => ({
      tags: (await loadServer(context, params.id!, serverRules.tagList)).tags,
    }),
  }),
  route('PUT', '/servers/:id/tags', {
    since,
    policy: 'token',
    body: tagsBody,
    handle: async (context, { params, body }) => {
      const next = [...new Set(body.tags)]
      const { tags } = await changeTags(context, params.id!, serverRules.tagReplace, () => next)
      return { tags }
    },
  }),
  route('DELETE', '/servers/:id/tags', {
    since,
    policy: 'token',
    handle: async (context, { params }) =>
      void (await changeTags(context, params.id!, serverRules.tagDeleteAll, () => [])),
  }),
  route('GET', '/servers/:id/tags/:tag', {
    since,
    policy: 'token',
    handle: async (context, { params }) => {
      const server = await loadServer(context, params.id!, serverRules.tagShow)
      if (!server.tags.includes(params.tag!)) throw tagNotFound(params.tag!, params.id!)
    },
  }),
  route('PUT', '/servers/:id/tags/:tag', {
    since,
    policy: 'token',
    handle: async (context, { params }) => {
      const given = readTag(params.tag!)
      const { before } = await changeTags(context, params.id!, serverRules.tagAdd, (now) =>
        now.includes(given) ? [...now] : [...now, given],
      )
      const location = `${context.origin}/v2.1/servers/${params.id}/tags/${encodeURIComponent(given)}`
      return answer({ status: before.includes(given) ? 204 : 201, headers: { location } })
    },
  }),
  route('DELETE', '/servers/:id/tags/:tag', {
    since,
    policy: 'token',
    handle: async (context, { params }) => {
      await changeTags(context, params.id!, serverRules.tagDelete, (now) => {
        if (!now.includes(params.tag!)) throw tagNotFound(params.tag!, params.id!)
        return now.filter((each) => each !== params.tag)
      })
    },
  }),
]

const tagged = async (context: ComputeContext, id: string) => {
  const server = await loadServer(context, id, serverRules.interfaceList)
  return new Map(server.addresses.map((each) => [each.portId, each.tag]))
}

export const interfaceRoutes = [
  route('GET', '/servers/:id/ips', {
    policy: 'token',
    handle: async (context, { params }) => {
      const server = await loadServer(context, params.id!, serverRules.addressList)
      return { addresses: plainAddresses(server.addresses) }
    },
  }),
  route('GET', '/servers/:id/ips/:network', {
    policy: 'token',
    handle: async (context, { params }) => {
      const server = await loadServer(context, params.id!, serverRules.addressShow)
      const list = plainAddresses(server.addresses)[params.network!]
      if (!list) throw new CloudError('notFound', 'Instance is not a member of specified network')
      return { [params.network!]: list }
    },
  }),
  route('GET', '/servers/:id/os-interface', {
    policy: 'token',
    handle: async (context, { params }) => {
      const tags = await tagged(context, params.id!)
      const ports = await interfaces.listInterfaces(context, params.id!)
      return {
        interfaceAttachments: ports.map((port) =>
          interfaceView({ ...port, tag: tags.get(port.id) ?? null }, context),
        ),
      }
    },
  }),
  route('GET', '/servers/:id/os-interface/:port', {
    policy: 'token',
    handle: async (context, { params }) => {
      const tags = await tagged(context, params.id!)
      const port = await interfaces.showInterface(context, params.id!, params.port!)
      return { interfaceAttachment: interfaceView({ ...port, tag: tags.get(port.id) ?? null }, context) }
    },
  }),
  route('POST', '/servers/:id/os-interface', {
    policy: 'token',
    body: interfaceWish,
    handle: async (context, { params, body: wish }) => {
      const port = await interfaces.attachInterface(context, params.id!, wish)
      return { interfaceAttachment: interfaceView({ ...port, tag: wish.tag ?? null }, context) }
    },
  }),
  route('DELETE', '/servers/:id/os-interface/:port', {
    policy: 'token',
    status: 202,
    handle: async (context, { params }) => interfaces.detachInterface(context, params.id!, params.port!),
  }),
]

export const passwordRoutes = [
  route('GET', '/servers/:id/os-server-password', {
    policy: 'token',
    handle: async (context, { params }) => ({
      password: await findPassword(
        context.app.db,
        (await loadServer(context, params.id!, serverRules.passwordShow)).id,
      ),
    }),
  }),
  route('DELETE', '/servers/:id/os-server-password', {
    policy: 'token',
    handle: async (context, { params }) => {
      const server = await loadServer(context, params.id!, serverRules.passwordClear)
      await deletePassword(context.app.db, server.id)
    },
  }),
]

const volumeQuery = new Set(['limit', 'offset'])
function sliced<T>(list: readonly T[], query: Query, most: number): T[] {
  const offset = query.get('offset') ?? '0'
  if (!/^\d+$/.test(offset))
    throw new CloudError('badRequest', `Invalid input for query parameters offset. Value: ${offset}.`)
  return list.slice(Number(offset), Number(offset) + pageOf(query, most).limit)
}

export const volumeRoutes = [
  route('GET', '/servers/:id/os-volume_attachments', {
    policy: 'token',
    handle: async (context, { params, query }) => {
      checkQuery(query, volumeQuery, context.version)
      const list = sliced(await volumes.listVolumes(context, params.id!), query, context.app.config.maxLimit)
      return { volumeAttachments: list.map((each) => attachmentView(each, context)) }
    },
  }),
  route('POST', '/servers/:id/os-volume_attachments', {
    policy: 'token',
    body: attachmentCreate,
    handle: async (context, { params, body }) => ({
      volumeAttachment: attachmentView(await volumes.attachVolume(context, params.id!, body), context),
    }),
  }),
  route('GET', '/servers/:id/os-volume_attachments/:volume', {
    policy: 'token',
    handle: async (context, { params }) => ({
      volumeAttachment: attachmentView(
        await volumes.showVolume(context, params.id!, params.volume!),
        context,
      ),
    }),
  }),
  route('PUT', '/servers/:id/os-volume_attachments/:volume', {
    policy: 'token',
    status: 202,
    body: attachmentUpdate,
    handle: async (context, { params, body }) =>
      volumes.updateVolume(context, params.id!, params.volume!, body),
  }),
  route('DELETE', '/servers/:id/os-volume_attachments/:volume', {
    policy: 'token',
    status: 202,
    handle: async (context, { params }) => volumes.detachVolume(context, params.id!, params.volume!),
  }),
]

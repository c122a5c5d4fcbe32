// Routes of images.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { firstUrl, nextUrl } from '#kit/http/page.ts'
import { answer } from '#kit/http/route.ts'
import { type ImageContext, route } from '../app.ts'
import { dataFields } from '../ops/content-view.ts'
import * as ops from '../ops/image.ts'
import { listImages } from '../ops/image-list.ts'
import { patchBody, readPatch } from '../ops/patch.ts'
import { readableProperties } from '../ops/property-protection.ts'
import { wayHeaders } from '../ops/store.ts'
import { imageBody } from '../ops/values.ts'
import { imageRules, imageView, type WholeImage } from '../resources/image.ts'

const patchTypes = [
  'application/openstack-images-v2.1-json-patch',
  'application/openstack-images-v2.0-json-patch',
]

export const imageRoutes = [
  route('GET', '/images', {
    policy: imageRules.list,
    handle: async (context, { query }) => {
      const { images, next } = await listImages(context, query)
      return {
        images: images.map((image) => shownImage(context, image)),
        ...(next && { next: nextUrl('/v2/images', query, next) }),
        schema: '/v2/schemas/images',
        first: firstUrl('/v2/images', query),
      }
    },
  }),
  route('POST', '/images', {
    policy: 'token',
    body: imageBody,
    handle: async (context, { body }) => {
      const image = await ops.createImage(context, body)
      return answer({
        status: 201,
        headers: { location: `${context.origin}/v2/images/${image.id}`, ...wayHeaders(context.app) },
        body: shownImage(context, image),
      })
    },
  }),
  route('GET', '/images/:id', {
    policy: 'token',
    handle: async (context, { params }) =>
      shownImage(context, (await ops.visibleImage(context, params.id!)).image),
  }),
  route('PATCH', '/images/:id', {
    policy: 'token',
    body: patchBody,
    handle: async (context, { params, body, headers }) => {
      const type = headers['content-type']?.split(';')[0]?.trim()
      if (!type || !patchTypes.includes(type)) {
        throw new CloudError(
          'unsupportedMedia',
          `The request media type ${type ?? '(none)'} is not supported by this server.`,
          {
            headers: { 'accept-patch': patchTypes.toSorted().join(', ') },
          },
        )
      }
      const draft = type === patchTypes[1] ? 4 : 10
      return shownImage(context, await ops.updateImage(context, params.id!, readPatch(body, draft)))
    },
  }),
  route('DELETE', '/images/:id', {
    policy: 'token',
    handle: (context, { params }) => ops.deleteImage(context, params.id!),
  }),
  route('POST', '/images/:id/actions/deactivate', {
    policy: 'token',
    handle: (context, { params }) => ops.setActive(context, params.id!, false),
  }),
  route('POST', '/images/:id/actions/reactivate', {
    policy: 'token',
    handle: (context, { params }) => ops.setActive(context, params.id!, true),
  }),
  route('PUT', '/images/:id/tags/:tag', {
    policy: 'token',
    handle: (context, { params }) => ops.addTag(context, params.id!, params.tag!),
  }),
  route('DELETE', '/images/:id/tags/:tag', {
    policy: 'token',
    handle: (context, { params }) => ops.deleteTag(context, params.id!, params.tag!),
  }),
]

function shownImage(context: ImageContext, image: WholeImage): Record<string, unknown> {
  return Object.assign(
    imageView(image, readableProperties(context, image.properties)),
    dataFields(context, image),
  )
}

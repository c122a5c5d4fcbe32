// The route of imports into images.
import { Type } from 'typebox'
import { body } from '#kit/http/body.ts'
import { answer } from '#kit/http/route.ts'
import { route } from '../app.ts'
import { importImage } from '../ops/import.ts'

const importBody = body(
  null,
  {
    method: {
      schema: Type.Object({
        name: Type.String({ maxLength: 255 }),
        uri: Type.Optional(Type.String({ maxLength: 2048 })),
        glance_region: Type.Optional(Type.String({ maxLength: 255 })),
        glance_image_id: Type.Optional(Type.String({ maxLength: 255 })),
        glance_service_interface: Type.Optional(Type.String({ maxLength: 255 })),
      }),
    },
    stores: { schema: Type.Array(Type.String({ maxLength: 255 }), { maxItems: 100 }), optional: true },
    all_stores: { schema: Type.Boolean(), optional: true },
    all_stores_must_succeed: { schema: Type.Boolean(), optional: true },
  },
  { extra: 'ignore' },
)

export const importRoutes = [
  route('POST', '/images/:id/import', {
    policy: 'token',
    body: importBody,
    handle: async (context, { params, headers, body: given }) => {
      await importImage(context, params.id!, {
        method: given.method.name,
        uri: given.method.uri,
        region: given.method.glance_region,
        imageId: given.method.glance_image_id,
        serviceInterface: given.method.glance_service_interface,
        stores: given.stores,
        store: headers['x-image-meta-store'],
        allStores: given.allStores ?? false,
        mustAll: given.allStoresMustSucceed ?? true,
      })
      return answer({ status: 202 })
    },
  }),
]

// Routes of locations by themselves, as newer services use them.
import { Type } from 'typebox'
import { body } from '#kit/http/body.ts'
import { answer } from '#kit/http/route.ts'
import { route } from '../app.ts'
import { addImageLocation, listLocations } from '../ops/location.ts'
import { validationData } from '../resources/location.ts'

const locationBody = body(null, {
  url: { schema: Type.String({ minLength: 1, maxLength: 2048 }) },
  validation_data: { schema: validationData, optional: true, as: 'hashes' },
})

export const locationRoutes = [
  route('GET', '/images/:id/locations', {
    policy: 'token',
    handle: async (context, { params }) => listLocations(context, params.id!),
  }),
  route('POST', '/images/:id/locations', {
    policy: 'token',
    body: locationBody,
    handle: async (context, { params, body: { url, hashes } }) =>
      answer({
        status: 200,
        body: await addImageLocation(context, params.id!, { url, validation_data: hashes }),
      }),
  }),
]

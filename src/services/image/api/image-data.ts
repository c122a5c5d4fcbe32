// Routes of images' bytes.
import { Readable } from 'node:stream'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { answer } from '#kit/http/route.ts'
import { route } from '../app.ts'
import { downloadImage, uploadImage } from '../ops/image-data.ts'

export const imageDataRoutes = [
  route('PUT', '/images/:id/file', {
    policy: 'token',
    body: 'stream',
    handle: async (context, { params, headers, stream }) => {
      const type = headers['content-type']?.split(';')[0]?.trim()
      if (type !== 'application/octet-stream') {
        throw new CloudError(
          'unsupportedMedia',
          `The request media type ${type ?? '(none)'} is not supported by this server.`,
        )
      }
      await uploadImage(context, params.id!, stream ?? Readable.from([]))
    },
  }),
  route('GET', '/images/:id/file', {
    policy: 'token',
    handle: async (context, { params, headers }) => {
      const { image, content, range } = await downloadImage(context, params.id!, headers.range)
      if (!content) return answer({ status: 204 })
      const length = range ? range.end - range.start + 1 : image.size!
      return answer({
        status: range ? 206 : 200,
        headers: {
          'content-type': 'application/octet-stream',
          'content-length': String(length),
          ...(image.checksum && !range && { 'content-md5': image.checksum }),
          ...(range && { 'content-range': `bytes ${range.start}-${range.end}/${image.size}` }),
        },
        body: content,
      })
    },
  }),
]

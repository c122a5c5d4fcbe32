// Routes of images' bytes.
import { Readable } from 'node:stream'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { freeChunk } from '#kit/http/chunk.ts'
import { answer } from '#kit/http/route.ts'
import { route } from '../app.ts'
import { downloadImage, type Incoming, uploadImage } from '../ops/image-data.ts'
import { stageImage } from '../ops/stage.ts'

type Headers = Record<string, string | undefined>

export const imageDataRoutes = [
  route('PUT', '/images/:id/file', {
    policy: 'token',
    body: 'stream',
    handle: async (context, { params, headers, stream }) => {
      await uploadImage(context, params.id!, incomingOf(headers, stream))
    },
  }),
  route('PUT', '/images/:id/stage', {
    policy: 'token',
    body: 'stream',
    handle: async (context, { params, headers, stream }) => {
      await stageImage(context, params.id!, incomingOf(headers, stream))
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
          ...(image.checksum && { 'content-md5': image.checksum }),
          ...(range && { 'content-range': `bytes ${range.start}-${range.end}/${image.size}` }),
        },
        body: content,
        spent: freeChunk,
      })
    },
  }),
]

function incomingOf(headers: Headers, stream: Readable | undefined): Incoming {
  const type = headers['content-type']?.split(';')[0]?.trim()
  if (type !== 'application/octet-stream') {
    throw new CloudError(
      'unsupportedMedia',
      `The request media type ${type ?? '(none)'} is not supported by this server.`,
    )
  }
  return {
    content: stream ?? Readable.from([]),
    store: headers['x-image-meta-store'],
    announced: sizeOf(headers['content-length'], 'Content-Length'),
    promised: sizeOf(headers['x-openstack-image-size'], 'x-openstack-image-size'),
  }
}

function sizeOf(text: string | undefined, name: string): number | undefined {
  if (text === undefined) return undefined
  if (!/^\d{1,15}$/.test(text)) throw new CloudError('badRequest', `Header ${name} must be a number of bytes`)
  return Number(text)
}

// The first step of an import: bytes from elsewhere come into the staging store, judged as they arrive.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { ImageContext } from '../app.ts'
import { type Content, requireFormats, storeContent } from '../ops/content.ts'
import { requireRoom } from '../ops/image-data.ts'
import { requireProperties } from '../ops/property-protection.ts'
import type { RemoteFacts } from '../ops/remote.ts'
import { refuseSigned } from '../ops/signature.ts'
import { checkCounts } from '../ops/values.ts'
import type { WholeImage } from '../resources/image.ts'
import type { ImportHandle } from './image-import.ts'

/** From a URL that the operator lets users name. */
export async function download(t: ImportHandle, image: WholeImage): Promise<void> {
  const { app, state } = t
  const { stream, sizeBytes } = await app.download.open(state.uri!)
  try {
    requireRoom({ announced: sizeBytes }, state.limitBytes)
    await storeContent(app, app.staging, image.id, requireFormats(image), stream, state.limitBytes)
  } finally {
    stream.destroy()
  }
}

/** The bytes, what they are, and those of the remote's properties that come along. */
export async function fetchRemote(t: ImportHandle, image: WholeImage): Promise<void> {
  const { app, state, trace } = t
  const { asking, token, ...remote } = state.remote!
  const { facts, read } = await app.remotes.find(trace, token!, remote)
  const prefixes = app.config.remoteProperties
  const brought = Object.fromEntries(
    Object.entries(facts.properties).filter(([name]) => prefixes.some((prefix) => name.startsWith(prefix))),
  )
  const after = { ...image.properties, ...brought }
  refuseSigned({ id: image.id, properties: after })
  checkCounts({ properties: after, tags: image.tags }, app.config, image)
  const allows: ImageContext['allows'] = (rule, target) => app.policy.allows(rule, asking, target)
  requireProperties({ app, caller: asking, allows }, image.properties, after)
  requireRoom({ announced: facts.sizeBytes }, state.limitBytes)
  const stream = await read()
  try {
    const content = await storeContent(app, app.staging, image.id, facts.formats, stream, state.limitBytes)
    requireSame(facts, content)
  } finally {
    stream.destroy()
  }
  t.set({
    formats: facts.formats,
    properties: { ...brought, ...state.properties },
    remote: { ...remote, asking, token: undefined },
  })
}

function requireSame({ sizeBytes, checksum, hash }: RemoteFacts, content: Content): void {
  const same =
    sizeBytes === content.size &&
    (checksum === undefined || checksum === content.checksum) &&
    (hash === undefined || hash.algorithm !== content.osHashAlgo || hash.value === content.osHashValue)
  if (!same)
    throw new CloudError('badGateway', 'The image arrived with other bytes than its service tells of.')
}

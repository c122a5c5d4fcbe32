// Images of another region's Glance, which shares this cloud's identity: found by the catalog and read with the token of
// whoever asks for them, so that nobody gets what they couldn't read there themselves.
import { hkdfSync } from 'node:crypto'
import type { Readable } from 'node:stream'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { fernetKey, open, seal } from '#kit/fernet/fernet.ts'
import { type HttpClient, type Response, restClient } from '#kit/http/client.ts'
import type { Trace } from '#kit/journal/journal.ts'
import type { Platform } from '#kit/service/platform.ts'
import type { Formats } from './content.ts'
import { isField, isReserved } from './values.ts'

/** What an import names. */
export type RemoteImage = { region: string; imageId: string; serviceInterface: string }

/** What the other Glance says of it. */
export type RemoteFacts = {
  formats: Formats
  sizeBytes: number
  checksum: string | undefined
  /** By algorithm. */
  hash: { algorithm: string; value: string } | undefined
  /** All of its own, as texts. */
  properties: Record<string, string>
}

export type Remotes = {
  /** A token as it may lie in a task's row until the image is fetched; it can't be read without this cloud's secrets. */
  seal(token: string): string
  /**
   * Kinds: 'notFound' no such region, interface or image, 'forbidden' the token isn't good (any more) there, 'conflict' it
   * isn't active, 'badGateway' an answer that makes no sense, 'unavailable' none.
   */
  find(trace: Trace, sealed: string, remote: RemoteImage): Promise<FoundImage>
}

export type FoundImage = {
  facts: RemoteFacts
  /** Destroy it when nobody reads it to its end. Kinds as of `find`. */
  read(): Promise<Readable>
}

type Catalog = {
  catalog: {
    type: string
    endpoints: { region?: string; region_id?: string; interface: string; url: string }[]
  }[]
}

export function openRemotes(
  platform: Pick<Platform, 'http' | 'journal' | 'endpoint' | 'servicePassword' | 'world'>,
): Remotes {
  const { http, world } = platform
  const rest = restClient({
    http,
    journal: platform.journal.as('glance-api'),
    baseUrl: () => platform.endpoint('identity'),
    peer: 'keystone',
  })
  // The same on every controller, so that each can go on with what another began.
  const secret = hkdfSync('sha256', platform.servicePassword('glance'), '', 'token of an import', 32)
  const key = fernetKey(Buffer.from(secret).toString('base64url'))
  const unsealed = (sealed: string): string => {
    const opened = open([key], sealed)
    if (!opened)
      throw new CloudError('forbidden', "The import's token can't be opened any more; import the image anew.")
    return opened.plaintext.toString('utf8')
  }

  const endpointOf = async (trace: Trace, token: string, remote: RemoteImage): Promise<string> => {
    const { body } = await rest.request<Catalog>(trace, token, 'GET', '/v3/auth/catalog')
    const region = remote.region.toLowerCase()
    const found = body.catalog
      .filter(({ type }) => type === 'image')
      .flatMap(({ endpoints }) => endpoints)
      .find(
        (each) =>
          (each.region ?? each.region_id)?.toLowerCase() === region &&
          each.interface === remote.serviceInterface,
      )
    if (!found)
      throw new CloudError(
        'notFound',
        `The catalog has no ${remote.serviceInterface} endpoint of images in region ${remote.region}`,
      )
    return found.url.replace(/\/+$/, '').replace(/\/v2$/, '')
  }

  return {
    seal: (token) => seal(key, Buffer.from(token), world.clock.now(), world.random.bytes(16)),
    async find(trace, sealed, remote) {
      const token = unsealed(sealed)
      const endpoint = await endpointOf(trace, token, remote).catch((error) => {
        throw tokenRefused(error)
      })
      const url = `${endpoint}/v2/images/${encodeURIComponent(remote.imageId)}`
      const ask = async (what: '' | '/file') => {
        const answer = await request(http, url + what, token, { stream: what === '/file' })
        if (answer.status === 200) return answer
        answer.stream?.destroy()
        throw refusal(remote, answer.status)
      }
      return {
        facts: factsOf(remote, (await ask('')).body),
        async read() {
          const { stream } = await ask('/file')
          if (!stream)
            throw new CloudError('badGateway', `The image service of ${remote.region} sends no bytes.`)
          return stream
        },
      }
    },
  }
}

/** The address is the catalog's, which operators alone change; where it leads elsewhere nobody follows. */
function request(
  http: HttpClient,
  url: string,
  token: string,
  { stream }: { stream: boolean },
): Promise<Response> {
  if (!/^https?:\/\//.test(url)) throw new CloudError('notFound', `${url} is no address of an image service`)
  const headers = { 'x-auth-token': token, accept: stream ? 'application/octet-stream' : 'application/json' }
  return http.request({ method: 'GET', url, headers, stream })
}

function refusal({ region, imageId }: RemoteImage, status: number): CloudError {
  if (status === 404 || status === 204)
    return new CloudError('notFound', `The image service of ${region} has no bytes of an image ${imageId}`)
  if (status === 401 || status === 403)
    return new CloudError('forbidden', `The image service of ${region} refuses image ${imageId} (${status})`)
  return new CloudError('badGateway', `The image service of ${region} answers ${status}`)
}

/** It ended while the import waited: no other try will do better. */
function tokenRefused(error: unknown): unknown {
  return error instanceof CloudError && error.kind === 'unauthorized'
    ? new CloudError('forbidden', "The token that the import was asked with isn't good any more.", {
        cause: error,
      })
    : error
}

function factsOf({ region, imageId }: RemoteImage, body: unknown): RemoteFacts {
  const shown = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>
  const text = (name: string) => (typeof shown[name] === 'string' ? (shown[name] as string) : undefined)
  if (text('status') !== 'active')
    throw new CloudError('conflict', `Source image status should be active instead of ${text('status')}`)
  const [diskFormat, containerFormat] = [text('disk_format'), text('container_format')]
  const { size } = shown
  if (!diskFormat || !containerFormat || !Number.isSafeInteger(size))
    throw new CloudError(
      'badGateway',
      `The image service of ${region} doesn't tell what image ${imageId} is.`,
    )
  const [algorithm, value] = [text('os_hash_algo'), text('os_hash_value')]
  return {
    formats: { diskFormat, containerFormat },
    sizeBytes: size as number,
    checksum: text('checksum'),
    hash: algorithm && value ? { algorithm, value } : undefined,
    properties: Object.fromEntries(
      Object.entries(shown).filter(
        (entry): entry is [string, string] =>
          typeof entry[1] === 'string' && !isField(entry[0]) && !isReserved(entry[0]),
      ),
    ),
  }
}

// Signatures of requests with a secret key, as EC2's and S3's clients make them. Pure: what was signed, and with what.
// https://docs.aws.amazon.com/general/latest/gr/signature-version-2.html,
// https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'

/** A request as whoever received it describes it. */
export type SignedRequest = {
  signature: string
  host: string
  verb: string
  path: string
  params: Readonly<Record<string, string>>
  headers: Readonly<Record<string, string>>
  /** SHA-256 of the body, hexadecimal. */
  bodyHash: string
}

const algorithm = 'AWS4-HMAC-SHA256'

/** Of version 2 or 4; others are too weak. Some clients sign the host without its port. */
export function requestIsSigned(request: SignedRequest, secret: string): boolean {
  const hosts = [request.host, request.host.replace(/:\d+$/, '')]
  return hosts.some((host) => same(request.signature, signatureOf({ ...request, host }, secret)))
}

/** `text` is what the client has signed: S3's text of old, with SHA-1, or that of version 4. */
export function textIsSigned(text: Buffer, signature: string, secret: string): boolean {
  if (!text.subarray(0, 4).equals(Buffer.from('AWS4')))
    return same(signature, createHmac('sha1', secret).update(text).digest('base64'))
  const lines = text.toString('utf8').split('\n')
  const scope = lines[2]?.split('/') ?? []
  const [date, region, service, end] = scope
  if (lines.length !== 4 || lines[0] !== algorithm || scope.length !== 4 || end !== 'aws4_request')
    return false
  if (!['s3', 'iam', 'sts'].includes(service!)) return false
  const key = keyOf(secret, [date!, region!, service!])
  return same(signature, createHmac('sha256', key).update(text).digest('hex'))
}

/** When a request says that it was signed, in milliseconds since the epoch; undefined where it doesn't. */
export function signedAt({ params, headers }: Pick<SignedRequest, 'params' | 'headers'>): number | undefined {
  const compact = lowered(headers).get('x-amz-date') ?? params['X-Amz-Date']
  const parts = compact && /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(compact)
  const text = parts
    ? `${parts[1]}-${parts[2]}-${parts[3]}T${parts[4]}:${parts[5]}:${parts[6]}Z`
    : params.Timestamp
  // Without a zone it is UTC.
  const zoned = text && (/(Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`)
  const at = zoned ? Date.parse(zoned) : Number.NaN
  return Number.isNaN(at) ? undefined : at
}

function signatureOf(request: SignedRequest, secret: string): string | undefined {
  if (request.params.SignatureVersion === '2') return secondVersion(request, secret)
  const authorization = lowered(request.headers).get('authorization')
  const fourth =
    authorization?.startsWith(algorithm) === true || request.params['X-Amz-Algorithm'] === algorithm
  return fourth ? fourthVersion(request, secret, authorization) : undefined
}

function secondVersion({ verb, host, path, params }: SignedRequest, secret: string): string {
  const digest = params.SignatureMethod === 'HmacSHA1' ? 'sha1' : 'sha256'
  const text = `${verb}\n${host}\n${path}\n${queryText(params, ['Signature'])}`
  return createHmac(digest, secret).update(text).digest('base64')
}

function fourthVersion(
  request: SignedRequest,
  secret: string,
  authorization: string | undefined,
): string | undefined {
  const { verb, path, params, bodyHash } = request
  const said = (name: string) =>
    authorization === undefined
      ? params[`X-Amz-${name}`]
      : new RegExp(`[ ,]${name}=([^,]*)`).exec(authorization)?.[1]?.trim()
  const [credential, signedHeaders] = [said('Credential'), said('SignedHeaders')]
  const headers = lowered(request.headers)
  const date = headers.get('x-amz-date') ?? params['X-Amz-Date']
  const scope = credential?.split('/').slice(1)
  if (scope?.length !== 4 || signedHeaders === undefined || !date?.startsWith(scope[0]!)) return undefined
  headers.set('host', request.host)
  const lines = signedHeaders
    .split(';')
    .filter((name) => headers.has(name))
    .map((name) => `${name}:${headers.get(name)}\n`)
  // What a POST carries is in its body.
  const query = verb.toUpperCase() === 'POST' ? '' : queryText(params, ['X-Amz-Signature'])
  const canonical = [verb.toUpperCase(), path, query, lines.join(''), signedHeaders, bodyHash].join('\n')
  const hash = createHash('sha256').update(canonical).digest('hex')
  const text = [algorithm, date, scope.join('/'), hash].join('\n')
  return createHmac('sha256', keyOf(secret, scope.slice(0, 3)))
    .update(text)
    .digest('hex')
}

function keyOf(secret: string, scope: readonly string[]): Buffer {
  let key: Buffer = Buffer.from(`AWS4${secret}`)
  for (const part of [...scope, 'aws4_request']) key = createHmac('sha256', key).update(part).digest()
  return key
}

function queryText(params: Readonly<Record<string, string>>, without: readonly string[]): string {
  return Object.keys(params)
    .filter((name) => !without.includes(name))
    .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .map((name) => `${escaped(name)}=${escaped(params[name]!)}`)
    .join('&')
}

/** RFC 3986: all but unreserved characters. */
function escaped(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(
    /[!'()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

function lowered(headers: Readonly<Record<string, string>>): Map<string, string> {
  return new Map(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase().trim(), value.trim()] as const),
  )
}

function same(given: string, expected: string | undefined): boolean {
  if (expected === undefined) return false
  const [a, b] = [Buffer.from(given), Buffer.from(expected)]
  return a.length === b.length && timingSafeEqual(a, b)
}

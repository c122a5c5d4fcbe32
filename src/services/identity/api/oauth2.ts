// OAuth 2 for programs: an application credential is the client, and its token the access token. RFC 6749, 2.3.1, 4.4 and 5.
// https://docs.openstack.org/api-ref/identity/v3-ext/#os-oauth2-api
import { CloudError } from '#kit/errors/cloud-error.ts'
import { readBody } from '#kit/http/json.ts'
import { type Answer, answer } from '#kit/http/route.ts'
import { type IdentityContext, route } from '../app.ts'
import { authenticate, type Issued } from '../ops/auth.ts'

/** Of a form with one field. */
const mostBytes = 8192
const unkept = { 'cache-control': 'no-store', pragma: 'no-cache' }

export const oauth2Routes = [
  route('POST', '/OS-OAUTH2/token', {
    policy: 'public',
    body: 'stream',
    handle: async (context, { headers, stream }) => {
      const form = headers['content-type']?.startsWith('application/x-www-form-urlencoded')
      const fields = new URLSearchParams(stream && form ? (await readBody(stream, mostBytes)).toString() : '')
      const grant = fields.get('grant_type')
      if (!grant) return refusal(400, 'invalid_request', 'The parameter grant_type is required.')
      if (grant !== 'client_credentials')
        return refusal(400, 'unsupported_grant_type', 'The grant type must be client_credentials.')
      const client = clientOf(headers.authorization)
      const issued = client && (await logIn(context, client))
      if (!issued) return refusal(401, 'invalid_client', 'Client authentication failed.')
      const { expiresAt } = issued.valid.payload
      const body = {
        access_token: issued.token,
        token_type: 'Bearer',
        expires_in: Math.floor((expiresAt - context.app.world.clock.now()) / 1000),
      }
      return answer({ status: 200, headers: unkept, body })
    },
  }),
]

type Client = { id: string; secret: string }

/** As HTTP's Basic scheme has it, the id before the first colon. */
function clientOf(header: string | undefined): Client | undefined {
  const encoded = /^basic ([\w+/=-]+)$/i.exec(header ?? '')?.[1]
  const [, id, secret] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded ?? '', 'base64').toString()) ?? []
  return id && secret ? { id, secret } : undefined
}

/** Undefined where it isn't let in, whatever the reason. */
async function logIn(context: IdentityContext, client: Client): Promise<Issued | undefined> {
  const identity = { methods: ['application_credential'], application_credential: client }
  try {
    const outcome = await authenticate(context, { identity }, { receipt: undefined, externalUser: undefined })
    return 'receipt' in outcome ? undefined : outcome
  } catch (error) {
    if (error instanceof CloudError && error.kind === 'unauthorized') return undefined
    throw error
  }
}

function refusal(status: 400 | 401, error: string, description: string): Answer {
  const headers = status === 401 ? { ...unkept, 'www-authenticate': 'Basic realm="OS-OAUTH2"' } : unkept
  return answer({ status, headers, body: { error, error_description: description } })
}

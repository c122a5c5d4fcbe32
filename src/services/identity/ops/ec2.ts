// A token for whoever signed a request with an EC2 key: EC2's and S3's doors ask for it with what they received.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Identity, IdentityContext } from '../app.ts'
import type { Ec2Wish, S3Wish } from '../resources/ec2.ts'
import { findCredential } from '../store/credential.ts'
import { type Issued, issueFor, noteIssue } from './auth.ts'
import { presentUser } from './auth-method.ts'
import { requestIsSigned, signedAt, textIsSigned } from './ec2-signature.ts'
import { refuse } from './standing.ts'

type Key = {
  userId: string
  projectId: string | null
  secret: string
  trustId?: string
  applicationCredentialId?: string
}

export async function tokenForRequest(context: IdentityContext, wish: Ec2Wish): Promise<Issued> {
  const { app } = context
  const key = await keyOf(app, wish.access)
  const request = {
    signature: wish.signature,
    host: wish.host ?? '',
    verb: wish.verb ?? '',
    path: wish.path ?? '',
    params: textsOf(wish.params),
    headers: textsOf(wish.headers),
    bodyHash: wish.body_hash ?? '',
  }
  if (!requestIsSigned(request, key.secret)) throw refuse('the signature does not fit')
  const at = signedAt(request)
  // Without a time it would be good for ever to whoever has seen it once.
  if (at === undefined || Math.abs(app.world.clock.now() - at) > app.config.credentialAuthTtl)
    throw refuse('the signed request is too old, or from the future')
  return issue(context, key)
}

export async function tokenForText(context: IdentityContext, wish: S3Wish): Promise<Issued> {
  const key = await keyOf(context.app, wish.access)
  if (!textIsSigned(Buffer.from(wish.token, 'base64url'), wish.signature, key.secret))
    throw refuse('the signature does not fit')
  return issue(context, key)
}

/** As narrow as the key: a trust or an application credential, of which it was made, gives no more than it holds. */
async function issue(context: IdentityContext, key: Key): Promise<Issued> {
  const { userId, projectId, trustId, applicationCredentialId } = key
  const wish = trustId
    ? { 'OS-TRUST:trust': { id: trustId } }
    : applicationCredentialId
      ? undefined
      : { project: { id: projectId ?? '' } }
  await presentUser(context.app, userId)
  const { issued, scope } = await issueFor(
    context.app,
    { userId, methods: [], applicationCredentialId },
    wish,
  )
  context.audit({ action: 'authenticate', initiator: { userId } })
  noteIssue(context, issued, scope)
  return issued
}

async function keyOf({ db, safe }: Identity, access: string): Promise<Key> {
  const row = await findCredential(db, safe.nameOf(access))
  if (row?.type !== 'ec2') throw refuse('no such EC2 key')
  const blob = readBlob(safe.open(row.sealedBlob))
  if (typeof blob.secret !== 'string' || blob.secret === '') throw refuse('the EC2 key has no secret')
  return {
    userId: row.userId,
    projectId: row.projectId,
    secret: blob.secret,
    trustId: textOf(blob.trust_id),
    applicationCredentialId: textOf(blob.app_cred_id),
  }
}

function readBlob(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch (error) {
    throw new CloudError('unauthorized', 'The request you have made requires authentication.', {
      cause: error,
      detail: 'the blob of the EC2 key is no JSON',
    })
  }
}

const textOf = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined)

/** Numbers and flags as they were signed: as text. */
function textsOf(given: Readonly<Record<string, unknown>> | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(given ?? {}).map(([name, value]) => [name, String(value)]))
}

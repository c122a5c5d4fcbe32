// Decisions about credentials. Their blobs are secrets of others, so the table holds them sealed with keys of their own.
import { createHash } from 'node:crypto'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { open, seal } from '#kit/fernet/fernet.ts'
import type { KeyRepository } from '#kit/fernet/key-repository.ts'
import type { PolicyRule } from '#kit/policy/policy.ts'
import type { World } from '#kit/world/world.ts'
import type { IdentityContext } from '../app.ts'
import {
  type Credential,
  type CredentialChange,
  credentialRules,
  credentialTarget,
  type Ec2Key,
  ec2Rules,
  type NewCredential,
  type SealedCredential,
} from '../resources/credential.ts'
import {
  type CredentialFilter,
  deleteCredential as deleteRow,
  findCredential,
  insertCredential,
  listCredentials,
  updateCredential,
} from '../store/credential.ts'
import { findProject } from '../store/project.ts'
import { findUser } from '../store/user.ts'
import { change, found, notFound } from './change.ts'

export type Safe = {
  seal(blob: string): string
  open(sealed: string): string
  /** Whether it was sealed with the primary key, so that the older ones may go. */
  isCurrent(sealed: string): boolean
  /** The id of the credential with this EC2 access key. */
  nameOf(access: string): string
}

export function openSafe(world: World, keys: KeyRepository): Safe {
  return {
    seal: (blob) => seal(keys.primary, Buffer.from(blob), world.clock.now(), world.random.bytes(16)),
    open(sealed) {
      const opened = open(keys.keys, sealed)
      if (!opened)
        throw new CloudError('internal', 'A stored credential cannot be opened', {
          detail: 'none of the keys in credential-keys fits',
        })
      return opened.plaintext.toString('utf8')
    },
    isCurrent: (sealed) => open([keys.primary], sealed) !== undefined,
    nameOf: (access) => createHash('sha256').update(access).digest('hex'),
  }
}

const opened = (context: IdentityContext, { sealedBlob, ...row }: SealedCredential): Credential => ({
  ...row,
  blob: context.app.safe.open(sealedBlob),
})

/** Those that the caller may see: who is no administrator sees its own. */
export async function listCredentialsFor(
  context: IdentityContext,
  filter: Pick<CredentialFilter, 'type'> & { userId?: string },
): Promise<Credential[]> {
  const rows = await listCredentials(context.app.db, filter)
  return rows
    .filter((row) => context.allows(credentialRules.list, credentialTarget(row)))
    .map((row) => opened(context, row))
}

export async function getCredential(context: IdentityContext, id: string): Promise<Credential> {
  const row = await findCredential(context.app.db, id)
  context.authorize(credentialRules.get, credentialTarget(row))
  return opened(context, found(row, 'credential', id))
}

export async function createCredential(context: IdentityContext, given: NewCredential): Promise<Credential> {
  context.authorize(credentialRules.create, credentialTarget(given))
  await refuseNarrow(context)
  const access = given.type === 'ec2' ? accessOf(given.blob) : undefined
  if (given.type === 'ec2' && !given.projectId)
    throw new CloudError('badRequest', "An ec2 credential needs a 'project_id'.")
  return insert(context, {
    id: access === undefined ? context.app.world.random.hexId() : context.app.safe.nameOf(access),
    userId: given.userId,
    projectId: given.projectId ?? null,
    type: given.type,
    blob: given.blob,
    extra: given.extra,
    createdAt: context.app.world.clock.now(),
  })
}

async function insert(context: IdentityContext, row: Credential): Promise<Credential> {
  const { blob, ...rest } = row
  const sealed = { ...rest, sealedBlob: context.app.safe.seal(blob) }
  await change(
    context.app,
    (tx) => insertCredential(tx, sealed),
    `Conflict occurred attempting to store credential - there is one of the id ${row.id} already.`,
  )
  return row
}

function accessOf(blob: string): string {
  try {
    const { access } = JSON.parse(blob) as { access?: unknown }
    if (typeof access === 'string' && access !== '') return access
  } catch {
    // Told to the caller just below, in the same words as a blob without the key.
  }
  throw new CloudError('badRequest', 'The blob of an ec2 credential must be JSON with an access key.')
}

export async function changeCredential(
  context: IdentityContext,
  id: string,
  given: CredentialChange,
): Promise<Credential> {
  const before = await findCredential(context.app.db, id)
  context.authorize(credentialRules.update, credentialTarget(before))
  const row = opened(context, found(before, 'credential', id))
  // Nobody may hand a credential to somebody for whom it could not have made one.
  if (given.userId !== undefined)
    context.authorize(credentialRules.update, credentialTarget({ userId: given.userId }))
  const after: Credential = {
    ...row,
    blob: given.blob ?? row.blob,
    type: given.type ?? row.type,
    userId: given.userId ?? row.userId,
    projectId: given.projectId === undefined ? row.projectId : given.projectId,
    extra: { ...row.extra, ...given.extra },
  }
  const { blob, ...rest } = after
  const sealed = { ...rest, sealedBlob: context.app.safe.seal(blob) }
  await change(context.app, (tx) => updateCredential(tx, id, sealed))
  return after
}

export async function deleteCredential(context: IdentityContext, id: string): Promise<void> {
  const row = await findCredential(context.app.db, id)
  context.authorize(credentialRules.delete, credentialTarget(row))
  found(row, 'credential', id)
  await change(context.app, (tx) => deleteRow(tx, id))
}

export async function listEc2Keys(context: IdentityContext, userId: string): Promise<Ec2Key[]> {
  context.authorize(ec2Rules.list, { ...credentialTarget({ userId }), user_id: userId })
  const rows = await listCredentials(context.app.db, { userId, type: 'ec2' })
  return rows.map((row) => keyOf(opened(context, row)))
}

export async function createEc2Key(
  context: IdentityContext,
  userId: string,
  projectId: string,
): Promise<Ec2Key> {
  const { app } = context
  context.authorize(ec2Rules.create, credentialTarget({ userId }))
  await refuseNarrow(context)
  found(await findUser(app.db, userId), 'user', userId)
  found(await findProject(app.db, projectId), 'project', projectId)
  const access = app.world.random.hexId()
  const secret = app.world.random.hexId()
  const row = await insert(context, {
    id: app.safe.nameOf(access),
    userId,
    projectId,
    type: 'ec2',
    blob: JSON.stringify({ access, secret, trust_id: null }),
    extra: {},
    createdAt: app.world.clock.now(),
  })
  return keyOf(row)
}

export async function getEc2Key(context: IdentityContext, userId: string, access: string): Promise<Ec2Key> {
  return keyOf(opened(context, await ec2Row(context, ec2Rules.get, userId, access)))
}

export async function deleteEc2Key(context: IdentityContext, userId: string, access: string): Promise<void> {
  const row = await ec2Row(context, ec2Rules.delete, userId, access)
  await change(context.app, (tx) => deleteRow(tx, row.id))
}

/** Judged by whose path it is, so that one who looks below oneself hears 404. */
async function ec2Row(
  context: IdentityContext,
  rule: PolicyRule,
  userId: string,
  access: string,
): Promise<SealedCredential> {
  context.authorize(rule, credentialTarget({ userId }))
  const row = await findCredential(context.app.db, context.app.safe.nameOf(access))
  if (row?.userId !== userId) throw notFound('credential', access)
  return row
}

function keyOf(row: Credential): Ec2Key {
  const { access, secret } = JSON.parse(row.blob) as { access: string; secret: string }
  return { userId: row.userId, projectId: row.projectId ?? '', access, secret }
}

/** A credential outlives the token with which it was made, so what was made for less must not make one. */
export async function refuseNarrow(context: IdentityContext): Promise<void> {
  const { standing } = await context.app.tokens.validate(context.caller.token)
  const narrow = standing.trust !== undefined || standing.applicationCredential?.unrestricted === false
  if (narrow)
    throw new CloudError(
      'forbidden',
      'A token of a trust or of a restricted application credential cannot do this.',
    )
}

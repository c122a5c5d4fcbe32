// What may be done with key pairs: one's own, and those of others as an administrator.
import { isUniqueViolation } from '#kit/db/connection.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Query } from '#kit/http/route.ts'
import { certificateFingerprint, newRsaKey, readPublicKey } from '#kit/ssh-key/ssh-key.ts'
import type { World } from '#kit/world/world.ts'
import type { ComputeContext } from '../app.ts'
import {
  isOldName,
  type Keypair,
  type keypairBodies,
  keypairRules,
  type NewKeypair,
} from '../resources/keypair.ts'
import { pageOf } from '../resources/query.ts'
import * as store from '../store/keypair.ts'
import { limitOf } from './quota.ts'

export async function listKeypairs(
  context: ComputeContext,
  query: Query,
): Promise<{ keypairs: Keypair[]; next: string | undefined }> {
  const userId = ownerOf(context, query)
  context.authorize(keypairRules.list, { user_id: userId })
  const { db, config } = context.app
  const paged = (context.version ?? 0) >= 2035
  const { limit, marker } = paged ? pageOf(query, config.maxLimit) : { limit: 10_000, marker: undefined }
  if (marker !== undefined && !(await store.findKeypair(db, userId, marker)))
    throw new CloudError('badRequest', `marker [${marker}] not found`)
  const rows = await store.listKeypairs(db, userId, limit + 1, marker)
  const keypairs = rows.slice(0, limit)
  return { keypairs, next: rows.length > limit ? keypairs.at(-1)?.name : undefined }
}

export async function loadKeypair(context: ComputeContext, name: string, query: Query): Promise<Keypair> {
  const userId = ownerOf(context, query)
  context.authorize(keypairRules.show, { user_id: userId })
  const found = await store.findKeypair(context.app.db, userId, name)
  if (!found) throw noKeypair(name, userId)
  return found
}

export async function createKeypair(
  context: ComputeContext,
  wish: ReturnType<(typeof keypairBodies)['until292']['parse']>,
): Promise<NewKeypair> {
  const { app } = context
  const userId = wish.userId ?? context.caller.userId
  context.authorize(keypairRules.create, { user_id: userId })
  if ((context.version ?? 0) < 2092 && !isOldName(wish.name))
    throw new CloudError('badRequest', 'Keypair data is invalid: Keypair name contains unsafe characters')
  const type = wish.type ?? 'ssh'
  const made = wish.publicKey === undefined ? await newPair(app.world, type) : undefined
  const publicKey = made?.publicKey ?? wish.publicKey!
  const fingerprint =
    type === 'ssh' ? readPublicKey(publicKey).fingerprint : certificateFingerprint(publicKey)
  const row = { userId, name: wish.name, type, publicKey, fingerprint, createdAt: app.world.clock.now() }
  try {
    const number = await app.db.transaction(async (tx) => {
      const most = await limitOf(
        tx,
        app.config,
        { projectId: context.caller.projectId ?? '', userId },
        'key_pairs',
      )
      if (most >= 0 && (await store.countKeypairs(tx, userId)) >= most)
        throw new CloudError('forbidden', 'Quota exceeded, too many key pairs.')
      return store.insertKeypair(tx, row)
    })
    return { ...row, number, privateKey: made?.privateKey }
  } catch (error) {
    if (!isUniqueViolation(error)) throw error
    throw new CloudError('conflict', `Key pair '${wish.name}' already exists.`, { cause: error })
  }
}

async function newPair(world: World, type: 'ssh' | 'x509') {
  if (type === 'x509')
    throw new CloudError('badRequest', 'Key pairs of type x509 are imported, not made: give public_key')
  return newRsaKey(world, 'Generated-by-Nimbo')
}

export async function deleteKeypair(context: ComputeContext, name: string, query: Query): Promise<void> {
  const userId = ownerOf(context, query)
  context.authorize(keypairRules.delete, { user_id: userId })
  if ((await store.deleteKeypair(context.app.db, userId, name)) === 0) throw noKeypair(name, userId)
}

function noKeypair(name: string, userId: string): CloudError {
  return new CloudError('notFound', `Keypair ${name} not found for user ${userId}`)
}

/** From 2.10 on an administrator may name another user. */
function ownerOf(context: ComputeContext, query: Query): string {
  const asked = (context.version ?? 0) >= 2010 ? query.get('user_id') : undefined
  return asked ?? context.caller.userId
}

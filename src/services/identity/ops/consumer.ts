// Decisions about OAuth 1 consumers.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { PolicyRule } from '#kit/policy/policy.ts'
import type { IdentityContext } from '../app.ts'
import {
  accessTokenRules,
  type Consumer,
  type ConsumerGiven,
  type ConsumerShown,
  consumerRules,
} from '../resources/consumer.ts'
import {
  deleteConsumer as deleteRow,
  findConsumer,
  insertConsumer,
  listConsumers,
  updateConsumer,
} from '../store/consumer.ts'
import { findUser } from '../store/user.ts'
import { change, found } from './change.ts'

export async function listConsumersFor(context: IdentityContext): Promise<Consumer[]> {
  context.authorize(consumerRules.list, {})
  return listConsumers(context.app.db)
}

async function consumerFor(context: IdentityContext, rule: PolicyRule, id: string): Promise<Consumer> {
  context.authorize(rule, {})
  return found(await findConsumer(context.app.db, id), 'consumer', id)
}

export const getConsumer = (context: IdentityContext, id: string) =>
  consumerFor(context, consumerRules.get, id)

export async function createConsumer(context: IdentityContext, given: ConsumerGiven): Promise<ConsumerShown> {
  const { safe, world } = context.app
  context.authorize(consumerRules.create, {})
  refuseSecret(given)
  const secret = world.random.hexId()
  const row: Consumer = {
    id: world.random.hexId(),
    description: given.description ?? null,
    sealedSecret: safe.seal(secret),
    extra: given.extra,
    createdAt: world.clock.now(),
  }
  await change(context.app, (tx) => insertConsumer(tx, row))
  return { ...row, secret }
}

export async function changeConsumer(
  context: IdentityContext,
  id: string,
  given: ConsumerGiven,
): Promise<Consumer> {
  const row = await consumerFor(context, consumerRules.update, id)
  refuseSecret(given)
  const after: Consumer = {
    ...row,
    description: given.description === undefined ? row.description : given.description,
    extra: { ...row.extra, ...given.extra },
  }
  await change(context.app, (tx) => updateConsumer(tx, id, after))
  return after
}

/** It is always made here; kept among what else a client gives, it would be shown for ever. */
function refuseSecret(given: ConsumerGiven): void {
  if (given.extra.secret !== undefined)
    throw new CloudError('badRequest', "A consumer's secret is made by identity and cannot be given.")
}

export async function deleteConsumer(context: IdentityContext, id: string): Promise<void> {
  await consumerFor(context, consumerRules.delete, id)
  await change(context.app, (tx) => deleteRow(tx, id))
}

/** Nobody has one, since their protocol is not served. */
export async function checkAccessTokens(context: IdentityContext, userId: string): Promise<void> {
  context.authorize(accessTokenRules.list, { user_id: userId })
  found(await findUser(context.app.db, userId), 'user', userId)
}

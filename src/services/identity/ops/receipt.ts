// Logins in several steps: a user whose rules ask for more than one way of proof gets a receipt for what was proven, and
// comes back with it. It counts for a few minutes, for one login, and not past a revocation of the user's tokens.
import { openReceipt, type Receipt, sealReceipt } from '#kit/fernet/receipt.ts'
import type { AuthMethod } from '#kit/fernet/token.ts'
import type { Identity } from '../app.ts'
import type { User } from '../resources/user.ts'
import { findProject } from '../store/project.ts'
import { isSpent } from '../store/spent-proof.ts'
import type { Spending } from './proof.ts'
import { stampFor, wholeSecond } from './revocation.ts'
import { refuse } from './standing.ts'

export type IssuedReceipt = {
  text: string
  receipt: Receipt
  issuedAt: number
  user: User
  domain: { id: string; name: string }
  /** Any of these lists would do. */
  required: readonly (readonly string[])[]
}

export async function issueReceipt(
  app: Identity,
  user: User,
  methods: readonly AuthMethod[],
  required: readonly (readonly string[])[],
): Promise<IssuedReceipt> {
  const { world, config, knowledge, tokenKeys, db } = app
  const now = world.clock.now()
  const { revocations } = await knowledge.facts()
  const issuedAt = stampFor(revocations, now, traitsOfUser(user))
  const receipt = { userId: user.id, methods, expiresAt: wholeSecond(now) + config.receiptExpiration }
  const text = sealReceipt(tokenKeys.primary, receipt, issuedAt, world)
  const domain = (await findProject(db, user.domainId)) ?? { id: user.domainId, name: user.domainId }
  return { text, receipt, issuedAt, user, domain, required }
}

/** Throws 'unauthorized' for one that is expired, used, void or none. */
export async function takeReceipt(
  app: Identity,
  text: string,
): Promise<{ receipt: Receipt; issuedAt: number; spending: Spending }> {
  const { world, tokenKeys, db } = app
  let opened = openReceipt(tokenKeys.keys, text)
  if (!opened && (await tokenKeys.refresh())) opened = openReceipt(tokenKeys.keys, text)
  if (!opened) throw refuse('the receipt was not sealed with any of our keys')
  const { receipt, issuedAt } = opened
  if (receipt.expiresAt <= world.clock.now()) throw refuse('the receipt is expired')
  const spending = { id: `receipt ${opened.id}`, until: receipt.expiresAt }
  if (await isSpent(db, spending.id)) throw refuse('the receipt was used')
  return { receipt, issuedAt, spending }
}

/** A change of the password takes back what the old one has proven. Throws 'unauthorized'. */
export async function refuseVoidReceipt(app: Identity, user: User, issuedAt: number): Promise<void> {
  const { revocations } = await app.knowledge.facts()
  const until = revocations.voidUntil(traitsOfUser(user))
  if (until !== undefined && issuedAt <= until) throw refuse('the receipt is void')
}

const traitsOfUser = (user: User) => ({ userId: user.id, domainIds: [user.domainId], auditId: '' })

/**
 * What the user's rules still ask for; undefined where they are content. A way of proof that nobody has here doesn't count:
 * a slip in the rules must not lock a user out. https://docs.openstack.org/keystone/latest/admin/auth-totp.html
 */
export function missingMethods(
  user: Pick<User, 'options'>,
  proven: readonly string[],
  supported: readonly string[],
): readonly (readonly string[])[] | undefined {
  const { multi_factor_auth_rules: rules, multi_factor_auth_enabled: enabled } = user.options
  if (enabled === false || !Array.isArray(rules)) return undefined
  const lists = (rules as unknown[])
    .filter((rule): rule is string[] => Array.isArray(rule))
    .map((rule) => [...new Set(rule)].filter((method) => supported.includes(method)))
    .filter((rule) => rule.length > 0)
  const content = lists.length === 0 || lists.some((rule) => rule.every((method) => proven.includes(method)))
  return content ? undefined : lists
}

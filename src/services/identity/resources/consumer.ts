// OAuth 1 consumers: records of third parties with a secret. Their protocol is not served, so nobody logs in with one.
// https://docs.openstack.org/api-ref/identity/v3-ext/#os-oauth1-api
import { c, type RowOf, table } from '#kit/db/table.ts'
import { body } from '#kit/http/body.ts'
import { view } from '#kit/http/view.ts'
import { rule } from '#kit/policy/policy.ts'
import { anyText, type Extra } from './field.ts'
import { admin, cloudWide, reader } from './rule.ts'

export const consumer = table('consumer', {
  id: c.text(64),
  description: c.nullable(c.text()),
  sealedSecret: c.text(),
  extra: c.json<Extra>(),
  createdAt: c.time(),
})
export type Consumer = RowOf<typeof consumer>

const fields = { description: { schema: anyText, optional: true } } as const
export const consumerCreate = body('consumer', fields, { extra: 'keep' })
export const consumerUpdate = body('consumer', fields, { extra: 'keep', least: 1 })
export type ConsumerGiven = ReturnType<typeof consumerCreate.parse>

/** With its secret just after it was made, and never again. */
export type ConsumerShown = Consumer & { secret?: string }
const declared = view<ConsumerShown>()({
  id: (r) => r.id,
  description: (r) => r.description,
  secret: (r) => r.secret,
  links: (r, { origin }) => ({ self: `${origin}/v3/OS-OAUTH1/consumers/${r.id}` }),
})
export const consumerView = (r: ConsumerShown, shown: { origin: string }) => ({
  ...r.extra,
  ...declared(r, shown),
})

export const consumerRules = {
  list: rule('identity:list_consumers', reader, 'List consumers', cloudWide),
  get: rule('identity:get_consumer', reader, 'Show a consumer', cloudWide),
  create: rule('identity:create_consumer', admin, 'Create a consumer', cloudWide),
  update: rule('identity:update_consumer', admin, 'Change a consumer', cloudWide),
  delete: rule('identity:delete_consumer', admin, 'Delete a consumer', cloudWide),
}
export const accessTokenRules = {
  list: rule('identity:list_access_tokens', admin, "List a user's access tokens", ['project']),
}

// The filters of lists of users that compare: password_expires_at=lt:2030-01-01T00:00:00Z and its like, and those by which
// federated users are found, of whom there are none. https://docs.openstack.org/api-ref/identity/v3/#list-users
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Query } from '#kit/http/route.ts'
import type { User } from '../resources/user.ts'

const comparisons: Record<string, (expiry: number, wanted: number) => boolean> = {
  lt: (expiry, wanted) => expiry < wanted,
  lte: (expiry, wanted) => expiry <= wanted,
  gt: (expiry, wanted) => expiry > wanted,
  gte: (expiry, wanted) => expiry >= wanted,
  eq: (expiry, wanted) => expiry === wanted,
  neq: (expiry, wanted) => expiry !== wanted,
}

/** Throws 'badRequest' for an operator or a time that is none. A password that never expires matches nothing. */
export function userFilter(query: Query): (user: User) => boolean {
  if (['idp_id', 'protocol_id', 'unique_id'].some((name) => query.has(name))) return () => false
  const tests = query.all('password_expires_at').map((given) => {
    const [, operator = '', time = ''] = /^(\w+):(.+)$/.exec(given) ?? []
    const compare = comparisons[operator]
    // Without a zone it is UTC.
    const wanted = Date.parse(/(Z|[+-]\d\d:?\d\d)$/.test(time) ? time : `${time}Z`)
    if (!compare || Number.isNaN(wanted))
      throw new CloudError(
        'badRequest',
        `password_expires_at is an operator (${Object.keys(comparisons).join(', ')}), a colon and a time, and not '${given}'.`,
      )
    return (expiry: number) => compare(expiry, wanted)
  })
  if (tests.length === 0) return () => true
  return ({ passwordExpiresAt }) =>
    passwordExpiresAt !== null && tests.every((test) => test(passwordExpiresAt))
}

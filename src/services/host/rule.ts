// Who may change which machines belong to the cloud: admins. Joining itself asks for a join token instead.
import { rule } from '#kit/policy/policy.ts'

const scopes = ['system', 'project'] as const
const admin = 'role:admin'

export const hostRules = {
  list: rule('hosts:list', admin, 'List the hosts of the cloud', scopes),
  update: rule('hosts:update', admin, 'Disable and enable a host', scopes),
  remove: rule('hosts:remove', admin, 'Remove a host from the cloud', scopes),
  listTokens: rule(
    'hosts:list_join_tokens',
    admin,
    'List join tokens, without what is secret of them',
    scopes,
  ),
  createToken: rule('hosts:create_join_token', admin, 'Make a token by which a host may join', scopes),
  deleteToken: rule('hosts:delete_join_token', admin, 'Revoke a join token', scopes),
}

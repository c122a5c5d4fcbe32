// Groups of users, and who is in them. https://docs.openstack.org/api-ref/identity/v3/#groups
import { c, type RowOf, table } from '#kit/db/table.ts'
import { body } from '#kit/http/body.ts'
import { view } from '#kit/http/view.ts'
import { rule } from '#kit/policy/policy.ts'
import { anyText, type Extra, id, name255 } from './field.ts'
import { admin, everywhere, reader } from './rule.ts'

export const group = table(
  'group',
  {
    id: c.text(64),
    name: c.text(255),
    domainId: c.text(64),
    description: c.nullable(c.text()),
    extra: c.json<Extra>(),
    createdAt: c.time(),
  },
  { unique: [['domainId', 'name']] },
)
export type Group = RowOf<typeof group>

export const membership = table(
  'membership',
  { userId: c.text(64), groupId: c.text(64), createdAt: c.time() },
  { primaryKey: ['userId', 'groupId'], index: [['groupId']] },
)

const fields = {
  domain_id: { schema: id, optional: true },
  description: { schema: anyText, optional: true },
} as const
export const groupCreate = body('group', { name: { schema: name255 }, ...fields }, { extra: 'keep' })
export const groupUpdate = body(
  'group',
  { name: { schema: name255, optional: true }, ...fields },
  { extra: 'keep', least: 1 },
)
export type NewGroup = ReturnType<typeof groupCreate.parse>
export type GroupChange = ReturnType<typeof groupUpdate.parse>

const declared = view<Group>()({
  id: (g) => g.id,
  name: (g) => g.name,
  domain_id: (g) => g.domainId,
  description: (g) => g.description,
  links: (g, { origin }) => ({ self: `${origin}/v3/groups/${g.id}` }),
})
export const groupView = (g: Group, shown: { origin: string }) => ({ ...g.extra, ...declared(g, shown) })

export function groupTarget(g: { id?: string; domainId: string } | undefined): Record<string, unknown> {
  return g ? { 'target.group.id': g.id, 'target.group.domain_id': g.domainId } : {}
}

const ofDomain = 'domain_id:%(target.group.domain_id)s'
const readers = `${reader} or (role:reader and ${ofDomain})`
const managers = `${admin} or (role:manager and ${ofDomain})`
const both = `${ofDomain} and domain_id:%(target.user.domain_id)s`
export const groupRules = {
  list: rule('identity:list_groups', readers, 'List groups', everywhere),
  get: rule('identity:get_group', readers, 'Show a group', everywhere),
  create: rule('identity:create_group', managers, 'Create a group', everywhere),
  update: rule('identity:update_group', managers, 'Change a group', everywhere),
  delete: rule('identity:delete_group', managers, 'Delete a group', everywhere),
  listOfUser: rule(
    'identity:list_groups_for_user',
    `${reader} or (role:reader and domain_id:%(target.user.domain_id)s) or user_id:%(user_id)s`,
    "List a user's groups",
    everywhere,
  ),
  listUsers: rule('identity:list_users_in_group', readers, "List a group's users", everywhere),
  addUser: rule(
    'identity:add_user_to_group',
    `${admin} or (role:manager and ${both})`,
    'Put a user into a group',
    everywhere,
  ),
  removeUser: rule(
    'identity:remove_user_from_group',
    `${admin} or (role:manager and ${both})`,
    'Take a user out of a group',
    everywhere,
  ),
  checkUser: rule(
    'identity:check_user_in_group',
    `${reader} or (role:reader and ${both})`,
    'See whether a user is in a group',
    everywhere,
  ),
}

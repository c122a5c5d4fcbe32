// Server groups: servers that are to share hosts, or to stay apart.
import { Type } from 'typebox'
import { c, type RowOf, table } from '#kit/db/table.ts'
import { body } from '#kit/http/body.ts'
import { view } from '#kit/http/view.ts'
import { member, reader, rules } from './policy.ts'
import { name255 } from './schema.ts'

export type GroupPolicy = 'affinity' | 'anti-affinity' | 'soft-affinity' | 'soft-anti-affinity'

export const serverGroup = table(
  'server_group',
  {
    id: c.id(),
    projectId: c.text(64),
    userId: c.text(64),
    name: c.text(255),
    policy: c.text<GroupPolicy>(32),
    rules: c.json<{ max_server_per_host?: number }>(),
    createdAt: c.time(),
  },
  { index: [['projectId']] },
)
export type ServerGroup = RowOf<typeof serverGroup>

export const serverGroupMember = table(
  'server_group_member',
  { groupId: c.id(), serverId: c.id() },
  { primaryKey: ['groupId', 'serverId'], index: [['serverId']] },
)

const hard = [Type.Literal('affinity'), Type.Literal('anti-affinity')]
const all = [...hard, Type.Literal('soft-affinity'), Type.Literal('soft-anti-affinity')]
const one = (of: typeof all) => Type.Array(Type.Union(of), { minItems: 1, maxItems: 1 })

const until214 = body('server_group', { name: { schema: name255 }, policies: { schema: one(hard) } })
const until263 = body('server_group', { name: { schema: name255 }, policies: { schema: one(all) } })
const from264 = body('server_group', {
  name: { schema: name255 },
  policy: { schema: Type.Union(all) },
  rules: {
    schema: Type.Object(
      {
        max_server_per_host: Type.Optional(
          Type.Unsafe<number | string>({ type: ['integer', 'string'], pattern: '^[1-9][0-9]*$', minimum: 1 }),
        ),
      },
      { additionalProperties: false },
    ),
    optional: true,
  },
})
export const serverGroupBodies = { until214, until263, from264 }

export type ShownGroup = ServerGroup & { members: string[] }
export const serverGroupView = view<ShownGroup>()({
  id: (g) => g.id,
  name: (g) => g.name,
  policies: { until: '2.63', get: (g) => [g.policy] },
  metadata: { until: '2.63', get: () => ({}) },
  policy: { since: '2.64', get: (g) => g.policy },
  rules: { since: '2.64', get: (g) => g.rules },
  members: (g) => g.members,
  project_id: { since: '2.13', get: (g) => g.projectId },
  user_id: { since: '2.13', get: (g) => g.userId },
})

export const serverGroupRules = rules({
  list: ['os_compute_api:os-server-groups:index', reader, 'List server groups'],
  listAll: [
    'os_compute_api:os-server-groups:index:all_projects',
    'rule:context_is_admin',
    "List all projects' server groups",
  ],
  show: ['os_compute_api:os-server-groups:show', reader, 'Show a server group'],
  create: ['os_compute_api:os-server-groups:create', member, 'Create a server group'],
  delete: ['os_compute_api:os-server-groups:delete', member, 'Delete a server group'],
})

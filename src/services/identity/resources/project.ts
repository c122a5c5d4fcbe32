// Projects and domains: one table, since a domain is a project that owns others. https://docs.openstack.org/api-ref/identity/v3/#projects
import { Type } from 'typebox'
import { c, type RowOf, table } from '#kit/db/table.ts'
import { body } from '#kit/http/body.ts'
import { view } from '#kit/http/view.ts'
import { rule } from '#kit/policy/policy.ts'

export const project = table(
  'project',
  {
    id: c.text(64),
    name: c.text(64),
    /** Null for a domain. */
    domainId: c.nullable(c.text(64)),
    /** The domain itself for a project at the top. */
    parentId: c.nullable(c.text(64)),
    description: c.text(),
    enabled: c.bool(),
    isDomain: c.bool(),
    tags: c.json<string[]>(),
    options: c.json<Record<string, unknown>>(),
    /** Attributes of the caller's own invention, which identity keeps and gives back. */
    extra: c.json<Record<string, unknown>>(),
    createdAt: c.time(),
  },
  { primaryKey: ['id'], unique: [['domainId', 'name']], index: [['parentId'], ['isDomain', 'name']] },
)
export type Project = RowOf<typeof project>

export const name64 = Type.String({ minLength: 1, maxLength: 64, pattern: '\\S' })
const tag = Type.String({ minLength: 1, maxLength: 255, pattern: '^[^,/]*$' })
export const tagList = Type.Array(tag, { maxItems: 80, uniqueItems: true })
const immutable = Type.Object({ immutable: Type.Optional(Type.Union([Type.Boolean(), Type.Null()])) }, { additionalProperties: false })

const fields = {
  name: { schema: name64 },
  description: { schema: Type.Union([Type.String(), Type.Null()]), optional: true },
  enabled: { schema: Type.Boolean(), optional: true },
  options: { schema: immutable, optional: true },
  tags: { schema: tagList, optional: true },
} as const
const id = Type.String({ minLength: 1, maxLength: 64, pattern: '^[a-zA-Z0-9-]+$' })

export const projectCreate = body(
  'project',
  {
    ...fields,
    domain_id: { schema: Type.Union([id, Type.Null()]), optional: true },
    parent_id: { schema: Type.Union([id, Type.Null()]), optional: true },
    is_domain: { schema: Type.Boolean(), optional: true },
  },
  { extra: 'keep' },
)
export const projectUpdate = body(
  'project',
  {
    ...fields,
    name: { schema: name64, optional: true },
    domain_id: { schema: Type.Union([id, Type.Null()]), optional: true },
    parent_id: { schema: Type.Union([id, Type.Null()]), optional: true },
    is_domain: { schema: Type.Boolean(), optional: true },
  },
  { extra: 'keep' },
)

export const projectView = view<Project>()({
  id: (p) => p.id,
  name: (p) => p.name,
  domain_id: (p) => p.domainId,
  description: (p) => p.description,
  enabled: (p) => p.enabled,
  parent_id: (p) => p.parentId,
  is_domain: (p) => p.isDomain,
  tags: (p) => p.tags,
  options: (p) => p.options,
  links: (p, { origin }) => ({ self: `${origin}/v3/projects/${p.id}` }),
})

/** What a rule about a project may name. */
export function projectTarget(p: { id: string; domainId: string | null }): Record<string, unknown> {
  return { 'target.project.id': p.id, 'target.project.domain_id': p.domainId }
}

const domainManager = 'rule:admin_required or (role:manager and domain_id:%(target.project.domain_id)s)'
export const projectRules = {
  list: rule('identity:list_projects', 'rule:admin_required or (role:reader and system_scope:all) or (role:reader and domain_id:%(target.domain_id)s)', 'List projects', ['system', 'domain', 'project']),
  get: rule(
    'identity:get_project',
    'rule:admin_required or (role:reader and system_scope:all) or (role:reader and domain_id:%(target.project.domain_id)s) or project_id:%(target.project.id)s',
    'Show a project',
    ['system', 'domain', 'project'],
  ),
  create: rule('identity:create_project', domainManager, 'Create a project', ['system', 'domain', 'project']),
  update: rule('identity:update_project', domainManager, 'Change a project', ['system', 'domain', 'project']),
  delete: rule('identity:delete_project', domainManager, 'Delete a project', ['system', 'domain', 'project']),
}

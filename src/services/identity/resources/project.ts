// Projects and domains: one table, since a domain is a project that owns others.
// https://docs.openstack.org/api-ref/identity/v3/#projects
import { Type } from 'typebox'
import { c, type RowOf, table } from '#kit/db/table.ts'
import { body } from '#kit/http/body.ts'
import { view } from '#kit/http/view.ts'
import { rule } from '#kit/policy/policy.ts'
import { anyText, type Extra, flag, immutableOption, name64, nullableId, type Options } from './field.ts'
import { admin, everywhere, reader } from './rule.ts'

export const project = table(
  'project',
  {
    id: c.text(64),
    name: c.text(64),
    /** `domainOfDomains` for a domain: null would not be unique together with the name. */
    domainId: c.text(64),
    /** The domain for a project at the top; null for a domain. */
    parentId: c.nullable(c.text(64)),
    description: c.nullable(c.text()),
    enabled: c.bool(),
    isDomain: c.bool(),
    tags: c.json<string[]>(),
    options: c.json<Options>(),
    extra: c.json<Extra>(),
    createdAt: c.time(),
  },
  { unique: [['domainId', 'name']], index: [['parentId'], ['isDomain', 'name']] },
)
export type Project = RowOf<typeof project>

/** Never a domain's id, which has no brackets. */
export const domainOfDomains = '<domains>'

export const tagName = Type.String({ minLength: 1, maxLength: 255, pattern: '^[^,/]*$' })
export const tagList = Type.Array(tagName, { maxItems: 80, uniqueItems: true })

const fields = {
  description: { schema: anyText, optional: true },
  enabled: { schema: flag, optional: true },
  options: { schema: immutableOption, optional: true },
  tags: { schema: tagList, optional: true },
  domain_id: { schema: nullableId, optional: true },
  parent_id: { schema: nullableId, optional: true },
  is_domain: { schema: flag, optional: true },
} as const
export const projectCreate = body('project', { name: { schema: name64 }, ...fields }, { extra: 'keep' })
export const projectUpdate = body(
  'project',
  { name: { schema: name64, optional: true }, ...fields },
  { extra: 'keep', least: 1 },
)
export type NewProject = ReturnType<typeof projectCreate.parse>
export type ProjectChange = ReturnType<typeof projectUpdate.parse>

const declared = view<Project>()({
  id: (p) => p.id,
  name: (p) => p.name,
  domain_id: (p) => (p.isDomain ? null : p.domainId),
  description: (p) => p.description,
  enabled: (p) => p.enabled,
  parent_id: (p) => p.parentId,
  is_domain: (p) => p.isDomain,
  tags: (p) => p.tags,
  options: (p) => p.options,
  links: (p, { origin }) => ({ self: `${origin}/v3/projects/${p.id}` }),
})
export const projectView = (p: Project, shown: { origin: string }) => ({ ...p.extra, ...declared(p, shown) })

/** What a rule about a project may name. */
export function projectTarget(p: { id?: string; domainId: string } | undefined): Record<string, unknown> {
  return p ? { 'target.project.id': p.id, 'target.project.domain_id': p.domainId } : {}
}

const ofDomain = 'domain_id:%(target.project.domain_id)s and not None:%(target.project.domain_id)s'
const readers = `${reader} or (role:reader and ${ofDomain}) or project_id:%(target.project.id)s`
const managers = `${admin} or (role:manager and ${ofDomain})`
export const projectRules = {
  list: rule(
    'identity:list_projects',
    `${reader} or (role:reader and domain_id:%(target.domain_id)s)`,
    'List projects',
    everywhere,
  ),
  get: rule('identity:get_project', readers, 'Show a project', everywhere),
  create: rule('identity:create_project', managers, 'Create a project', everywhere),
  update: rule('identity:update_project', managers, 'Change a project', everywhere),
  delete: rule('identity:delete_project', managers, 'Delete a project', everywhere),
  listOfUser: rule(
    'identity:list_user_projects',
    `${reader} or (role:reader and domain_id:%(target.user.domain_id)s) or user_id:%(target.user.id)s`,
    'List the projects in which a user has a role',
    everywhere,
  ),
  listTags: rule('identity:list_project_tags', readers, "List a project's tags", everywhere),
  getTag: rule('identity:get_project_tag', readers, 'See whether a project has a tag', everywhere),
  updateTags: rule('identity:update_project_tags', managers, "Replace a project's tags", everywhere),
  createTag: rule('identity:create_project_tag', managers, 'Add a tag to a project', everywhere),
  deleteTags: rule('identity:delete_project_tags', managers, "Remove a project's tags", everywhere),
  deleteTag: rule('identity:delete_project_tag', managers, 'Remove a tag from a project', everywhere),
}

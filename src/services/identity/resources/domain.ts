// Domains as their own API shows them; they are rows of the project table.
// https://docs.openstack.org/api-ref/identity/v3/#domains
import { body } from '#kit/http/body.ts'
import { view } from '#kit/http/view.ts'
import { rule } from '#kit/policy/policy.ts'
import { anyText, flag, id, immutableOption, name64 } from './field.ts'
import { type Project, tagList } from './project.ts'
import { admin, cloudWide, everywhere, reader } from './rule.ts'

export const defaultDomainId = 'default'

const fields = {
  description: { schema: anyText, optional: true },
  enabled: { schema: flag, optional: true },
  options: { schema: immutableOption, optional: true },
  tags: { schema: tagList, optional: true },
} as const
export const domainCreate = body(
  'domain',
  { name: { schema: name64 }, explicit_domain_id: { schema: id, optional: true }, ...fields },
  { extra: 'keep' },
)
export const domainUpdate = body(
  'domain',
  { name: { schema: name64, optional: true }, ...fields },
  { extra: 'keep', least: 1 },
)
export type NewDomain = ReturnType<typeof domainCreate.parse>
export type DomainChange = ReturnType<typeof domainUpdate.parse>

const declared = view<Project>()({
  id: (d) => d.id,
  name: (d) => d.name,
  description: (d) => d.description,
  enabled: (d) => d.enabled,
  tags: (d) => d.tags,
  options: (d) => d.options,
  links: (d, { origin }) => ({ self: `${origin}/v3/domains/${d.id}` }),
})
export const domainView = (d: Project, shown: { origin: string }) => ({ ...d.extra, ...declared(d, shown) })

export const domainRules = {
  list: rule(
    'identity:list_domains',
    `${reader} or (role:reader and domain_id:%(target.domain.id)s)`,
    'List domains',
    everywhere,
  ),
  get: rule(
    'identity:get_domain',
    `${reader} or token.domain.id:%(target.domain.id)s or token.project.domain.id:%(target.domain.id)s`,
    'Show a domain',
    everywhere,
  ),
  create: rule('identity:create_domain', admin, 'Create a domain', cloudWide),
  update: rule('identity:update_domain', admin, 'Change a domain', cloudWide),
  delete: rule('identity:delete_domain', admin, 'Delete a domain', cloudWide),
}

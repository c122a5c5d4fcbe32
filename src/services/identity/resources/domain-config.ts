// A domain's own configuration, in sections and options as keystone.conf has them. Kept for clients; what does anything is
// `isEffective`. Sealed in the table, since a directory's password is among it, and that is never shown.
// https://docs.openstack.org/api-ref/identity/v3/#domain-configuration
import { c, type RowOf, table } from '#kit/db/table.ts'
import { rule } from '#kit/policy/policy.ts'
import { admin, cloudWide, everywhere, reader } from './rule.ts'

export const domainOption = table(
  'domain_option',
  {
    domainId: c.text(64),
    section: c.text(64),
    name: c.text(64),
    /** JSON, sealed. */
    sealedValue: c.text(),
  },
  { primaryKey: ['domainId', 'section', 'name'] },
)
export type DomainOption = RowOf<typeof domainOption>

/** Sections, then options, as they go over the wire. */
export type DomainConfig = Record<string, Record<string, unknown>>

export const securityCompliance = 'security_compliance'

/** What a domain may set, with the value where it doesn't. After keystone/resource/config_backends and conf/ldap.py. */
export const domainConfigDefaults: DomainConfig = {
  identity: { driver: 'sql', list_limit: null },
  ldap: {
    url: 'ldap://localhost',
    user: null,
    suffix: 'cn=example,cn=com',
    query_scope: 'one',
    page_size: 0,
    alias_dereferencing: 'default',
    debug_level: null,
    chase_referrals: null,
    user_tree_dn: null,
    user_filter: null,
    user_objectclass: 'inetOrgPerson',
    user_id_attribute: 'cn',
    user_name_attribute: 'sn',
    user_mail_attribute: 'mail',
    user_description_attribute: 'description',
    user_pass_attribute: 'userPassword',
    user_enabled_attribute: 'enabled',
    user_enabled_invert: false,
    user_enabled_mask: 0,
    user_enabled_default: 'True',
    user_attribute_ignore: ['default_project_id'],
    user_default_project_id_attribute: null,
    user_enabled_emulation: false,
    user_enabled_emulation_dn: null,
    user_enabled_emulation_use_group_config: false,
    user_additional_attribute_mapping: [],
    group_tree_dn: null,
    group_filter: null,
    group_objectclass: 'groupOfNames',
    group_id_attribute: 'cn',
    group_name_attribute: 'ou',
    group_members_are_ids: false,
    group_member_attribute: 'member',
    group_desc_attribute: 'description',
    group_attribute_ignore: [],
    group_additional_attribute_mapping: [],
    group_ad_nesting: false,
    tls_cacertfile: null,
    tls_cacertdir: null,
    use_tls: false,
    tls_req_cert: 'demand',
    connection_timeout: -1,
    use_pool: true,
    pool_size: 10,
    pool_retry_max: 3,
    pool_retry_delay: 0.1,
    pool_connection_timeout: -1,
    pool_connection_lifetime: 600,
    use_auth_pool: true,
    auth_pool_size: 100,
    auth_pool_connection_lifetime: 60,
  },
}

/** Whether it does anything here: there is one driver, which has no options, and the length of lists is judged by domain. */
export const isEffective = (section: string, name: string, value: unknown): boolean =>
  section === 'identity' && (name === 'list_limit' || (name === 'driver' && value === 'sql'))

/** May be set and is never shown. */
export const sensitiveOptions: Record<string, readonly string[]> = { ldap: ['password'] }

export const domainConfigRules = {
  create: rule('identity:create_domain_config', admin, "Create a domain's configuration", cloudWide),
  get: rule('identity:get_domain_config', reader, "Show a domain's configuration", cloudWide),
  getSecurityCompliance: rule(
    'identity:get_security_compliance_domain_config',
    '',
    'Show what passwords must look like',
    everywhere,
  ),
  update: rule('identity:update_domain_config', admin, "Change a domain's configuration", cloudWide),
  delete: rule('identity:delete_domain_config', admin, "Delete a domain's configuration", cloudWide),
  getDefault: rule(
    'identity:get_domain_config_default',
    reader,
    'Show the configuration of domains that have none',
    cloudWide,
  ),
}

// The rules that others refer to, and how most rules of network read: the project's own, or an administrator's.
import { hostRole } from '#contracts/host.ts'
import { type PolicyRule, rule } from '#kit/policy/policy.ts'

export const aliases = [
  rule('context_is_admin', 'role:admin', 'An administrator'),
  rule('owner', 'tenant_id:%(tenant_id)s', 'Of the project that the object belongs to'),
  rule('admin_or_owner', 'rule:context_is_admin or rule:owner', 'The owner, or an administrator'),
  rule('service_api', 'role:service', 'Another service of the cloud'),
  rule('host_api', `role:${hostRole}`, 'The agent of a host that joined the cloud'),
  rule('context_is_advsvc', 'role:advsvc', 'A service that acts for others'),
  rule(
    'admin_or_network_owner',
    'rule:context_is_admin or tenant_id:%(network:tenant_id)s',
    'The owner of the network, or an administrator',
  ),
  rule(
    'admin_owner_or_network_owner',
    'rule:owner or rule:admin_or_network_owner',
    'The owner, the owner of the network, or an administrator',
  ),
  rule(
    'admin_or_sg_owner',
    'rule:context_is_admin or tenant_id:%(security_group:tenant_id)s',
    'The owner of the security group, or an administrator',
  ),
  rule(
    'admin_owner_or_sg_owner',
    'rule:owner or rule:admin_or_sg_owner',
    'The owner, the owner of the security group, or an administrator',
  ),
  rule('admin_only', 'rule:context_is_admin', 'An administrator alone'),
  rule('regular_user', '', 'Anybody'),
  rule('shared', 'field:networks:shared=True', 'On a shared network'),
  rule('external', 'field:networks:router:external=True', 'On an external network'),
  rule('network_owner', 'tenant_id:%(network:tenant_id)s', 'Of the project that the network belongs to'),
  rule('sg_owner', 'tenant_id:%(security_group:tenant_id)s', 'Of the project that owns the security group'),
  rule('network_device', 'field:port:device_owner=~^network:', "A port of the network service's own"),
  rule('default', 'rule:admin_or_owner', 'Where nothing else is said'),
]

export const readers = 'rule:admin_only or role:reader and project_id:%(project_id)s'
export const members = 'rule:admin_only or role:member and project_id:%(project_id)s'
export const adminOnly = 'rule:admin_only'
/** A token of the system or of a domain has no objects here, not even an administrator's. */
const scopes = ['project'] as const

export const guard = (name: string, check: string, what: string, older?: string): PolicyRule =>
  rule(name, check, what, scopes, older === undefined ? undefined : { check: older })

/** Before Neutron knew readers, whatever role in its project let a caller do all of this. */
export const anyRole = 'rule:admin_or_owner'
export const anyRoleOfNetwork = 'rule:admin_or_network_owner'

export type ResourceRules = {
  create: PolicyRule
  get: PolicyRule
  update: PolicyRule
  delete: PolicyRule
}

type Words = { create?: string; get?: string; update?: string; delete?: string }

/** The four rules of a resource; `more` widens them: ' or rule:network_owner'. `older` is what held before, where that differs. */
export function rulesOf(name: string, more: Words = {}, older: Words = {}): ResourceRules {
  const words = name.replaceAll('_', ' ')
  return {
    create: guard(
      `create_${name}`,
      members + (more.create ?? ''),
      `Create a ${words}`,
      older.create ?? anyRole,
    ),
    get: guard(`get_${name}`, readers + (more.get ?? ''), `Show a ${words}`, older.get ?? anyRole),
    update: guard(
      `update_${name}`,
      members + (more.update ?? ''),
      `Change a ${words}`,
      older.update ?? anyRole,
    ),
    delete: guard(
      `delete_${name}`,
      members + (more.delete ?? ''),
      `Delete a ${words}`,
      older.delete ?? anyRole,
    ),
  }
}

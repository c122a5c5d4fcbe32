// Security groups as compute showed them before networks had a service of their own; until 2.35 old clients ask here.
import { view } from '#kit/http/view.ts'
import type { SecurityGroup, SecurityGroupRule } from '#services/network/client.ts'
import { reader, rules } from './policy.ts'

/** `groupName` where the rule lets in the members of a group rather than addresses. */
const ruleView = view<{ rule: SecurityGroupRule; project: string; groupName: string | undefined }>()({
  id: (r) => r.rule.id,
  parent_group_id: (r) => r.rule.security_group_id,
  ip_protocol: (r) => r.rule.protocol,
  from_port: (r) => r.rule.port_range_min,
  to_port: (r) => r.rule.port_range_max,
  group: (r) => (r.groupName === undefined ? {} : { name: r.groupName, tenant_id: r.project }),
  ip_range: (r) => (r.groupName === undefined ? { cidr: r.rule.remote_ip_prefix ?? anywhere(r.rule) } : {}),
})

/** `names` are those of the project's groups by id, for rules that let a group's members in. */
export type ShownGroup = { group: SecurityGroup; names: ReadonlyMap<string, string> }

export const securityGroupView = view<ShownGroup>()({
  id: (s) => s.group.id,
  name: (s) => s.group.name,
  description: (s) => s.group.description,
  tenant_id: (s) => s.group.project_id,
  /** Compute knew rules for what comes in alone. */
  rules: (s) =>
    s.group.security_group_rules
      .filter((each) => each.direction === 'ingress')
      .map((rule) => {
        const { remote_group_id: of } = rule
        const groupName = of === null ? undefined : (s.names.get(of) ?? of)
        return ruleView({ rule, project: s.group.project_id, groupName })
      }),
})

function anywhere(rule: SecurityGroupRule): string {
  return rule.ethertype === 'IPv6' ? '::/0' : '0.0.0.0/0'
}

export const securityGroupRules = rules({
  list: ['os_compute_api:os-security-groups:get', reader, 'List security groups (until 2.35)'],
  show: ['os_compute_api:os-security-groups:show', reader, 'Show a security group (until 2.35)'],
})

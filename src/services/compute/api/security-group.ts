// /os-security-groups: what old clients, the `openstack` command among them, look a group up by before they add it;
// and what a server is in, at any version.
import { route } from '../app.ts'
import { listSecurityGroups, listServerGroups, showSecurityGroup } from '../ops/security-group.ts'
import { securityGroupRules, securityGroupView } from '../resources/security-group.ts'

const until = '2.35'

export const securityGroupRoutes = [
  route('GET', '/os-security-groups', {
    until,
    policy: securityGroupRules.list,
    handle: async (context, { query }) => ({
      security_groups: (await listSecurityGroups(context, query.get('name'))).map((each) =>
        securityGroupView(each, context),
      ),
    }),
  }),
  route('GET', '/os-security-groups/:id', {
    until,
    policy: securityGroupRules.show,
    handle: async (context, { params }) => ({
      security_group: securityGroupView(await showSecurityGroup(context, params.id!), context),
    }),
  }),
  route('GET', '/servers/:id/os-security-groups', {
    policy: 'token',
    handle: async (context, { params }) => ({
      security_groups: (await listServerGroups(context, params.id!)).map((each) =>
        securityGroupView(each, context),
      ),
    }),
  }),
]

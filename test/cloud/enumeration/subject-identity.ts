// Identity's routes: which rule guards each, with what body it is asked, and the samples that it is asked about.
import type { Bench, Guards, Maker, Subject } from './bench.ts'
import { logIn, password } from './caller.ts'
import type { Standing } from './evaluate.ts'
import { extensionGuards, extensionMakers } from './identity-extension.ts'
import { grants } from './identity-grant.ts'
import { five, of } from './identity-guard.ts'

const ids = (bench: Bench) => bench.ids.identity!

/** Lists ask about the caller's own domain. */
const ownDomain = ({ domainId }: Standing) => ({
  'target.domain_id': domainId,
  'target.group.domain_id': domainId,
  'target.domain.id': domainId,
})

const region = (bench: Bench) => ({ id: bench.name() })
const service = (bench: Bench) => ({ type: bench.name(), name: 'sample', description: 'A sample' })
const endpoint = (bench: Bench) => ({
  service_id: ids(bench).services,
  interface: 'public',
  url: 'http://sample.test/',
})
const policy = () => ({ type: 'application/json', blob: '{}' })
const domain = (bench: Bench) => ({ name: bench.name(), enabled: false })
const inHome = (bench: Bench) => ({ name: bench.name(), domain_id: bench.people.home.domainId })
/** With what else its answers may show. */
const newUser = (bench: Bench) => ({
  ...inHome(bench),
  description: 'A sample',
  email: 'sample@sample.test',
  default_project_id: bench.people.home.projectId,
  password,
  options: { ignore_password_expiry: true },
})
const credential = (bench: Bench) => ({ type: 'sample', blob: 'blob', user_id: bench.people.owner.userId })
const trust = (bench: Bench) => ({
  trustor_user_id: bench.people.owner.userId,
  trustee_user_id: bench.people.admin.userId,
  project_id: bench.people.home.projectId,
  impersonation: false,
  roles: [{ name: 'member' }],
})
const accessRule = (bench: Bench) => ({ path: `/v2/${bench.name()}`, method: 'GET', service: 'image' })
const applicationCredential = (bench: Bench) => ({
  name: bench.name(),
  access_rules: [accessRule(bench)],
})

const subjectToken = (bench: Bench) => ({ 'x-subject-token': ids(bench).subject! })

export const guards: Guards = {
  'GET /': { rule: 'public' },
  'GET /v3': { rule: 'public' },
  'POST /auth/tokens': { rule: 'public' },
  // The samples keep their passwords: it is a new user's that is changed.
  'POST /users/:user_id/password': {
    rule: 'public',
    body: () => ({ user: { original_password: password, password: `another ${password}` } }),
    before: async (bench) => ({ users: await makers.users!(bench) }),
  },

  'POST /OS-OAUTH2/token': {
    rule: 'public',
    body: () => Buffer.from('grant_type=client_credentials'),
    headers: (bench) => ({
      'content-type': 'application/x-www-form-urlencoded',
      authorization: `Basic ${ids(bench).oauth2}`,
    }),
    before: async (bench) => {
      const { id, secret } = await makeApplicationCredential(bench)
      ids(bench).oauth2 = Buffer.from(`${id}:${secret}`).toString('base64')
      return undefined
    },
  },

  'GET /auth/tokens': of('validate_token', { headers: subjectToken }),
  'HEAD /auth/tokens': of('check_token', { headers: subjectToken }),
  'DELETE /auth/tokens': of('revoke_token', {
    headers: subjectToken,
    before: async (bench) => ({ subject: await makers.subject!(bench) }),
  }),
  // No scope, no catalog.
  'GET /auth/catalog': of('get_auth_catalog', { answers: [403] }),
  // Lists of what PKI tokens would need, which there are none of.
  'GET /auth/tokens/OS-PKI/revoked': { rule: 'token', answers: [403, 410] },
  'GET /OS-REVOKE/events': of('list_revoke_events'),
  // Told by the answer alone whether the signature is right: none is here.
  'POST /ec2tokens': of('ec2tokens_validate', { body: signed, answers: [401] }),
  'POST /s3tokens': of('s3tokens_validate', { body: signed, answers: [401] }),
  'GET /auth/projects': of('get_auth_projects'),
  'GET /auth/domains': of('get_auth_domains', { who: 'domain-admin' }),
  'GET /auth/system': of('get_auth_system', { who: 'system-admin' }),

  ...five('domains', 'domain', 'domains', domain),
  'GET /domains': of('list_domains', { target: ownDomain }),
  ...five('projects', 'project', 'projects', inHome),
  'GET /projects': of('list_projects', { target: ownDomain }),
  'GET /projects/:project_id/tags': of('list_project_tags', { before: tagProject }),
  'PUT /projects/:project_id/tags': of('update_project_tags', { body: () => ({ tags: ['blue'] }) }),
  'DELETE /projects/:project_id/tags': of('delete_project_tags'),
  'GET /projects/:project_id/tags/:tag': of('get_project_tag', { before: tagProject }),
  'PUT /projects/:project_id/tags/:tag': of('create_project_tag'),
  'DELETE /projects/:project_id/tags/:tag': of('delete_project_tag', { before: tagProject }),

  ...five('users', 'user', 'users', newUser),
  'PATCH /users/:user_id': of('update_user', {
    body: () => ({ user: { options: { ignore_lockout_failure_attempts: true } } }),
  }),
  'GET /users': of('list_users', { target: ownDomain }),
  'GET /users/:user_id/groups': of('list_groups_for_user', { before: joinGroup }),
  'GET /users/:user_id/projects': of('list_user_projects'),

  ...five('groups', 'group', 'groups', inHome),
  'GET /groups': of('list_groups', { target: ownDomain }),
  'GET /groups/:group_id/users': of('list_users_in_group', { before: joinGroup }),
  'GET /groups/:group_id/users/:user_id': of('check_user_in_group', { before: joinGroup }),
  'PUT /groups/:group_id/users/:user_id': of('add_user_to_group'),
  'DELETE /groups/:group_id/users/:user_id': of('remove_user_from_group', { before: joinGroup }),

  ...five('roles', 'role', 'roles', (bench) => ({ name: bench.name() })),
  'GET /role_inferences': of('list_role_inference_rules'),
  'GET /roles/:role_id/implies': of('list_implied_roles', { before: imply }),
  'GET /roles/:role_id/implies/:implied_role_id': of('get_implied_role', { before: imply }),
  'HEAD /roles/:role_id/implies/:implied_role_id': of('check_implied_role', { before: imply }),
  'PUT /roles/:role_id/implies/:implied_role_id': of('create_implied_role'),
  'DELETE /roles/:role_id/implies/:implied_role_id': of('delete_implied_role', { before: imply }),

  ...grants,
  'GET /role_assignments': of('list_role_assignments', { target: ownDomain }),

  ...five('regions', 'region', 'regions', region),
  'PUT /regions/:region_id': of('create_region', {
    body: () => ({ region: {} }),
    before: async (bench) => ({ regions: bench.name() }),
  }),
  ...five('services', 'service', 'services', service),
  ...five('endpoints', 'endpoint', 'endpoints', endpoint),
  ...five('policies', 'policy', 'policies', policy),

  ...five('credentials', 'credential', 'credentials', credential),
  // Nobody is refused, and everybody sees those alone that are theirs to see.
  'GET /credentials': { rule: 'token', target: () => ({}) },
  'PATCH /credentials/:credential_id': of('update_credential', {
    body: () => ({ credential: { blob: 'another' } }),
  }),
  'GET /users/:user_id/credentials/OS-EC2': of('ec2_list_credentials'),
  'POST /users/:user_id/credentials/OS-EC2': of('ec2_create_credential', { body: ec2Body }),
  'GET /users/:user_id/credentials/OS-EC2/:credential_id': of('ec2_get_credential'),
  'DELETE /users/:user_id/credentials/OS-EC2/:credential_id': of('ec2_delete_credential'),

  'GET /users/:user_id/application_credentials': of('list_application_credentials'),
  'POST /users/:user_id/application_credentials': of('create_application_credential', {
    body: (bench) => ({ application_credential: applicationCredential(bench) }),
  }),
  'GET /users/:user_id/application_credentials/:application_credential_id': of('get_application_credential'),
  'DELETE /users/:user_id/application_credentials/:application_credential_id': of(
    'delete_application_credential',
  ),
  'GET /users/:user_id/access_rules': of('list_access_rules'),
  'GET /users/:user_id/access_rules/:access_rule_id': of('get_access_rule'),
  'DELETE /users/:user_id/access_rules/:access_rule_id': of('delete_access_rule'),

  'GET /OS-TRUST/trusts': of('list_trusts'),
  'POST /OS-TRUST/trusts': of('create_trust', { body: (bench) => ({ trust: trust(bench) }) }),
  'GET /OS-TRUST/trusts/:trust_id': of('get_trust'),
  'DELETE /OS-TRUST/trusts/:trust_id': of('delete_trust'),
  'GET /OS-TRUST/trusts/:trust_id/roles': of('list_roles_for_trust'),
  'GET /OS-TRUST/trusts/:trust_id/roles/:role_id': of('get_role_for_trust', {
    before: async (bench) => ({ roles: await roleNamed(bench, 'member') }),
  }),
  ...extensionGuards,
}

/** The wrapper's only member with an id, as create answers. */
function made(path: string, one: string, body: (bench: Bench) => unknown): Maker {
  return async (bench) => (await bench.ask('identity', 'POST', path, { [one]: body(bench) }))[one].id
}

function signed(bench: Bench) {
  return {
    credentials: { access: bench.name(), signature: 'none', token: 'none', host: 'sample.test', params: {} },
  }
}
async function tagProject(bench: Bench) {
  await bench.ask('identity', 'PUT', `/projects/${ids(bench).projects}/tags/${ids(bench).tags}`)
  return undefined
}
async function joinGroup(bench: Bench) {
  await bench.ask('identity', 'PUT', `/groups/${ids(bench).groups}/users/${ids(bench).users}`)
  return undefined
}
async function imply(bench: Bench) {
  await bench.ask('identity', 'PUT', `/roles/${ids(bench).roles}/implies/${ids(bench).implies}`)
  return undefined
}
async function roleNamed(bench: Bench, name: string): Promise<string> {
  return (await bench.ask('identity', 'GET', `/roles?name=${name}`)).roles[0].id
}
function ec2Body(bench: Bench) {
  return { tenant_id: bench.people.home.projectId }
}
async function makeApplicationCredential(bench: Bench) {
  const { owner } = bench.people
  const path = `/users/${owner.userId}/application_credentials`
  const body = { application_credential: applicationCredential(bench) }
  return (await bench.ask('identity', 'POST', path, body, { who: owner })).application_credential
}

export const makers: Record<string, Maker> = {
  subject: async (bench) => {
    const token = await logIn(bench.cloud, bench.people.owner.userId, 'project', bench.people.home)
    ids(bench).subject = token
    return token
  },
  domains: made('/domains', 'domain', domain),
  projects: made('/projects', 'project', inHome),
  users: made('/users', 'user', newUser),
  groups: made('/groups', 'group', inHome),
  roles: made('/roles', 'role', (bench) => ({ name: bench.name() })),
  implies: made('/roles', 'role', (bench) => ({ name: bench.name() })),
  regions: made('/regions', 'region', region),
  services: made('/services', 'service', service),
  endpoints: made('/endpoints', 'endpoint', endpoint),
  policies: made('/policies', 'policy', policy),
  credentials: made('/credentials', 'credential', credential),
  'OS-EC2': async (bench) => {
    const path = `/users/${bench.people.owner.userId}/credentials/OS-EC2`
    return (await bench.ask('identity', 'POST', path, ec2Body(bench))).credential.access
  },
  application_credentials: async (bench) => (await makeApplicationCredential(bench)).id,
  // A rule can be deleted when no credential has it any more.
  access_rules: async (bench) => {
    const { owner } = bench.people
    const { id, access_rules } = await makeApplicationCredential(bench)
    const path = `/users/${owner.userId}/application_credentials/${id}`
    await bench.ask('identity', 'DELETE', path, undefined, { who: owner })
    return access_rules[0].id
  },
  trusts: async (bench) => {
    const as = { who: bench.people.owner }
    return (await bench.ask('identity', 'POST', '/OS-TRUST/trusts', { trust: trust(bench) }, as)).trust.id
  },
  ...extensionMakers,
}

export const identity: Subject = {
  type: 'identity',
  guards,
  makers,
  shown: ['services', 'endpoints', 'regions'],
  fixed: ({ people }) => ({
    domains: people.home.domainId,
    projects: people.home.projectId,
    users: people.owner.userId,
    tags: 'green',
    config: 'identity',
    ':group': 'identity',
    group: 'driver',
    option: 'driver',
    identity_providers: 'none',
    mappings: 'none',
    service_providers: 'none',
  }),
  target: ({ people: { home, owner, admin } }) => ({
    user_id: owner.userId,
    project_id: home.projectId,
    'target.user.id': owner.userId,
    'target.user.domain_id': home.domainId,
    'target.group.domain_id': home.domainId,
    'target.project.id': home.projectId,
    'target.project.domain_id': home.domainId,
    'target.domain.id': home.domainId,
    'target.domain_id': home.domainId,
    'target.role.name': 'sample',
    'target.role.domain_id': null,
    'target.limit.project_id': home.projectId,
    'target.limit.project.domain_id': home.domainId,
    'target.credential.user_id': owner.userId,
    'target.token.user_id': owner.userId,
    'target.trust.trustor_user_id': owner.userId,
    'target.trust.trustee_user_id': admin.userId,
  }),
}

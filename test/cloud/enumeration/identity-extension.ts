// Identity's younger routes: limits, filters of the catalog, policies of endpoints, configuration of domains, consumers, and
// the lists of what federation would have.
import { type Bench, five, type Guard, type Guards, type Maker, of } from './identity-guard.ts'

const ids = (bench: Bench) => bench.ids.identity!
const ask = async (bench: Bench, method: string, path: string, body?: unknown) => {
  await bench.ask('identity', method, path, body)
  return undefined
}

/** Nothing of it is there, and so it is said to those who may know. */
const none = (rule: string): Guard => of(rule, { answers: [404] })

const endpointGroup = (bench: Bench) => ({
  name: bench.name(),
  filters: { interface: 'public', service_id: ids(bench).services },
})
const consumer = (bench: Bench) => ({ description: bench.name() })
const registered = (bench: Bench) => ({
  service_id: ids(bench).services,
  resource_name: bench.name(),
  default_limit: 5,
})
const config = () => ({ config: { identity: { driver: 'sql' } } })
const withConfig = (bench: Bench) => ask(bench, 'PUT', `/domains/${ids(bench).domains}/config`, config())

async function limitOf(bench: Bench) {
  const resource_name = bench.name()
  const body = { registered_limits: [{ ...registered(bench), resource_name }] }
  await bench.ask('identity', 'POST', '/registered_limits', body)
  return {
    project_id: bench.people.home.projectId,
    service_id: ids(bench).services,
    resource_name,
    resource_limit: 3,
  }
}

const policyOf = '/policies/:policy_id/OS-ENDPOINT-POLICY'
/** An association is made anew before it is looked at or ended. */
function association(path: string, place: string): Guards {
  const rule = (verb: string) => `${verb}_policy_association_for_${place}`
  const associate = (bench: Bench) => {
    const of = ids(bench)
    const filled = path.replace(/(\w+)\/:\w+/g, (_, segment: string) => `${segment}/${of[segment]}`)
    return ask(bench, 'PUT', `/policies/${of.policies}/OS-ENDPOINT-POLICY${filled}`)
  }
  return {
    [`PUT ${policyOf}${path}`]: of(rule('create')),
    [`GET ${policyOf}${path}`]: of(rule('check'), { before: associate }),
    [`DELETE ${policyOf}${path}`]: of(rule('delete'), { before: associate }),
  }
}

const forEndpoint = (bench: Bench) =>
  ask(bench, 'PUT', `/policies/${ids(bench).policies}/OS-ENDPOINT-POLICY/endpoints/${ids(bench).endpoints}`)

const filter = '/OS-EP-FILTER'
const group = `${filter}/endpoint_groups/:endpoint_group_id`
const inProject = `${group}/projects/:project_id`
const endpointInProject = `${filter}/projects/:project_id/endpoints/:endpoint_id`
const giveGroup = (bench: Bench) =>
  ask(bench, 'PUT', `${filter}/endpoint_groups/${ids(bench).endpoint_groups}/projects/${ids(bench).projects}`)
const giveEndpoint = (bench: Bench) =>
  ask(bench, 'PUT', `${filter}/projects/${ids(bench).projects}/endpoints/${ids(bench).endpoints}`)

const domainConfig = Object.fromEntries(
  ['', '/:group', '/:group/:option'].flatMap((part): [string, Guard][] => [
    [`GET /domains/config${part}/default`, of('get_domain_config_default')],
    [`GET /domains/:domain_id/config${part}`, of('get_domain_config', { before: withConfig })],
    [
      `PATCH /domains/:domain_id/config${part}`,
      of('update_domain_config', {
        // What is named in the path is the body's whole: a group, or one option.
        body: () => (part === '' ? config() : part === '/:group' ? config() : { config: { driver: 'sql' } }),
        before: withConfig,
      }),
    ],
    [`DELETE /domains/:domain_id/config${part}`, of('delete_domain_config', { before: withConfig })],
  ]),
)

export const extensionGuards: Guards = {
  'PUT /domains/:domain_id/config': of('create_domain_config', { body: config }),
  ...domainConfig,

  'GET /limits/model': of('get_limit_model'),
  'GET /limits': of('list_limits', { target: () => ({}) }),
  'POST /limits': of('create_limits', {
    body: (bench) => ({ limits: [ids(bench).limit ? JSON.parse(ids(bench).limit!) : {}] }),
    before: async (bench) => {
      ids(bench).limit = JSON.stringify(await limitOf(bench))
      return undefined
    },
  }),
  'GET /limits/:limit_id': of('get_limit'),
  'PATCH /limits/:limit_id': of('update_limit', { body: () => ({ limit: { resource_limit: 4 } }) }),
  'DELETE /limits/:limit_id': of('delete_limit'),
  'GET /registered_limits': of('list_registered_limits'),
  'POST /registered_limits': of('create_registered_limits', {
    body: (bench) => ({ registered_limits: [registered(bench)] }),
  }),
  'GET /registered_limits/:registered_limit_id': of('get_registered_limit'),
  'PATCH /registered_limits/:registered_limit_id': of('update_registered_limit', {
    body: () => ({ registered_limit: { default_limit: 6 } }),
  }),
  'DELETE /registered_limits/:registered_limit_id': of('delete_registered_limit'),

  ...association('/endpoints/:endpoint_id', 'endpoint'),
  ...association('/services/:service_id', 'service'),
  ...association('/services/:service_id/regions/:region_id', 'region_and_service'),
  [`GET ${policyOf}/policy`]: of('get_policy_for_endpoint'),
  [`GET ${policyOf}/endpoints`]: of('list_endpoints_for_policy', { before: forEndpoint }),
  'GET /endpoints/:endpoint_id/OS-ENDPOINT-POLICY/policy': of('get_policy_for_endpoint', {
    before: forEndpoint,
  }),

  ...five(`OS-EP-FILTER/endpoint_groups`, 'endpoint_group', 'endpoint_groups', endpointGroup),
  [`GET ${group}/endpoints`]: of('list_endpoints_associated_with_endpoint_group'),
  [`GET ${group}/projects`]: of('list_projects_associated_with_endpoint_group', { before: giveGroup }),
  [`GET ${inProject}`]: of('get_endpoint_group_in_project', { before: giveGroup }),
  [`PUT ${inProject}`]: of('add_endpoint_group_to_project'),
  [`DELETE ${inProject}`]: of('remove_endpoint_group_from_project', { before: giveGroup }),
  [`GET ${filter}/projects/:project_id/endpoint_groups`]: of('list_endpoint_groups_for_project', {
    before: giveGroup,
  }),
  [`GET ${filter}/projects/:project_id/endpoints`]: of('list_endpoints_for_project', {
    before: giveEndpoint,
  }),
  [`GET ${endpointInProject}`]: of('check_endpoint_in_project', { before: giveEndpoint }),
  [`PUT ${endpointInProject}`]: of('add_endpoint_to_project'),
  [`DELETE ${endpointInProject}`]: of('remove_endpoint_from_project', { before: giveEndpoint }),
  [`GET ${filter}/endpoints/:endpoint_id/projects`]: of('list_projects_for_endpoint', {
    before: giveEndpoint,
  }),

  ...five('OS-OAUTH1/consumers', 'consumer', 'consumers', consumer),
  'GET /users/:user_id/OS-OAUTH1/access_tokens': of('list_access_tokens'),

  'GET /OS-FEDERATION/projects': of('list_projects_for_user'),
  'GET /OS-FEDERATION/domains': of('list_domains_for_user', { who: 'domain-admin' }),
  'GET /OS-FEDERATION/identity_providers': of('list_identity_providers'),
  'GET /OS-FEDERATION/identity_providers/:id': none('get_identity_provider'),
  'GET /OS-FEDERATION/identity_providers/:id/protocols': none('list_protocols'),
  'GET /OS-FEDERATION/mappings': of('list_mappings'),
  'GET /OS-FEDERATION/mappings/:id': none('get_mapping'),
  'GET /OS-FEDERATION/service_providers': of('list_service_providers'),
  'GET /OS-FEDERATION/service_providers/:id': none('get_service_provider'),
  'GET /OS-SIMPLE-CERT/ca': { rule: 'public', answers: [410] },
  'GET /OS-SIMPLE-CERT/certificates': { rule: 'public', answers: [410] },
}

export const extensionMakers: Record<string, Maker> = {
  endpoint_groups: async (bench) =>
    (
      await bench.ask('identity', 'POST', `${filter}/endpoint_groups`, {
        endpoint_group: endpointGroup(bench),
      })
    ).endpoint_group.id,
  consumers: async (bench) =>
    (await bench.ask('identity', 'POST', '/OS-OAUTH1/consumers', { consumer: consumer(bench) })).consumer.id,
  registered_limits: async (bench) =>
    (await bench.ask('identity', 'POST', '/registered_limits', { registered_limits: [registered(bench)] }))
      .registered_limits[0].id,
  limits: async (bench) =>
    (await bench.ask('identity', 'POST', '/limits', { limits: [await limitOf(bench)] })).limits[0].id,
}

// Which policy document is for which endpoint: given to it alone, to its service in a region, or to its service.
// https://docs.openstack.org/api-ref/identity/v3-ext/#os-endpoint-policy-api
import { c, type RowOf, table } from '#kit/db/table.ts'
import { rule } from '#kit/policy/policy.ts'
import { admin, cloudWide, reader } from './rule.ts'

export const policyAssociation = table(
  'policy_association',
  {
    /** Empty where the policy is for a service; a service's parts are empty where it is for an endpoint. */
    endpointId: c.text(64),
    serviceId: c.text(64),
    /** Empty where it is for the service in all regions. */
    regionId: c.text(255),
    policyId: c.text(64),
  },
  { primaryKey: ['endpointId', 'serviceId', 'regionId'], index: [['policyId']] },
)
export type PolicyAssociation = RowOf<typeof policyAssociation>
export type PolicyPlace = Omit<PolicyAssociation, 'policyId'>

const forPlace = (place: string, words: string) => ({
  create: rule(
    `identity:create_policy_association_for_${place}`,
    admin,
    `Let a policy be for ${words}`,
    cloudWide,
  ),
  check: rule(
    `identity:check_policy_association_for_${place}`,
    reader,
    `See whether a policy is for ${words}`,
    cloudWide,
  ),
  delete: rule(
    `identity:delete_policy_association_for_${place}`,
    admin,
    `End that a policy is for ${words}`,
    cloudWide,
  ),
})
export const policyAssociationRules = {
  endpoint: forPlace('endpoint', 'an endpoint'),
  service: forPlace('service', 'a service'),
  regionAndService: forPlace('region_and_service', 'a service in a region'),
}
export const endpointPolicyRules = {
  get: rule('identity:get_policy_for_endpoint', reader, "Show an endpoint's policy", cloudWide),
  listEndpoints: rule(
    'identity:list_endpoints_for_policy',
    reader,
    'List the endpoints that a policy is for',
    cloudWide,
  ),
}

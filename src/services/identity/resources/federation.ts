// Rules of federation's lists. Federation itself is not served.
// https://docs.openstack.org/api-ref/identity/v3-ext/#os-federation-api
import { rule } from '#kit/policy/policy.ts'
import { cloudWide, reader } from './rule.ts'

const of = (kind: string, words: string) => ({
  list: rule(`identity:list_${kind}s`, reader, `List ${words}s`, cloudWide),
  get: rule(
    `identity:get_${kind}`,
    reader,
    `Show ${/^[aeiou]/.test(words) ? 'an' : 'a'} ${words}`,
    cloudWide,
  ),
})
export const identityProviderRules = of('identity_provider', 'identity provider')
export const protocolRules = of('protocol', 'federation protocol')
export const mappingRules = of('mapping', 'federation mapping')
export const serviceProviderRules = of('service_provider', 'service provider')

/** The same as the lists of /auth: they came first under these names. */
export const federatedScopeRules = {
  projects: rule('identity:list_projects_for_user', '', 'List the projects one may choose'),
  domains: rule('identity:list_domains_for_user', '', 'List the domains one may choose'),
}

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

// Parameters: settings of a virtual host by component and name. Two components there are: limits and operator policies.
import { isObject, type JsonObject, type JsonValue } from '../core/json.ts'
import { invalid, notFound, term } from './refusal.ts'
import type { Registry } from './registry.ts'
import { clearPolicy, policyJson, setPolicy } from './set-policy.ts'
import { clearVhostLimit, setVhostLimits, vhostSettings } from './set-vhost.ts'

export type Parameter = { vhost: string; component: string; name: string; value: JsonValue }

/** The one name that the component of limits has. */
const limitsName = 'limits'

export function parameters(registry: Registry): Parameter[] {
  const found: Parameter[] = []
  for (const [vhost, { limits }] of registry.vhostSettings)
    if (limits.size > 0)
      found.push({ vhost, component: 'vhost-limits', name: limitsName, value: Object.fromEntries(limits) })
  for (const [vhost, { operatorPolicies }] of registry.vhosts)
    for (const policy of operatorPolicies.values())
      found.push({ vhost, component: 'operator_policy', name: policy.name, value: policyJson(policy) })
  return found
}

/** True where it is new. */
export function setParameter(registry: Registry, { vhost, component, name, value }: Parameter): boolean {
  if (!registry.vhosts.has(vhost)) throw notFound('vhost_not_found')
  const object: JsonObject | undefined = isObject(value) ? value : undefined
  if (component === 'operator_policy' || component === 'policy') {
    if (!object) throw invalid([`a policy should be an object, actually was ${term(value)}`])
    return setPolicy(registry, component, vhost, name, object)
  }
  if (component !== 'vhost-limits') throw invalid([`component ${component} not found`])
  if (name !== limitsName)
    throw invalid([`name '${name}' is not recognised; the name of all limits is '${limitsName}'`])
  if (!object) throw invalid([`limits should be an object, actually was ${term(value)}`])
  const isNew = vhostSettings(registry, vhost).limits.size === 0
  setVhostLimits(registry, vhost, object)
  return isNew
}

export function clearParameter(registry: Registry, vhost: string, component: string, name: string): void {
  const known = parameters(registry).some(
    (each) => each.vhost === vhost && each.component === component && each.name === name,
  )
  if (!known) throw notFound()
  if (component === 'operator_policy') clearPolicy(registry, component, vhost, name)
  else clearVhostLimit(registry, vhost)
}

export function setGlobalParameter(registry: Registry, name: string, value: JsonValue): boolean {
  const isNew = !registry.globalParameters.has(name)
  registry.globalParameters.set(name, value)
  registry.changed()
  return isNew
}

export function clearGlobalParameter(registry: Registry, name: string): void {
  if (!registry.globalParameters.delete(name)) throw notFound()
  registry.changed()
}

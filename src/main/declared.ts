// What each service declares, without starting it: its routes, its rules, its versions. For lists, checks and the reference.
import type { Route } from '#kit/http/route.ts'
import type { Microversions } from '#kit/http/version.ts'
import type { PolicyRule } from '#kit/policy/policy.ts'

export type Declared = {
  /** What it is called in prose: 'Identity'. */
  title: string
  routes: readonly Route<never>[]
  /** Where they stand that are not at the root; the first one is the usual. */
  prefix: string
  rules: readonly PolicyRule[]
  microversions?: Microversions
}

const as = (routes: readonly unknown[]) => routes as readonly Route<never>[]

/** By the names of their policy files. Loaded one by one: whoever asks for one needn't wait for the rest. */
export const declaredServices: Readonly<Record<string, () => Promise<Declared>>> = {
  async identity() {
    const { allRoutes } = await import('#services/identity/api/index.ts')
    const { allRules } = await import('#services/identity/resources/index.ts')
    return { title: 'Identity', routes: as(allRoutes), prefix: '/v3', rules: allRules }
  },
  async image() {
    const { allRoutes } = await import('#services/image/api/index.ts')
    const { allRules } = await import('#services/image/resources/rule.ts')
    return { title: 'Image', routes: as(allRoutes), prefix: '/v2', rules: allRules }
  },
  async placement() {
    const { allRoutes } = await import('#services/placement/api/index.ts')
    const { placementRules } = await import('#services/placement/rule.ts')
    const { microversions } = await import('#services/placement/api/version.ts')
    return { title: 'Placement', routes: as(allRoutes), prefix: '', rules: placementRules, microversions }
  },
  async compute() {
    const { computeRoutes } = await import('#services/compute/api/index.ts')
    const { computeRules } = await import('#services/compute/resources/rule.ts')
    const { microversions } = await import('#services/compute/api/version.ts')
    return {
      title: 'Compute',
      routes: as(computeRoutes),
      prefix: '/v2.1',
      rules: computeRules,
      microversions,
    }
  },
  async network() {
    const { allRoutes } = await import('#services/network/api/index.ts')
    const { allRules } = await import('#services/network/resources/rule.ts')
    return { title: 'Network', routes: as(allRoutes), prefix: '/v2.0', rules: allRules }
  },
  async volume() {
    const { routes } = await import('#services/volume/api/index.ts')
    const { allRules } = await import('#services/volume/resources/rule.ts')
    const { microversions } = await import('#services/volume/api/discovery.ts')
    return { title: 'Volume', routes: as(routes), prefix: '/v3', rules: allRules, microversions }
  },
  async journal() {
    const { journalRoutes } = await import('#services/journal/api/journal.ts')
    const { journalRules } = await import('#services/journal/rule.ts')
    return { title: 'Journal', routes: as(journalRoutes), prefix: '/v1', rules: Object.values(journalRules) }
  },
  async hosts() {
    const { hostRoutes } = await import('#services/host/api/host.ts')
    const { joinTokenRoutes } = await import('#services/host/api/join-token.ts')
    const { hostRules } = await import('#services/host/rule.ts')
    const routes = as([...hostRoutes, ...joinTokenRoutes])
    return { title: 'Hosts', routes, prefix: '/v1', rules: Object.values(hostRules) }
  },
  async simulation() {
    const { faultRoutes } = await import('#services/simulation/api/fault.ts')
    const { snapshotRoutes } = await import('#services/simulation/api/snapshot.ts')
    const { simulationRules } = await import('#services/simulation/rule.ts')
    const routes = as([...faultRoutes, ...snapshotRoutes])
    return { title: 'Simulation', routes, prefix: '/v1', rules: Object.values(simulationRules) }
  },
}

/** 'GET /v2.1/servers' of each route that a rule guards by itself; an op may ask for more rules on the object. */
export function operationsOf({ routes, prefix }: Declared, rule: string): string[] {
  const guarded = routes.filter(({ policy }) => typeof policy === 'object' && policy.name === rule)
  return [...new Set(guarded.map((route) => callOf(route, prefix)))]
}

export function callOf(
  route: Pick<Route<never>, 'method' | 'path' | 'root' | 'action'>,
  prefix: string,
): string {
  const path = ((route.root ? '' : prefix) + route.path).replace(/:(\w+)/g, '{$1}') || '/'
  return `${route.method} ${path}${route.action === undefined ? '' : ` (${route.action})`}`
}

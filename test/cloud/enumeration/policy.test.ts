// Every rule of every service, asked for every kind of caller on objects of several owners, with the options of section
// `policy` on and off: the engine and the evaluator of these tests, which reads the rules' words by itself, must agree.
// Cheap enough to be done for all, which requests to running services would not be.
import { afterAll, describe, expect, test } from 'vitest'
import { openPolicy } from '#kit/policy/engine.ts'
import type { Credentials, PolicyRule } from '#kit/policy/policy.ts'
import { declaredServices } from '#main/declared.ts'
import { judge, type Leniency, type Standing, type Target } from './evaluate.ts'

let asked = 0
afterAll(() => {
  process.stdout.write(`policy: ${asked} decisions\n`)
})

const roles: Record<string, readonly string[]> = {
  nothing: ['gardener'],
  reader: ['reader'],
  member: ['reader', 'member'],
  manager: ['reader', 'member', 'manager'],
  admin: ['reader', 'member', 'manager', 'admin'],
  service: ['service'],
  advsvc: ['advsvc'],
}
const places: readonly Omit<Standing, 'roles'>[] = [
  { userId: 'owner', userDomainId: 'home', projectId: 'home-project', projectDomainId: 'home' },
  { userId: 'colleague', userDomainId: 'home', projectId: 'home-project', projectDomainId: 'home' },
  { userId: 'stranger', userDomainId: 'away', projectId: 'away-project', projectDomainId: 'away' },
  { userId: 'of-domain', userDomainId: 'home', domainId: 'home' },
  { userId: 'of-other-domain', userDomainId: 'away', domainId: 'away' },
  { userId: 'of-system', userDomainId: 'home', system: true },
  { userId: 'unscoped', userDomainId: 'home' },
]
const callers: Standing[] = places.flatMap((place) =>
  Object.values(roles).map((held) => ({ ...place, roles: held })),
)

/** Objects of the owner's and of the stranger's, and one of the owner's on the stranger's network. */
function targetsOf(rules: readonly PolicyRule[]): Target[] {
  const words = rules.flatMap(({ check, deprecated }) => [check, deprecated?.check ?? '']).join(' ')
  const names = new Set([...words.matchAll(/%\(([^)]*)\)s/g)].map((found) => found[1]!))
  const owned = (projectId: string, domainId: string, userId: string) =>
    Object.fromEntries(
      [...names].map((name) => {
        if (/domain/.test(name)) return [name, domainId]
        if (/project|tenant|owner|member_id/.test(name)) return [name, projectId]
        if (/user|trust/.test(name)) return [name, userId]
        return [name, name === 'target.role.name' ? 'member' : 'private']
      }),
    )
  const own = owned('home-project', 'home', 'owner')
  const foreign = owned('away-project', 'away', 'stranger')
  const shared = { shared: true, 'router:external': true, visibility: 'public', device_owner: 'network:dhcp' }
  const beside = Object.fromEntries(
    Object.entries(foreign).filter(([name]) => /^(network|security_group):/.test(name)),
  )
  return [{}, own, foreign, { ...own, ...beside, ...shared }]
}

function credentialsOf({ system, ...who }: Standing): Credentials {
  return { ...who, ...(system && { systemScope: 'all' as const }) }
}

const leniencies: readonly Leniency[] = [
  {},
  { anyScope: true },
  { olderDefaults: true },
  { anyScope: true, olderDefaults: true },
]

describe.for(Object.keys(declaredServices))('%s', (service) => {
  test('the engine decides as the words of each rule say, whatever is enforced', async () => {
    const { rules } = await declaredServices[service]!()
    const byName = new Map(rules.map((rule) => [rule.name, rule]))
    const targets = targetsOf(rules)
    const wrong: string[] = []
    for (const leniency of leniencies) {
      const engine = openPolicy({
        rules,
        enforceScope: !leniency.anyScope,
        enforceNewDefaults: !leniency.olderDefaults,
      })
      expect(engine.problems).toEqual([])
      // Many rules have the same words, and reading them takes longer than all the rest.
      const read = new Map<string, boolean>()
      for (const rule of rules)
        for (const [at, target] of targets.entries())
          for (const [from, caller] of callers.entries()) {
            const key = `${rule.check} ${rule.deprecated?.check} ${rule.scopeTypes} ${at} ${from}`
            const wanted = read.get(key) ?? judge(byName, rule.name, caller, target, leniency)
            read.set(key, wanted)
            const credentials = credentialsOf(caller)
            const allowed = engine.allows(rule, credentials, target)
            const told = engine.groundOf(rule, credentials, target) !== undefined
            asked++
            if (allowed !== wanted || told !== wanted)
              wrong.push(
                `${rule.name} for ${caller.userId} (${caller.roles.at(-1)}) on ${at}, ${JSON.stringify(leniency)}: ${allowed}, not ${wanted}`,
              )
          }
    }
    expect(wrong).toEqual([])
  })

  test('nobody loses by what is not enforced', async () => {
    const { rules } = await declaredServices[service]!()
    const targets = targetsOf(rules)
    const strict = openPolicy({ rules })
    const lenient = openPolicy({ rules, enforceScope: false, enforceNewDefaults: false })
    const lost = rules.flatMap((rule) =>
      targets.flatMap((target) =>
        callers
          .map(credentialsOf)
          .flatMap((who) =>
            strict.allows(rule, who, target) && !lenient.allows(rule, who, target) ? [rule.name] : [],
          ),
      ),
    )
    expect([...new Set(lost)]).toEqual([])
  })
})

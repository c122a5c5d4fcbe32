// Conformance by enumeration: every call of identity's, image's and placement's API reference, asked rightly by one who may:
// it answers with one of its codes and in its shape, and what isn't there, or isn't JSON, hears its own code too.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Bench, makeSamples, openBench, type Subject } from './bench.ts'
import { type Call, misfit } from './conformance.ts'
import { identityCalls } from './conformance-identity.ts'
import { identityExtensionCalls } from './conformance-identity-extension.ts'
import { imageCalls } from './conformance-image.ts'
import { placementCalls } from './conformance-placement.ts'
import { gaps, notServed } from './gap.ts'
import { loginBodies } from './login.ts'
import { bodyOf, fresh, request, someAllowed } from './request.ts'
import { type Answered, type AnyRoute, type Ids, keyOf } from './route.ts'
import { subjects } from './subject.ts'

let bench: Bench
const counts = { 'calls that conform': 0, 'calls not served': 0, 'calls missing': 0, 'unknown ids': 0 }
beforeAll(async () => {
  bench = await openBench()
  for (const subject of subjects) await makeSamples(bench, subject)
  await bench.cloud.settle()
}, 600_000)
afterAll(async () => {
  process.stdout.write(`conformance: ${JSON.stringify(counts)}\n`)
  await bench?.cloud.settle()
  await bench?.cloud.stop()
})

const lists: [type: string, calls: readonly Call[]][] = [
  ['identity', [...identityCalls, ...identityExtensionCalls]],
  ['image', imageCalls],
  ['placement', placementCalls],
]
/** What a path of the reference says where the route has parameters: '/schemas/image' of '/schemas/:name'. */
function literals({ type }: Subject, route: AnyRoute, wanted: string): Ids | undefined {
  const prefix = route.root ? '' : bench.cloud.services.get(type)!.prefixes[0]!
  const steps = `${prefix}${route.path}`.split('/')
  const given = wanted.split('/')
  if (wanted === '/' ? route.path !== '/' || !route.root : steps.length !== given.length) return undefined
  const found: Record<string, string> = {}
  for (const [index, step] of steps.entries()) {
    const said = given[index] ?? ''
    if (!step.startsWith(':')) {
      if (step !== said) return undefined
    } else if (said !== ':') found[steps[index - 1]!] = said
  }
  return found
}

describe.for(lists)('%s', { timeout: 600_000 }, ([type, calls]) => {
  const subject = subjects.find((each) => each.type === type)!
  const routesOf = ([method, path]: Call) => {
    const [wanted] = path.split(' ')
    const named = (method: string) =>
      bench.cloud.services
        .get(type)!
        .routes.filter((route) => route.method === method && literals(subject, route, wanted!) !== undefined)
    // A HEAD is answered by the route of its GET where it has none of its own.
    const own = named(method)
    return own.length > 0 || method !== 'HEAD'
      ? own
      : named('GET').map((route) => ({ ...route, method }) as AnyRoute)
  }
  const nameOf = ([method, path]: Call) => `${method} ${path}`

  test('each call answers as the reference says, but for the gaps that are known', async () => {
    const wrong: string[] = []
    const missing: string[] = []
    for (const call of calls) {
      const name = nameOf(call)
      if (notServed[name]) {
        counts['calls not served']++
        continue
      }
      const found: string[] = []
      for (const route of routesOf(call)) {
        const reason = await tryCall(subject, route, call)
        if (reason === undefined) {
          found.length = 0
          found.push('')
          break
        }
        found.push(reason)
      }
      if (found[0] === '') counts['calls that conform']++
      else {
        counts['calls missing']++
        missing.push(name)
        process.stdout.write(`does not conform: ${name}: ${found.join(' or ').slice(0, 150)}\n`)
        wrong.push(`${name}: ${found.join(' or ') || 'no such route'}`)
      }
    }
    expect(wrong.filter((_, index) => !gaps.includes(missing[index]!))).toEqual([])
    // One that is closed is to be taken off the list.
    expect(
      gaps.filter((gap) => calls.some((call) => nameOf(call) === gap) && !missing.includes(gap)),
    ).toEqual([])
  })

  test('an id that nothing has is answered as such', async () => {
    const wrong: string[] = []
    for (const call of calls) {
      const [method, path] = call
      if (notServed[nameOf(call)] || !/\/:($| )/.test(path) || !['GET', 'PATCH', 'DELETE'].includes(method))
        continue
      for (const route of routesOf(call)) {
        const last = /([^/:]*)\/:(\w+)$/.exec(route.path)
        if (!last) continue
        const id = 'ffffffff-ffff-4fff-8fff-ffffffffffff'
        if (!subject.guards[keyOf(route)]) continue
        const who = someAllowed(bench, subject, route)
        const { status, text } = await request(bench, subject, route, {
          who,
          more: { [last[1] || last[2]!]: id },
        })
        counts['unknown ids']++
        // A consumer without allocations is one that nobody knows.
        if (route.path === '/allocations/:consumer') continue
        if (![400, 403, 404, 405].includes(status))
          wrong.push(`${nameOf(call)}: ${status} ${text.slice(0, 200)}`)
      }
    }
    expect(wrong).toEqual([])
  })
})

/** Why the answer doesn't conform; undefined where it does. */
async function tryCall(subject: Subject, route: AnyRoute, call: Call): Promise<string | undefined> {
  const [, path, codes, shape] = call
  const guard = subject.guards[keyOf(route)] ?? subject.guards[keyOf({ ...route, method: 'GET' })]
  if (!guard) return 'not in the table'
  const named = { ...route, method: subject.guards[keyOf(route)] ? route.method : 'GET' } as AnyRoute
  const more = { ...(await fresh(bench, subject, named)), ...literals(subject, route, path.split(' ')[0]!) }
  const who = someAllowed(bench, subject, named)
  const variant = path.split(' ')[1]
  const body = variant ? await loginBodies[variant]!(bench) : bodyOf(bench, guard, route)
  const payload =
    body === undefined || Buffer.isBuffer(body) ? (body as Buffer | undefined) : JSON.stringify(body)
  const asking = { who, more, ...(payload !== undefined && { payload }) }
  const answered: Answered = await request(
    bench,
    { ...subject, guards: { ...subject.guards, [keyOf(route)]: guard } },
    route,
    asking,
  )
  const { status, text } = answered
  if (!codes.split('|').includes(String(status))) return `${status}, not ${codes}: ${text.slice(0, 160)}`
  const wrong = status === 204 ? undefined : misfit(shape, answered.body)
  return wrong && `${wrong}: ${text.slice(0, 240)}`
}

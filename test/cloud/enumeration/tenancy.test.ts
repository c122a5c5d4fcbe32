// Tenancy by enumeration: every route of every service, asked by everybody who may come. What each must hear follows from
// the words of the rule that guards the route, read by an evaluator that the services don't share. A route without a
// line in its service's table fails.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { auditGaps, type Write } from './audited.ts'
import { type Bench, type Guard, makeSamples, openBench, type Subject } from './bench.ts'
import type { Caller } from './caller.ts'
import { judge } from './evaluate.ts'
import { fresh, isAllowed, request, rulesOf } from './request.ts'
import { type Answered, type AnyRoute, keyOf, uncovered } from './route.ts'
import { differences, digest } from './row.ts'
import { subjects } from './subject.ts'

let bench: Bench
let counts: Record<string, number>
beforeAll(async () => {
  bench = await openBench()
  counts = {}
  for (const subject of subjects) await makeSamples(bench, subject)
  await bench.cloud.settle()
}, 600_000)
afterAll(async () => {
  process.stdout.write(
    `tenancy: ${Object.entries(counts)
      .map(([what, n]) => `${n} ${what}`)
      .join(', ')}\n`,
  )
  await bench?.cloud.settle()
  await bench?.cloud.stop()
})

const count = (what: string) => {
  counts[what] = (counts[what] ?? 0) + 1
}

test('every service has a table', () => {
  expect([...bench.cloud.services.keys()].sort()).toEqual(subjects.map(({ type }) => type).sort())
})

describe.for(subjects)('$type', { timeout: 600_000 }, (subject) => {
  const { type, guards } = subject
  const service = () => bench.cloud.services.get(type)!
  const routes = () => service().routes.map((route) => ({ key: keyOf(route), route }))
  const writes: Write[] = []
  const noteWrite = (write: Write) => {
    if (!['GET', 'HEAD'].includes(write.route.method)) writes.push(write)
  }
  const guarded = () =>
    routes().flatMap(({ key, route }) => {
      const guard = guards[key]
      return guard && guard.rule !== 'public' ? [{ key, route, guard }] : []
    })

  test('each route is in the table, and each line of the table has a route', () => {
    expect(uncovered(service().routes, guards)).toEqual([])
  })

  // Some rules of OpenStack's own releases let readers write, as did Zed's of subnets; a table of roles must not.
  test('a reader changes nothing but what is its own', () => {
    const reader = bench.people.callers.find(({ name }) => name === 'reader')!
    const writing = guarded().filter(({ route }) => !['GET', 'HEAD'].includes(route.method))
    const open = writing.filter(({ guard }) => isAllowed(bench, subject, guard, reader)).map(({ key }) => key)
    expect([...new Set(open)]).toEqual(subject.openToReaders ?? [])
  })

  test('no token, or one that is worth nothing, is 401 and changes nothing', async () => {
    const wrong: string[] = []
    const before = await digest(bench, type)
    for (const { key, route } of guarded())
      for (const { name, token } of bench.people.strangers) {
        const { status, text } = await request(bench, subject, route, { who: bench.people.owner, token })
        count('requests without a good token')
        if (status !== 401) wrong.push(`${key} by ${name}: ${status} ${text.slice(0, 200)}`)
      }
    expect(wrong).toEqual([])
    expect(differences(before, await digest(bench, type))).toEqual([])
  })

  test('who may not is refused, learns nothing and changes nothing', async () => {
    const wrong: string[] = []
    const before = await digest(bench, type)
    for (const { key, route, guard } of guarded())
      for (const caller of bench.people.callers) {
        if (isAllowed(bench, subject, guard, caller)) continue
        const answered = await request(bench, subject, route, { who: caller })
        count('requests refused')
        noteWrite({ route, caller, answered })
        const wanted = refusal(subject, route, guard, caller)
        const leak = secretIn(answered)
        if (answered.status !== wanted || leak)
          wrong.push(
            `${key} by ${caller.name}: ${answered.status}, not ${wanted} ${leak ?? ''} ${answered.text.slice(0, 200)}`,
          )
      }
    expect(wrong).toEqual([])
    expect(differences(before, await digest(bench, type))).toEqual([])
  })

  test('who may is let in, and sees nothing of others', async () => {
    const wrong: string[] = []
    for (const { key, route, guard } of guarded()) {
      let done = 0
      for (const caller of bench.people.callers) {
        if (!isAllowed(bench, subject, guard, caller)) continue
        const more = await fresh(bench, subject, route)
        const answered = await request(bench, subject, route, { who: caller, more })
        count('requests allowed')
        noteWrite({ route, caller, answered })
        const { status } = answered
        if (status < 400) done++
        const fine = status < 400 || status === 409 || guard.answers?.includes(status)
        const leak = guard.target && caller.foreign ? secretIn(answered) : undefined
        if (!fine || leak)
          wrong.push(`${key} by ${caller.name}: ${status} ${leak ?? ''} ${answered.text.slice(0, 300)}`)
      }
      if (done === 0 && !guard.answers) wrong.push(`${key}: nobody succeeded`)
    }
    expect(wrong).toEqual([])
    await bench.cloud.settle()
  })

  test('the audit has each change, and each that was tried', async () => {
    await bench.cloud.platform.journal.flush()
    counts['writes in the audit'] = (counts['writes in the audit'] ?? 0) + writes.length
    expect(auditGaps(type, writes, bench.cloud.events())).toEqual([])
  })
})

test('a token that has expired is 401 everywhere', async () => {
  const { cloud, people } = bench
  await cloud.world.advance(15 * 60_000)
  const wrong: string[] = []
  for (const subject of subjects)
    for (const route of cloud.services.get(subject.type)!.routes) {
      const guard = subject.guards[keyOf(route)]
      if (!guard || guard.rule === 'public') continue
      const { status } = await request(bench, subject, route, { who: people.admin })
      count('requests with an expired token')
      if (status !== 401) wrong.push(`${keyOf(route)}: ${status}`)
    }
  expect(wrong).toEqual([])
}, 600_000)

/** An id of the owner's that the request didn't name itself. */
function secretIn({ text, asked }: Answered): string | undefined {
  for (const id of bench.secrets) if (text.includes(id) && !asked.includes(id)) return `tells ${id}`
  return undefined
}

function refusal(subject: Subject, { policy }: AnyRoute, guard: Guard, caller: Caller): number {
  const { sees, refused } = guard
  const special = refused?.(caller, bench)
  if (special) return special
  // A route that names its rule asks it first about the caller's own project: whether the object is there doesn't matter.
  const { projectId, userId, domainId } = caller
  const own = { project_id: projectId, tenant_id: projectId, user_id: userId, domain_id: domainId }
  if (typeof policy === 'object' && !judge(rulesOf(bench, subject), policy.name, caller, own)) return 403
  if (!sees) return 403
  if (typeof sees === 'function') return sees(caller, bench) ? 403 : 404
  return judge(rulesOf(bench, subject), sees, caller, subject.target(bench)) ? 403 : 404
}

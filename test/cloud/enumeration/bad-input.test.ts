// Bad input by enumeration: every route that takes a body, asked with bodies that are wrong in one place each, by one who
// may. The answer is 400 and names the place, and nothing has changed. Never is it 500, whatever comes.
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Body } from '#kit/http/body.ts'
import { version } from '#kit/http/version.ts'
import { type Bench, makeSamples, openBench, type Subject } from './bench.ts'
import { changed, mutations, pathsOf, type Schema } from './mutation.ts'
import { bodyOf, fresh, request, someAllowed } from './request.ts'
import { type Answered, type AnyRoute, keyOf } from './route.ts'
import { differences, digest } from './row.ts'
import { subjects } from './subject.ts'

let bench: Bench
const counts: Record<string, number> = {}
const count = (what: string) => {
  counts[what] = (counts[what] ?? 0) + 1
}
beforeAll(async () => {
  bench = await openBench()
  for (const subject of subjects) await makeSamples(bench, subject)
  await bench.cloud.settle()
}, 600_000)
afterAll(async () => {
  process.stdout.write(`bad input: ${JSON.stringify(counts)}\n`)
  await bench?.cloud.settle()
  await bench?.cloud.stop()
})

/** Wrong whatever the route: what comes over the wire is no JSON object, or says that it is something else. */
const unreadable: [what: string, payload: string | Buffer, headers?: Record<string, string>][] = [
  ['cut off', '{"a": [1'],
  ['no JSON', 'a=b&c=d'],
  ['bytes that are no UTF-8', Buffer.from([0x22, 0xc3, 0x28, 0x22])],
  ['null', 'null'],
  ['a text', '"text"'],
  ['a number', '7'],
  ['ten thousand brackets', '['.repeat(10_000) + ']'.repeat(10_000)],
  ['another media type', '{}', { 'content-type': 'text/plain' }],
]
const refusals = [400, 415]

const takesJson = ({ body }: AnyRoute) => body !== undefined && body !== 'stream'
const show = (route: AnyRoute, what: string, { status, text }: Answered) =>
  `${keyOf(route)} ${route.until ?? ''} ${what}: ${status} ${text.slice(0, 250)}`

/** Routes of a service with a right body each, all that these name made, and one who may ask. */
async function prepared(bench: Bench, subject: Subject) {
  const all = []
  for (const route of bench.cloud.services.get(subject.type)!.routes) {
    const guard = subject.guards[keyOf(route)]
    if (!guard?.body || !takesJson(route)) continue
    const asking = { more: await fresh(bench, subject, route), who: someAllowed(bench, subject, route) }
    const ask = (payload: string | Buffer, headers?: Record<string, string>) =>
      request(bench, subject, route, { ...asking, payload, headers })
    all.push({ route, right: bodyOf(bench, guard, route), ask })
  }
  await bench.cloud.settle()
  return all
}

/** Beyond all versions that there are, where the route itself doesn't end. */
const newest = ({ until }: AnyRoute) => version(until ?? '9.999')

describe.for(subjects)('$type', { timeout: 600_000 }, (subject) => {
  const { type, guards } = subject

  test('each route that takes a body has a right one in the table', () => {
    const lacking = bench.cloud.services
      .get(type)!
      .routes.filter((route) => takesJson(route) && route.policy !== 'public')
      .filter((route) => guards[keyOf(route)]?.body === undefined)
    expect(lacking.map(keyOf)).toEqual([])
  })

  test('what cannot be read is refused and changes nothing', async () => {
    const wrong: string[] = []
    const all = await prepared(bench, subject)
    const before = await digest(bench, type)
    for (const { ask, route } of all)
      for (const [what, payload, headers] of unreadable) {
        const answered = await ask(payload, headers)
        count('unreadable')
        if (!refusals.includes(answered.status)) wrong.push(show(route, what, answered))
      }
    expect(wrong).toEqual([])
    expect(differences(before, await digest(bench, type))).toEqual([])
  })

  test('a body that breaks its schema is refused with the place of the mistake, and changes nothing', async () => {
    const wrong: string[] = []
    const all = await prepared(bench, subject)
    const before = await digest(bench, type)
    for (const { ask, route, right } of all) {
      if (route.body === undefined || route.body === 'stream') continue
      const body = route.body as Body<unknown>
      for (const { what, path, body: bad } of mutations(body.schemaAt(newest(route)) as Schema, right)) {
        const answered = await ask(JSON.stringify(bad))
        count('broken schemas')
        const { status, text } = answered
        // An action is known by its name alone: without it there is no place to tell.
        const name = path.slice(route.action ? 1 : 0).findLast((step) => !/^\d+$/.test(step))
        if (status !== 400 || (name !== undefined && !text.includes(name)))
          wrong.push(show(route, what, answered))
      }
    }
    expect(wrong).toEqual([])
    expect(differences(before, await digest(bench, type))).toEqual([])
  })
})

test('no random change of a right body, and no strange number or text in it, is an error of ours', async () => {
  const wrong: string[] = []
  const all = []
  for (const subject of subjects) all.push(...(await prepared(bench, subject)))
  for (const [index, { ask, route, right }] of all.entries())
    for (const payload of fc.sample(randomly(right), { numRuns: 12, seed: index + 1 })) {
      const answered = await ask(payload)
      count('random bodies')
      if (answered.status >= 500 && answered.status !== 501)
        wrong.push(show(route, payload.slice(0, 300), answered))
    }
  expect(wrong).toEqual([])
}, 600_000)

const strangeTexts = [
  '',
  ' ',
  '\u0000',
  'a\u0000b',
  '\ud800',
  '\u202e\u0301\ufffe',
  '😀'.repeat(300),
  'x'.repeat(70_000),
  "'; drop table x; --",
  '%s%n{0}',
  '../../etc/passwd',
  'None',
  '-1',
  '1e400',
]
/** As written, since most of them are no numbers of JavaScript's. */
const strangeNumbers = [
  '1e400',
  '-1e400',
  '-0',
  '123456789012345678901234567890',
  '9007199254740993',
  '1e-400',
  '0.1',
]
const marker = '"@number@"'

/** JSON text of the right body with something else in one or two places. */
function randomly(right: unknown): fc.Arbitrary<string> {
  const paths = pathsOf(right)
  const value = fc.oneof(
    fc.constantFrom(...strangeTexts),
    fc.jsonValue({ maxDepth: 3 }),
    fc.constant('@number@'),
    fc.array(fc.integer(), { minLength: 200, maxLength: 300 }),
  )
  const place = fc.tuple(fc.constantFrom(...paths), value)
  return fc
    .tuple(fc.array(place, { minLength: 1, maxLength: 2 }), fc.constantFrom(...strangeNumbers))
    .map(([places, number]) => {
      const body = places.reduce<unknown>((at, [path, value]) => changed(at, path, () => value), right)
      return (JSON.stringify(body) ?? 'null').replaceAll(marker, number)
    })
}

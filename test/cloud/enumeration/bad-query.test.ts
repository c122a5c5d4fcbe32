// Bad queries by enumeration: every route that is read, and answers well without, asked with arguments that mean nothing:
// whatever comes, it is no error of ours.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Bench, makeSamples, openBench } from './bench.ts'
import { fresh, request, someAllowed } from './request.ts'
import { keyOf } from './route.ts'
import { subjects } from './subject.ts'

let bench: Bench
const counts: Record<string, number> = {}
beforeAll(async () => {
  bench = await openBench()
  for (const subject of subjects) await makeSamples(bench, subject)
  await bench.cloud.settle()
}, 600_000)
afterAll(async () => {
  process.stdout.write(`bad queries: ${JSON.stringify(counts)}\n`)
  await bench?.cloud.settle()
  await bench?.cloud.stop()
})

const nobody = 'ffffffff-ffff-4fff-8fff-ffffffffffff'
const queries = [
  ...['-1', '0', 'x', '', '1.5', '1e400', '99999999999999999999', '1%00', 'NaN'].flatMap((value) => [
    `limit=${value}`,
    `offset=${value}`,
  ]),
  ...['x', '', nobody, '%00', '%ff', '%f', `${'x'.repeat(300)}`].flatMap((value) => [
    `marker=${value}`,
    `marker=${value}&page_reverse=True&limit=1`,
  ]),
  ...['no_such_key', 'constructor', '', '%00', 'name,,id', "id';--"].flatMap((key) => [
    `sort_key=${key}&sort_dir=asc`,
    `sort=${key}:sideways`,
    `sort=${key}`,
    `fields=${key}`,
  ]),
  'sort_key=id&sort_dir=sideways',
  'sort_key=id&sort_key=id&sort_dir=asc',
  'sort_key=name&sort_dir=desc&limit=1&marker=',
  'sort=id:asc,id:desc',
  'page_reverse=maybe',
  'limit=1&limit=x',
  'id=%00',
  'name=%ff%fe',
  'name=in:',
  'name=in:%22',
  'name__contains=%25',
  'name__no_such=x',
  'name~=%5B',
  'status=in:a,b&visibility=nobody',
  'protected=maybe&os_hidden=maybe&enabled=maybe&is_domain=maybe',
  'size_min=x',
  'size_max=-1',
  'created_at=gte:never',
  'created_at=',
  'updated_at=no:2020-01-01',
  'changes-since=yesterday',
  'changes-before=0000-00-00',
  'created_at=gt:9999999999-01-01T00:00:00Z',
  'tags=&tags-any=,&not-tags=%00',
  'all_tenants=maybe&deleted=maybe',
  'ip=%5B&ip6=%28',
  'metadata=%7B',
  'fixed_ips=ip_address&fixed_ips=x=y',
  'resources=VCPU:x&required=&member_of=in:',
  'resources=VCPU:-1',
  'resources1=NO_SUCH:1&group_policy=maybe',
  'scope.project.id=%00&effective=maybe&include_names=x',
  '%00=%00',
  'constructor=x',
  'toString=x&sort_key=toString',
  '__proto__=x&sort_key=__proto__',
  '&&==&=x',
]

describe.for(subjects)('$type', { timeout: 600_000 }, (subject) => {
  const { type, guards } = subject
  test('no argument of a query is an error of ours', async () => {
    const wrong: string[] = []
    for (const route of bench.cloud.services.get(type)!.routes) {
      const guard = guards[keyOf(route)]
      if (route.method !== 'GET' || !guard) continue
      const who = someAllowed(bench, subject, route)
      const more = await fresh(bench, subject, route)
      const own = guard.query?.(who, bench)
      const plain = await request(bench, subject, route, { who, more, query: own })
      if (plain.status >= 400 && !guard.answers?.includes(plain.status))
        wrong.push(`${keyOf(route)} ${route.until ?? ''}: ${plain.status} ${plain.text.slice(0, 250)}`)
      for (const bad of queries) {
        const query = own ? `${own}&${bad}` : bad
        const { status, text } = await request(bench, subject, route, { who, more, query })
        counts[`answered ${status}`] = (counts[`answered ${status}`] ?? 0) + 1
        if (status >= 500 && status !== 501)
          wrong.push(`${keyOf(route)} ${route.until ?? ''} ${bad}: ${status} ${text.slice(0, 250)}`)
      }
    }
    expect(wrong).toEqual([])
  })
})

// Each call of placement's API answers as clients of each version know it: tables of requests (test-step-*.ts), in the order in
// which they are sent, with the status, the shape of the body and the headers of the answer.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { allRoutes } from './api/index.ts'
import { at, testPlacement } from './test-placement.ts'
import { claimSteps } from './test-step-claim.ts'
import { providerSteps } from './test-step-provider.ts'
import { vocabularySteps } from './test-step-vocabulary.ts'

/** One story: what a table has made, those after it go on with. */
const steps = [...vocabularySteps, ...providerSteps, ...claimSteps]

/** Asked elsewhere: candidates have a file of their own. */
const elsewhere = [
  'POST /reshaper',
  'GET /allocation_candidates',
  'GET /resource_providers/:uuid/traits',
  'GET /resource_providers/:uuid/inventories',
]

describe('placement answers', () => {
  let rig: Awaited<ReturnType<typeof testPlacement>>
  beforeAll(async () => {
    rig = await testPlacement()
  })
  afterAll(() => rig.service.stop())

  test.each(steps)('%s (%s %s)', async (_, version, line, body, wanted) => {
    const [method, url] = line.split(' ') as [string, string]
    const answer = await rig.as('admin')(method, url, body, at(version))
    expect(answer.status, JSON.stringify(answer.body)).toBe(wanted.status)
    if (wanted.body !== undefined) expect(answer.body).toEqual(wanted.body)
    if (wanted.headers) expect(answer.headers).toMatchObject(wanted.headers)
    for (const name of wanted.without ?? []) expect(answer.headers).not.toHaveProperty(name)
  })

  test('every route is asked', () => {
    const asked = new Set(steps.map(([, , line]) => line.split('?')[0]!))
    const matches = ({ method, path }: { method: string; path: string }) => {
      const form = new RegExp(`^${method} ${path.replace(/:\w+/g, '[^/]+')}$`)
      return [...asked].some((line) => form.test(line)) || elsewhere.includes(`${method} ${path}`)
    }
    expect(
      allRoutes.filter((route) => !matches(route)).map(({ method, path }) => `${method} ${path}`),
    ).toEqual([])
  })

  test.each([
    ['text/plain', 'text/plain', 406, 'Only application/json is provided'],
    ['text/html', 'text/html', 406, '<h1>406 Not Acceptable</h1>'],
    ['text/html,*/*;q=0.1', 'application/json', 200, ''],
  ])('Accept: %s', async (accept, type, status, words) => {
    const { headers, ...answer } = await rig.call('GET', '/resource_providers', undefined, { accept })
    expect(answer.status).toBe(status)
    expect(headers['content-type']).toContain(type)
    if (words) expect(answer.body).toContain(words)
  })

  test.each([
    ['text/plain', 'text', 415, 'The media type text/plain is not supported, use application/json'],
    ['application/json', '{', 400, 'Malformed JSON'],
    ['application/json', '', 400, 'Malformed JSON'],
  ])('a body of %s: %j', async (type, body, status, words) => {
    const answer = await rig.call('POST', '/resource_providers', body, { 'content-type': type })
    expect(answer.status).toBe(status)
    expect(answer.body.errors[0].detail).toContain(words)
  })

  test('the reshaper is for other services, and what it may not do it names', async () => {
    const body = { inventories: {}, allocations: {} }
    expect((await rig.as('member')('POST', '/reshaper', body)).status).toBe(403)
    expect((await rig.as('service')('POST', '/reshaper', body)).status).toBe(400)
  })
})

// Every route of compute, so that none can be forgotten: who may call it, and what it makes of senseless requests.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Route } from '#kit/http/route.ts'
import type { Compute } from '../app.ts'
import { type TestCompute, testCompute } from '../test-compute.ts'
import { computeRoutes } from './index.ts'

let cloud: TestCompute
beforeAll(async () => {
  cloud = await testCompute()
})
afterAll(() => cloud.stop())

type AnyRoute = Route<Compute>
const routes: readonly AnyRoute[] = computeRoutes
const nowhere = '6f2d3a52-6c0e-4f5b-9d0d-1f9f0a3c9a11'
const pathOf = (route: AnyRoute, id = nowhere) =>
  (route.root ? '' : '/v2.1') + route.path.replace(/:\w+/g, encodeURIComponent(id))
const bodyOf = (route: AnyRoute) => (route.action ? { [route.action]: {} } : route.body ? {} : undefined)
const label = (route: AnyRoute) =>
  `${route.method} ${route.path} ${route.action ?? ''} ${route.since ?? ''}`.trim()
const checkOf = (route: AnyRoute) => (typeof route.policy === 'object' ? route.policy.check : '')
const send = (route: AnyRoute, who: string | undefined, body: unknown = bodyOf(route), id?: string) =>
  cloud.as(who, route.since ?? '2.1')(route.method, pathOf(route, id), body)

const table = (list: readonly AnyRoute[]) => list.map((route) => [label(route), route] as const)
const closed = routes.filter((route) => route.policy !== 'public')

it('is open to everybody in its version documents alone', () => {
  const open = routes.filter((route) => route.policy === 'public').map((route) => route.path)
  expect(open.sort()).toEqual(['/', '/v2', '/v2.1'])
})

it.each(table(closed))('%s wants a token', async (_, route) => {
  expect((await send(route, undefined)).status).toBe(401)
})

describe('what is for administrators', () => {
  it.each(table(closed.filter((route) => checkOf(route) === 'rule:context_is_admin')))(
    '%s',
    async (_, route) => {
      for (const who of ['member', 'reader', 'stranger', 'nobody']) {
        const answer = await send(route, who)
        expect([who, answer.status]).toEqual([who, 403])
      }
    },
  )
})

describe('what is for members', () => {
  it.each(table(closed.filter((route) => checkOf(route) === 'rule:project_member_or_admin')))(
    '%s',
    async (_, route) => {
      for (const who of ['reader', 'nobody'])
        expect([who, (await send(route, who)).status]).toEqual([who, 403])
    },
  )
})

const wrongBodies = [
  '{',
  '[]',
  'null',
  '"text"',
  '{}',
  '{"server":null}',
  '{"server":{"name":7}}',
  '{"aggregate":{"name":"","availability_zone":"a:b"}}',
  '{"quota_set":{"cores":1e99}}',
  '{"quota_set":{"cores":"99999999999999999999"}}',
  '{"quota_class_set":{"ram":-2}}',
  '{"server_group":{"name":"g","policies":[]}}',
  '{"server_group":{"name":"g","policy":"anti-affinity","rules":{"max_server_per_host":"1e3"}}}',
  '{"keypair":{"name":"k","public_key":"\\u0000"}}',
  '{"flavor":{"name":"f","ram":1e99,"vcpus":0,"disk":-1}}',
  '{"extra_specs":{"":""}}',
  '{"metadata":{"a":7}}',
  '{"tags":["","a,b"]}',
  '{"events":[{}]}',
  '{"host":"","binary":"nova-compute"}',
  '{"status":"perhaps"}',
]
const wrongIds = ['0', '99999999999999999999', 'a'.repeat(300), '../x', "'; --", '😀']

it.each(table(closed.filter((route) => route.body !== undefined)))(
  '%s never fails over a body',
  async (_, route) => {
    const bodies = route.action
      ? ['null', '7', '[]', '"x"', '{"x":1}'].map((value) => `{"${route.action}":${value}}`)
      : wrongBodies
    for (const body of bodies) {
      const answer = await send(route, 'admin', body)
      expect([body, answer.status < 500]).toEqual([body, true])
    }
  },
)

it.each(table(closed.filter((route) => route.path.includes(':'))))(
  '%s never fails over an id',
  async (_, route) => {
    for (const id of wrongIds) {
      const answer = await send(route, 'admin', bodyOf(route), id)
      expect([id, answer.status < 500]).toEqual([id, true])
    }
  },
)

const wrongQueries = [
  'limit=x',
  'limit=-1',
  'limit=99999999999999999999',
  'offset=99999999999999999999',
  'marker=zz',
  'sort_key=zz&sort_dir=up',
  'changes-since=yesterday',
  'start=yesterday',
  'all_tenants=perhaps',
  'ip=%5B',
  'name=%5B%28',
  'status=zz',
  'tenant_id=',
  'is_public=perhaps',
]
it.each(table(closed.filter((route) => route.method === 'GET')))(
  '%s never fails over its query',
  async (_, route) => {
    for (const query of wrongQueries) {
      const path = `${pathOf(route)}?${query}`
      const answer = await cloud.as('admin', route.since ?? '2.1')('GET', path)
      expect([query, answer.status < 500]).toEqual([query, true])
    }
  },
)

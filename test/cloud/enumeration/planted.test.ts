// The enumerations themselves: what is planted into what they look at has to be found, or they would find nothing.
import { Type } from 'typebox'
import { describe, expect, test } from 'vitest'
import { openPolicy } from '#kit/policy/engine.ts'
import { rule } from '#kit/policy/policy.ts'
import { auditGaps, type Write } from './audited.ts'
import type { Caller } from './caller.ts'
import { judge } from './evaluate.ts'
import { mutations, type Schema } from './mutation.ts'
import type { AnyRoute } from './route.ts'
import { keyOf, uncovered } from './route.ts'
import { subjects } from './subject.ts'

const planted = (method: AnyRoute['method'], path: string, policy: AnyRoute['policy']): AnyRoute => ({
  method,
  path,
  policy,
  handle: async () => undefined,
})

describe.for(subjects)('the table of $type', ({ guards }) => {
  const routes = Object.entries(guards).map(([key, guard]) => {
    const [method, path, action] = key.split(' ')
    return { ...planted(method as 'GET', path!, guard.rule === 'public' ? 'public' : 'token'), action }
  })

  test('lacks a line for a route that was planted, and has one too many where a route is gone', () => {
    expect(uncovered(routes, guards)).toEqual([])
    const more = planted('POST', '/planted/:id/action', 'token')
    expect(uncovered([...routes, more], guards)).toEqual(['POST /planted/:id/action has no line'])
    const gone = routes.at(-1)!
    expect(
      uncovered(
        routes.filter((each) => each !== gone),
        guards,
      ),
    ).toContain(`${keyOf(gone)} has no route`)
  })

  test('finds a route that was opened to everybody', () => {
    const closed = routes.find(({ policy }) => policy !== 'public')
    if (!closed) return
    const opened = routes.map((each) => (each === closed ? { ...each, policy: 'public' as const } : each))
    expect(uncovered(opened, guards)).toEqual([`${keyOf(closed)} needs no token`])
  })
})

test('a rule whose words the engine took for others would be told', () => {
  const owner = rule('planted', 'role:member and project_id:%(project_id)s', '')
  const wider = rule('planted', 'role:member or project_id:%(project_id)s', '')
  const who = { userId: 'u', userDomainId: 'd', projectId: 'p', roles: ['reader'] }
  const target = { project_id: 'p' }
  expect(judge(new Map([['planted', owner]]), 'planted', who, target)).toBe(false)
  expect(openPolicy({ rules: [wider] }).allows(wider, who, target)).toBe(true)
})

test('a change that the audit lacks, doubles or misstates is told', () => {
  const caller = { name: 'ann', userId: 'u1', projectId: 'p1' } as Caller
  const answered = {
    status: 204,
    headers: { 'x-openstack-request-id': 'req-1' },
    text: '',
    body: undefined,
    asked: '',
  }
  const write: Write = { route: planted('DELETE', '/things/:id/parts/:part', 'token'), caller, answered }
  const told = (...events: Parameters<typeof auditGaps>[2]) => auditGaps('things', [write], events)
  const target = { type: 'things/things/parts', id: 'wheel', within: { things: 't1' } }
  const data = { action: 'delete', target, initiator: { address: 'local' }, status: 204 }
  const event = {
    ...{
      id: 'e',
      at: 0,
      kind: 'audit' as const,
      name: 'n',
      service: 's',
      host: 'h',
      traceId: 't',
      spanId: 's',
    },
    ...{ requestId: 'req-1', userId: 'u1', projectId: 'p1', outcome: 'ok' as const, data },
  }
  expect(told(event)).toEqual([])
  expect(told()).toEqual(['DELETE /things/:id/parts/:part by ann, 204: 0 entries'])
  expect(told(event, { ...event, id: 'f' })).toHaveLength(1)
  expect(told({ ...event, userId: 'u2' })[0]).toContain("doesn't say who")
  expect(told({ ...event, data: { ...data, target: { ...target, within: undefined } } })[0]).toContain(
    'on which',
  )
  expect(told({ ...event, data: { ...data, status: 403 } })[0]).toContain('how it ended')
})

test('each branch of a union is broken where the right body has it', () => {
  const cat = Type.Object(
    { kind: Type.Literal('cat'), lives: Type.Integer({ maximum: 9 }) },
    { additionalProperties: false },
  )
  const dog = Type.Object({ kind: Type.Literal('dog') }, { additionalProperties: false })
  const schema = Type.Object({ pet: Type.Union([dog, cat, Type.Null()]) }) as unknown as Schema
  const found = mutations(schema, { pet: { kind: 'cat', lives: 7 } }).map(({ what }) => what)
  expect(found).toEqual(
    expect.arrayContaining(['pet.lives: too large', 'pet.kind: missing', 'pet.surplus_by_test: not known']),
  )
  expect(found).not.toContain('pet: null instead')
})

import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, expectTypeOf, it } from 'vitest'
import { isUniqueViolation } from './connection.ts'
import { c, type RowOf, table } from './table.ts'
import { type FreshDatabase, testServers } from './test-database.ts'

const server = table(
  'server',
  {
    id: c.id(),
    projectId: c.text(64),
    name: c.text(255),
    vmState: c.text<'active' | 'error'>(32),
    host: c.nullable(c.text(255)),
    tags: c.json<unknown>(),
    extra: c.nullable(c.json<{ a: number }>()),
    locked: c.bool(),
    hidden: c.nullable(c.bool()),
    memoryMb: c.int(),
    bytes: c.bigint(),
    load: c.real(),
    note: c.nullable(c.text()),
    createdAt: c.time(),
  },
  { unique: [['projectId', 'name']], index: [['projectId', 'createdAt'], ['host']] },
)
type Server = RowOf<typeof server>
const binding = table(
  'binding',
  { portId: c.id(), host: c.text(255), vif: c.json<object>() },
  { primaryKey: ['portId', 'host'] },
)
const entry = table('entry', { seq: c.autoId(), order: c.text(10) })

const row = (change: Partial<Server> = {}): Server => ({
  id: 'a',
  projectId: 'p1',
  name: change.id ?? 'a',
  vmState: 'active',
  host: null,
  tags: [],
  extra: null,
  locked: false,
  hidden: null,
  memoryMb: 512,
  bytes: 2 ** 40,
  load: 0.5,
  note: null,
  createdAt: 1_700_000_000_123,
  ...change,
})

describe.each(testServers())('a table on $name', ({ fresh }) => {
  let made: FreshDatabase
  let db: FreshDatabase['db']
  beforeAll(async () => {
    made = await fresh(undefined, { tables: [server, binding, entry] })
    db = made.db
  })
  afterAll(() => made.drop())
  beforeEach(async () => {
    for (const each of [server, binding, entry]) await each.delete(db, {})
  })
  const ids = (rows: { id: string }[]) => rows.map((each) => each.id)

  it('gives back what was put in', async () => {
    const full = row({
      host: 'h1',
      tags: ['x', { y: null }],
      extra: { a: 1 },
      locked: true,
      hidden: false,
      note: 'é\n"',
    })
    await server.insert(db, full)
    expect(await server.get(db, 'a')).toEqual(full)
    expect(await server.find(db)).toEqual([full])
    expect(await server.get(db, 'other')).toBeUndefined()
    const [raw] = await db.sql.selectFrom('server').selectAll().execute()
    expect(raw?.project_id).toBe('p1')
    expect(server.decode(raw!)).toEqual(full)
  })

  it('fills nullable columns that were left out, and refuses holes elsewhere', async () => {
    const { host, extra, hidden, note, ...rest } = row()
    await server.insert(db, rest)
    expect(await server.get(db, 'a')).toEqual(row())
    await expect(server.insert(db, { ...rest, id: 'b', name: undefined as never })).rejects.toThrow(
      'server.name is missing',
    )
    await expect(server.insert(db, { ...rest, id: 'b', memoryMb: 1.5 })).rejects.toThrow('memoryMb')
    await expect(server.insert(db, { ...rest, id: 'b', vmState: 'x'.repeat(33) as never })).rejects.toThrow(
      'longer than 32',
    )
    await expect(server.insert(db, { ...rest, id: 'b', name: 'a\0b' })).rejects.toMatchObject({
      kind: 'badRequest',
    })
    await expect(server.insert(db, { ...rest, id: 'b', nothing: 1 } as never)).rejects.toThrow(
      'no column nothing',
    )
  })

  it('finds by equality, null, lists, bounds and conditions', async () => {
    await server.insert(db, [
      row({ id: 'a', host: 'h1', createdAt: 1 }),
      row({ id: 'b', host: 'h2', createdAt: 2, locked: true }),
      row({ id: 'c', projectId: 'p2', createdAt: 3 }),
    ])
    const byId = { orderBy: [['id', 'asc']] } as const
    expect(ids(await server.find(db, { projectId: 'p1' }, byId))).toEqual(['a', 'b'])
    expect(ids(await server.find(db, { host: null }))).toEqual(['c'])
    expect(ids(await server.find(db, { locked: true }))).toEqual(['b'])
    expect(ids(await server.find(db, { id: ['a', 'b', 'c', 'x', 'y'], projectId: 'p1' }, byId))).toEqual([
      'a',
      'b',
    ])
    expect(ids(await server.find(db, { id: [] }))).toEqual([])
    expect(ids(await server.find(db, { createdAt: { atMost: 2 } }, byId))).toEqual(['a', 'b'])
    expect(ids(await server.find(db, { createdAt: { above: 2 }, projectId: 'p2' }))).toEqual(['c'])
    expect(ids(await server.find(db, { createdAt: { above: 2 }, projectId: 'p1' }))).toEqual([])
    expect(ids(await server.find(db, { host: ['h2', null] }, byId))).toEqual(['b', 'c'])
    expect(
      ids(await server.find(db, (q) => q.where('createdAt', '>', 1).where('locked', '=', false))),
    ).toEqual(['c'])
    const either = (
      q: Parameters<Extract<Parameters<typeof server.find>[1], (...args: never[]) => unknown>>[0],
    ) => q.where((e) => e.or([e('host', '=', 'h1'), e('projectId', '=', 'p2')]))
    expect(ids(await server.find(db, either, { ...byId, limit: 1, offset: 1 }))).toEqual(['c'])
    await server.update(db, { id: 'a' }, { note: 'Mixed' })
    expect(ids(await server.find(db, (q) => q.where('note', 'like', 'Mix%')))).toEqual(['a'])
    expect(ids(await server.find(db, (q) => q.where('note', 'like', 'mix%')))).toEqual([])
    expect(await server.count(db, either)).toBe(2)
    expect(await server.count(db, { projectId: 'p1' })).toBe(2)
    expect(await server.count(db)).toBe(3)
    await expect(server.find(db, { projectId: undefined })).rejects.toThrow('undefined')
  })

  it('finds nothing by text that no row can hold', async () => {
    await server.insert(db, row({ id: 'a' }))
    const tooLong = 'x'.repeat(33) as never
    expect(await server.get(db, 'a'.repeat(37))).toBeUndefined()
    expect(await server.find(db, { name: 'nul\0' })).toEqual([])
    expect(ids(await server.find(db, { id: ['a', 'a'.repeat(37)] }))).toEqual(['a'])
    expect(await server.update(db, { vmState: tooLong }, { name: 'other' })).toBe(0)
    expect(await server.delete(db, { vmState: [tooLong] })).toBe(0)
    expect(await server.count(db)).toBe(1)
  })

  it('refuses in a condition of any form what no row can hold and a database would not hear', async () => {
    const by = (name: string) => server.find(db, (q) => q.where('name', 'like', name))
    await expect(by('nul\0')).rejects.toMatchObject({ kind: 'badRequest' })
    const above = server.find(db, (q) => q.where('memoryMb', '>', 2 ** 40))
    // PostgreSQL alone minds; it may say so, and must not call it a fault of ours.
    expect(await above.catch((error) => error.kind)).toSatisfy(
      (found) => ['badRequest'].includes(found) || found.length === 0,
    )
  })

  it('finds by a list far longer than a statement is wide', async () => {
    await server.insert(db, row())
    const many = Array.from({ length: 20_000 }, (_, i) => `id-${i}`)
    expect(ids(await server.find(db, { id: [...many, 'a'] }))).toEqual(['a'])
  })

  it('orders by code point with null first, and pages', async () => {
    await server.insert(
      db,
      ['b', 'B', 'a', 'é', 'a '].map((id, i) => row({ id, host: i % 2 ? `h${i}` : null })),
    )
    expect(ids(await server.find(db, {}, { orderBy: [['id', 'asc']] }))).toEqual(['B', 'a', 'a ', 'b', 'é'])
    const byHost = [
      ['host', 'asc'],
      ['id', 'desc'],
    ] as const
    expect(ids(await server.find(db, {}, { orderBy: byHost }))).toEqual(['b', 'a ', 'a', 'B', 'é'])
    expect(ids(await server.find(db, {}, { orderBy: byHost, offset: 3 }))).toEqual(['B', 'é'])
    expect(ids(await server.find(db, {}, { orderBy: byHost, limit: 2, offset: 2 }))).toEqual(['a', 'B'])
    expect((await server.first(db, {}, { orderBy: [['host', 'desc']] }))?.id).toBe('é')
    expect(await server.count(db, { id: 'A' })).toBe(0)
  })

  it('counts the rows that an update matched, changed or not', async () => {
    await server.insert(db, [row({ id: 'a' }), row({ id: 'b' })])
    expect(await server.update(db, { projectId: 'p1' }, { memoryMb: 512 })).toBe(2)
    expect(
      await server.update(db, { id: 'a', memoryMb: 512 }, { memoryMb: 1024, tags: ['t'], host: undefined }),
    ).toBe(1)
    expect(await server.update(db, { id: 'a', memoryMb: 512 }, { memoryMb: 1 })).toBe(0)
    expect(
      await server.update(db, (q) => q.where('memoryMb', '>', 600), { locked: true, extra: { a: 2 } }),
    ).toBe(1)
    expect(await server.get(db, 'a')).toMatchObject({
      memoryMb: 1024,
      tags: ['t'],
      locked: true,
      extra: { a: 2 },
    })
    expect(await server.delete(db, (q) => q.where('locked', '=', true))).toBe(1)
    expect(await server.delete(db, { id: ['a', 'b'] })).toBe(1)
  })

  it('says which conflict a duplicate is, and can leave the first alone', async () => {
    await server.insert(db, row())
    const clash = await server.insert(db, row({ id: 'b', name: 'a' })).catch((error) => error)
    expect(isUniqueViolation(clash)).toBe(true)
    expect(clash).toMatchObject({ kind: 'conflict', type: 'db.unique' })
    expect(await server.insertIfAbsent(db, row({ id: 'b', name: 'a' }))).toBe(false)
    expect(await server.insertIfAbsent(db, row({ id: 'b', name: 'b' }))).toBe(true)
    expect(await server.count(db)).toBe(2)
  })

  it('has composite keys, and keys that the database gives', async () => {
    await binding.insert(db, [
      { portId: 'p', host: 'h1', vif: {} },
      { portId: 'p', host: 'h2', vif: { x: 1 } },
    ])
    expect(await binding.get(db, { portId: 'p', host: 'h2' })).toEqual({
      portId: 'p',
      host: 'h2',
      vif: { x: 1 },
    })
    await expect(binding.get(db, { portId: 'p' })).rejects.toThrow('key of binding is portId, host')
    const first = await entry.insertReturningId(db, { order: 'x' })
    const second = await entry.insertReturningId(db, { order: 'y' })
    expect(second).toBeGreaterThan(first)
    expect(await entry.get(db, second)).toEqual({ seq: second, order: 'y' })
  })

  it('decodes whatever it encoded', async () => {
    // PostgreSQL holds no NUL in text, and no dialect holds half a surrogate pair.
    const point = fc.oneof(fc.integer({ min: 1, max: 0xd7ff }), fc.integer({ min: 0xe000, max: 0x10ffff }))
    const text = (max: number) =>
      fc.array(point, { maxLength: max }).map((points) => String.fromCodePoint(...points))
    const rows = fc.record({
      id: fc.uuid(),
      projectId: text(30),
      name: text(100),
      vmState: fc.constantFrom('active' as const, 'error' as const),
      host: fc.option(text(20)),
      tags: fc.jsonValue(),
      extra: fc.option(fc.record({ a: fc.integer() })),
      locked: fc.boolean(),
      hidden: fc.option(fc.boolean()),
      memoryMb: fc.integer({ min: -(2 ** 31) + 1, max: 2 ** 31 - 1 }),
      bytes: fc.maxSafeInteger(),
      load: fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e300, max: 1e300 }).map((n) => n + 0),
      note: fc.option(text(2000)),
      createdAt: fc.maxSafeInteger(),
    })
    await fc.assert(
      fc.asyncProperty(rows, async (given) => {
        await server.delete(db, {})
        await server.insert(db, given)
        // JSON has no negative zero.
        expect(await server.get(db, given.id)).toEqual(JSON.parse(JSON.stringify(given)))
      }),
      { numRuns: 60 },
    )
  })
})

it('gives rows their types', () => {
  expectTypeOf<Server['vmState']>().toEqualTypeOf<'active' | 'error'>()
  expectTypeOf<Server['host']>().toEqualTypeOf<string | null>()
  expectTypeOf<typeof server.Row>().toEqualTypeOf<Server>()
})

it('refuses a declaration that a database would refuse', () => {
  expect(() => table('x', { name: c.text(5) })).toThrow('needs a primaryKey')
  expect(() => table('x', { id: c.id(), note: c.text() }, { index: [['note']] })).toThrow('needs a length')
  const long = { id: c.id(), a: c.text(255), b: c.text(255), d: c.text(255), e: c.text(255) }
  expect(() => table('x', long, { unique: [['a', 'b', 'd', 'e']] })).toThrow('too long')
  expect(() => table('x', { id: c.id(), project_id: c.text(5) })).toThrow('camel case')
})

// A provider alone is asked by a shorter way than a tree: both find the same.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { CandidateQuery, Group } from './candidate-query.ts'
import { type Candidate, combiner, type Node, type Tree } from './candidate-tree.ts'

const names = ['A', 'B', 'C']
const some = fc.subarray(names)
const choices = fc.array(fc.subarray(names, { minLength: 1 }), { maxLength: 2 })

const stock = fc.record({
  capacity: fc.integer({ min: 4, max: 9 }),
  used: fc.integer({ min: 0, max: 3 }),
  minUnit: fc.constantFrom(1, 1, 1, 2),
  maxUnit: fc.integer({ min: 2, max: 8 }),
  stepSize: fc.constantFrom(1, 1, 1, 2),
})
const host = fc
  .record({
    stocks: fc.record({ A: stock, B: stock, C: stock }, { requiredKeys: ['A', 'B'] }),
    traits: some,
    aggregates: some,
  })
  .map(
    ({ stocks, traits, aggregates }): Node => ({
      uuid: 'host',
      rootUuid: 'host',
      parentUuid: null,
      room: new Map(
        Object.entries(stocks).map(([resourceClass, room]) => [resourceClass, { resourceClass, ...room }]),
      ),
      traits: new Set(traits),
      aggregates,
    }),
  )
/** Nobody can use it. */
const bare: Node = {
  uuid: 'part',
  rootUuid: 'host',
  parentUuid: 'host',
  room: new Map(),
  traits: new Set(),
  aggregates: [],
}

const wish = { required: choices, forbidden: some, memberOf: choices, notMemberOf: some }
const amounts = fc
  .dictionary(fc.constantFrom(...names), fc.integer({ min: 1, max: 3 }))
  .filter((each) => Object.keys(each).length > 0)
  .map((each) => Object.entries(each))
const group = (suffix: string) =>
  fc.record({
    suffix: fc.constant(suffix),
    resources: amounts,
    inTree: fc.constant(undefined),
    ...Object.fromEntries(
      Object.entries(wish).map(([name, given]) => [
        name,
        fc.oneof({ weight: 8, arbitrary: fc.constant([]) }, given),
      ]),
    ),
  }) as fc.Arbitrary<Group>
const query: fc.Arbitrary<CandidateQuery> = fc.record({
  groups: fc
    .tuple(
      fc.option(group(''), { freq: 2 }),
      fc.option(group('1'), { freq: 2 }),
      fc.option(group('2'), { freq: 2 }),
    )
    .map((each) => each.filter((one) => one !== null))
    .filter((each) => each.length > 0),
  isolate: fc.boolean(),
  sameSubtree: fc.constant([]),
  root: fc.constant({ required: [], forbidden: [] }),
  limit: fc.constant(undefined),
})

function waysIn(query: CandidateQuery, tree: Tree, inRoots: ReadonlyMap<Group, string>): unknown[] {
  const ways = combiner(query, inRoots)(tree)
  const found: Candidate[] = []
  for (let next = ways?.next(); next && !next.done; next = ways?.next()) found.push(next.value)
  return found.map(({ allocations, mappings, givers }) => ({
    allocations: Object.fromEntries(allocations),
    mappings,
    givers: givers.map((node) => node.uuid),
  }))
}

test('a provider alone serves what it would serve in a tree where nobody else can', () => {
  let served = 0
  fc.assert(
    fc.property(query, host, fc.constantFrom(null, null, 'host', 'elsewhere'), (asked, root, place) => {
      const inRoots = new Map(place === null ? [] : [[asked.groups[0]!, place]])
      const alone = waysIn(asked, { root, nodes: [root], sharing: [] }, inRoots)
      expect(alone).toEqual(waysIn(asked, { root, nodes: [root, bare], sharing: [] }, inRoots))
      served += alone.length
    }),
    { numRuns: 3000, seed: 7 },
  )
  // Enough of both kinds that the comparison means something.
  expect(served).toBeGreaterThan(100)
  expect(served).toBeLessThan(2900)
})

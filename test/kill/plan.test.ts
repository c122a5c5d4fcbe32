// A plan is worth its seed only where the seed is all that it is made of.
import { expect, test } from 'vitest'
import { planStrikes } from './host/plan.ts'
import { programs } from './host/process.ts'

const plan = (seed: number) => planStrikes({ seed, kills: 210, ownBroker: false })

test('the same seed gives the same strikes, and another seed others', () => {
  expect(plan(7)).toEqual(plan(7))
  expect(plan(7)).not.toEqual(plan(8))
})

test('each process that a cloud has dies, alone and in pairs, and as often as was asked for', () => {
  const both = [...plan(7), ...planStrikes({ seed: 7, kills: 30, ownBroker: true })]
  const killed = both.flatMap(({ kill }) => kill)
  expect(new Set(killed)).toEqual(new Set(programs))
  expect(both.filter(({ kill }) => kill.length === 2).length).toBeGreaterThan(30)
  expect(plan(7).flatMap(({ kill }) => kill).length).toBeGreaterThanOrEqual(210)
})

test('a short plan has something of everything', () => {
  const short = planStrikes({ seed: 1, kills: 26, ownBroker: false })
  const kinds = new Set(plan(1).map(({ kill }) => kill.join('+')))
  expect(new Set(short.map(({ kill }) => kill.join('+')))).toEqual(kinds)
})

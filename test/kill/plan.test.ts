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

test('in a short plan each process dies alone and the agent with others, and no Linux guest has to boot again', () => {
  for (const seed of [1, 2, 3]) {
    const short = planStrikes({ seed, kills: 20, ownBroker: false, short: true })
    const killed = short.map(({ kill }) => kill.join('+'))
    expect(new Set(killed).size).toBe(killed.length)
    expect(killed).toEqual(expect.arrayContaining(programs.filter((one) => one !== 'broker')))
    expect(killed).toEqual(
      expect.arrayContaining(['controller+agent', 'agent+qemu', 'agent+agent-supervisor']),
    )
    const bootsLinux = short.filter(
      ({ kill, operation }) => kill.includes('qemu') && /volume|interface/.test(operation),
    )
    expect(bootsLinux).toEqual([])
  }
})

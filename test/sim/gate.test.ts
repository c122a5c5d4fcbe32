import { expect, test } from 'vitest'
import { seededRandom } from '#kit/world/virtual.ts'
import { openGate } from './gate.ts'

function open() {
  const done: string[] = []
  const gate = openGate(seededRandom(1))
  const driver = gate.guard('virt', {
    info: () => 'a driver',
    async start(id: string) {
      done.push(id)
      return `started ${id}`
    },
  })
  return { done, gate, driver }
}

test('passes calls on while there is no trouble, and questions always', async () => {
  const { done, gate, driver } = open()
  expect(await driver.start('a')).toBe('started a')
  gate.trouble = { how: 'before', percent: 100 }
  expect(driver.info()).toBe('a driver')
  expect(done).toEqual(['a'])
})

test('a call fails before its effect, or after it with the answer lost', async () => {
  const { done, gate, driver } = open()
  gate.trouble = { how: 'before', percent: 100 }
  await expect(driver.start('a')).rejects.toThrow('failed at virt.start')
  expect(done).toEqual([])
  gate.trouble = { how: 'after', percent: 100 }
  await expect(driver.start('b')).rejects.toThrow('failed at virt.start')
  expect(done).toEqual(['b'])
  gate.trouble = { how: 'before', percent: 100, driver: 'wiring' }
  expect(await driver.start('c')).toBe('started c')
})

test('a call that hangs ends when the trouble does', async () => {
  const { gate, driver } = open()
  gate.trouble = { how: 'hang', percent: 100 }
  const outcome = driver.start('a').then(
    () => 'answered',
    (error: Error) => error.message,
  )
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
  gate.trouble = undefined
  gate.release()
  expect(await outcome).toBe('The simulated host did not answer.')
})

test.each([
  ['before', [[], ['a']]],
  ['after', [['a'], ['a']]],
] as const)('a trap fires once, %s the effect of its call', async (when, expected) => {
  const { done, gate, driver } = open()
  const seen: string[][] = []
  gate.trap(2, when, () => seen.push([...done]))
  await driver.start('first')
  done.length = 0
  await driver.start('a')
  await driver.start('b')
  expect(seen).toEqual([expected[0]])
})

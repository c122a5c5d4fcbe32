import { expect, test } from 'vitest'
import { openTurns } from './turn.ts'

const soon = () => new Promise((resolve) => setImmediate(resolve))

test('many go on beside each other; who wants to be alone waits for them, and those who come later for him', async () => {
  const turns = openTurns()
  const began: string[] = []
  const take = async (name: string, alone: boolean) => {
    const leave = await turns.take(alone)
    began.push(name)
    return leave
  }
  const [one, two] = await Promise.all([take('one', false), take('two', false)])
  const alone = take('alone', true)
  const later = take('later', false)
  await soon()
  expect(began).toEqual(['one', 'two'])
  one()
  await soon()
  expect(began).toEqual(['one', 'two'])
  two()
  const leave = await alone
  await soon()
  expect(began).toEqual(['one', 'two', 'alone'])
  leave()
  ;(await later)()
  expect(began).toEqual(['one', 'two', 'alone', 'later'])
  ;(await take('again', true))()
})

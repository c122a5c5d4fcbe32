// Policies, which no client's suite covers: the same tests on our broker and, where one is named, on a real RabbitMQ.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { ClientChannel } from '#kit/amqp/client/channel.ts'
import type { Table } from '#kit/amqp/table.ts'
import { drain, exchange, type ParityBroker, parityBrokers, queue, texts } from './parity-broker.ts'

type Definition = Record<string, string | number>

describe.each(parityBrokers)('policies on %s', (_name, open) => {
  let broker: ParityBroker
  let channel: ClientChannel
  beforeAll(async () => {
    broker = await open()
  })
  beforeEach(async ({ skip }) => {
    if (!broker.admin) skip()
    channel = await broker.channel()
    await channel.confirmPublishing()
  })
  afterEach(async () => {
    await broker.admin?.dropPolicy('parity').catch(() => {
      // Not every test leaves one.
    })
  })
  afterAll(() => broker.close())

  const send = (to: string, text: string) => channel.publish('', to, { messageId: text }, Buffer.from(text))
  const setPolicy = async (names: string[], definition: Definition) => {
    const pattern = `^(${names.map((name) => name.replace(/[.$^+*?()[\]{}|\\]/g, '\\$&')).join('|')})$`
    await broker.admin!.policy('parity', pattern, definition)
  }
  const count = async (name: string) =>
    (await channel.ask('queue.declare', { queue: name, passive: true })).messageCount
  const until = async (name: string, wanted: number) => {
    while ((await count(name)) !== wanted) await new Promise((resolve) => setImmediate(resolve))
  }

  test('shorten a queue that is there, from its head', async () => {
    const name = await queue(channel)
    for (const text of ['1', '2', '3', '4']) await send(name, text)
    await setPolicy([name], { 'max-length': 2 })
    await until(name, 2)
    await send(name, '5')
    await broker.admin!.dropPolicy('parity')
    expect(texts(await drain(channel, name))).toEqual(['4', '5'])
  })

  test('let the smaller number hold, of the argument and the policy', async () => {
    const [wide, narrow] = [
      await queue(channel, [], { 'x-max-length': 9 }),
      await queue(channel, [], { 'x-max-length': 2 }),
    ]
    await setPolicy([wide, narrow], { 'max-length': 4 })
    for (let i = 0; i < 6; i++) for (const name of [wide, narrow]) await send(name, String(i))
    await until(wide, 4)
    expect(await count(narrow)).toBe(2)
  })

  test('send what is dropped to a dead-letter exchange, with the key that they name', async () => {
    const dead = await exchange(channel, 'direct')
    const letters = await queue(channel, [[dead, 'late']])
    const name = await queue(channel)
    await setPolicy([name], {
      'max-length': 1,
      'dead-letter-exchange': dead,
      'dead-letter-routing-key': 'late',
    })
    await send(name, 'a')
    await send(name, 'b')
    await until(letters, 1)
    const [letter] = await drain(channel, letters)
    const [death] = letter!.properties.headers!['x-death'] as Table[]
    expect([letter!.text, letter!.routingKey, death!.reason, death!.queue]).toEqual([
      'a',
      'late',
      'maxlen',
      name,
    ])
  })

  test('refuse what is too much where they say so', async () => {
    const name = await queue(channel)
    await setPolicy([name], { 'max-length': 1, overflow: 'reject-publish' })
    await send(name, 'kept')
    await expect(send(name, 'refused')).rejects.toThrow()
    expect(await count(name)).toBe(1)
  })

  test('give messages a time to live, as long as they are there', async () => {
    const name = await queue(channel)
    await setPolicy([name], { 'message-ttl': 1 })
    await send(name, 'short')
    await until(name, 0)
    await broker.admin!.dropPolicy('parity')
    await send(name, 'long')
    expect(await count(name)).toBe(1)
  })

  test('of a higher priority win, alone', async () => {
    const name = await queue(channel)
    await setPolicy([name], { 'max-length': 1 })
    await broker.admin!.policy(
      'parity-higher',
      `^${name.replace('.', '\\.')}$`,
      { 'message-ttl': 600_000 },
      9,
    )
    for (const text of ['1', '2', '3']) await send(name, text)
    expect(await count(name)).toBe(3)
    await broker.admin!.dropPolicy('parity-higher')
    await until(name, 1)
  })
})

// Policies, operator policies, rights and limits, set by the management API and felt over AMQP: the same tests on our
// broker and, where one is named, on a real RabbitMQ.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ClientChannel } from '#kit/amqp/client/channel.ts'
import type { Table } from '#kit/amqp/table.ts'
import { ask, connect, type ManagedBroker, managedBrokers, openChannel } from './managed-broker.ts'

const vhost = 'policy-parity'

describe.each(managedBrokers)('%s', (_name, open) => {
  let broker: ManagedBroker
  let channel: ClientChannel
  const api = (method: string, path: string, body?: unknown) => ask(broker, method, path, body)
  beforeAll(async () => {
    broker = await open()
    await api('DELETE', `vhosts/${vhost}`).catch(() => {})
    await api('PUT', `vhosts/${vhost}`)
    channel = await openChannel(broker, vhost)
  })
  afterAll(async () => {
    await api('DELETE', `vhosts/${vhost}`)
    await broker.close()
  })

  const declare = (queue: string, table: Table = {}, durable = false) =>
    channel.ask('queue.declare', { queue, durable, arguments: table })
  const send = async (queue: string, count: number) => {
    for (let i = 0; i < count; i++) await channel.publish('', queue, {}, Buffer.from(`${i}`))
  }
  const count = async (queue: string) =>
    (await channel.ask('queue.declare', { queue, passive: true })).messageCount
  /** Sets it and waits until `queue` is under it. */
  const policy = async (
    name: string,
    queue: string,
    definition: object,
    more: object = {},
    kind = 'policies',
  ) => {
    await api('PUT', `${kind}/${vhost}/${name}`, { pattern: `^${queue}$`, definition, ...more })
    const shown = kind === 'policies' ? 'policy' : 'operator_policy'
    await expect
      .poll(async () => (await api('GET', `queues/${vhost}/${queue}`))[shown], { timeout: 15_000 })
      .toBe(name)
  }

  test('the highest priority holds alone; an operator caps it; without them all is as before', async () => {
    await declare('q')
    await policy('low', 'q', { 'max-length': 1, 'message-ttl': 1 }, { priority: 1 })
    await policy('high', 'q', { 'max-length': 4 }, { priority: 2 })
    await send('q', 6)
    expect(await count('q')).toBe(4)
    await policy('cap', 'q', { 'max-length': 2 }, {}, 'operator-policies')
    await expect.poll(() => count('q')).toBe(2)
    expect((await api('GET', `queues/${vhost}/q`)).effective_policy_definition).toEqual({ 'max-length': 2 })
    for (const path of [`policies/${vhost}/low`, `policies/${vhost}/high`, `operator-policies/${vhost}/cap`])
      await api('DELETE', path)
    await expect
      .poll(async () => (await api('GET', `queues/${vhost}/q`)).policy ?? null, { timeout: 15_000 })
      .toBe(null)
    await send('q', 6)
    expect(await count('q')).toBe(8)
  })

  test('the smaller number of argument and policy holds', async () => {
    await declare('both', { 'x-max-length': 3 })
    await policy('wider', 'both', { 'max-length': 9 })
    await send('both', 5)
    expect(await count('both')).toBe(3)
    await policy('narrower', 'both', { 'max-length': 2 }, { priority: 9 })
    await expect.poll(() => count('both')).toBe(2)
  })

  test('overflow, dead letters and time to live by policy', async () => {
    await declare('dead')
    await declare('full')
    await policy('full', 'full', { 'max-length': 2, overflow: 'reject-publish' })
    await send('full', 2)
    await expect(send('full', 1)).rejects.toThrow()
    await declare('dying')
    const letters = { 'dead-letter-exchange': '', 'dead-letter-routing-key': 'dead', 'message-ttl': 50 }
    await policy('dying', 'dying', letters)
    await send('dying', 3)
    await expect.poll(() => count('dead')).toBe(3)
    expect(await count('dying')).toBe(0)
  })

  test('a policy for exchanges leaves queues alone, and the other way round', async () => {
    await declare('one')
    const only = { pattern: '^one$', definition: { 'max-length': 1 }, priority: 50 }
    await api('PUT', `policies/${vhost}/only-exchanges`, { ...only, 'apply-to': 'exchanges' })
    await policy('only-queues', 'one', { 'max-length': 3 }, { 'apply-to': 'queues' })
    await send('one', 5)
    expect(await count('one')).toBe(3)
  })

  test('mirroring is accepted and shown', async () => {
    await declare('mirrored', {}, true)
    const definition = { 'ha-mode': 'exactly', 'ha-params': 2, 'ha-sync-mode': 'automatic' }
    await policy('mirrored', 'mirrored', definition)
    expect((await api('GET', `policies/${vhost}/mirrored`)).definition).toEqual(definition)
    await send('mirrored', 2)
    expect(await count('mirrored')).toBe(2)
  })

  test('limits of queues and connections, and rights that are taken away from who is connected', async () => {
    const user = { user: 'policy-parity', password: 'one' }
    await api('PUT', 'users/policy-parity', { password: 'one', tags: '' })
    const rights = (configure: string) => ({ configure, write: '.*', read: '.*' })
    await api('PUT', `permissions/${vhost}/policy-parity`, rights('.*'))
    const own = await connect(broker, vhost, user)
    const declareOwn = async (queue: string) => (await own.openChannel()).ask('queue.declare', { queue })
    await declareOwn('mine')
    await api('PUT', `permissions/${vhost}/policy-parity`, rights('^mine$'))
    await expect
      .poll(() => declareOwn('other').then(() => '', String), { timeout: 15_000 })
      .toMatch(/access to queue 'other' in vhost 'policy-parity' refused for user 'policy-parity'/)
    await api('PUT', `vhost-limits/${vhost}/max-queues`, { value: 1 })
    await expect(declare('one-too-many')).rejects.toThrow(
      "cannot declare queue 'one-too-many': queue limit in vhost 'policy-parity' (1) is reached",
    )
    await api('DELETE', `vhost-limits/${vhost}/max-queues`)
    channel = await openChannel(broker, vhost)
    await api('PUT', 'user-limits/policy-parity/max-connections', { value: 1 })
    await expect(connect(broker, vhost, user)).rejects.toThrow(
      "connection refused for user 'policy-parity': user connection limit (1) is reached",
    )
    await api('DELETE', 'users/policy-parity')
    await expect(declareOwn('mine')).rejects.toThrow()
    await expect(connect(broker, vhost, user)).rejects.toThrow('ACCESS_REFUSED')
  })
})

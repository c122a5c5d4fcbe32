// What operators set is in force at once, also for those who are connected, and is there after a restart.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { ClientChannel } from '#kit/amqp/client/channel.ts'
import type { Table } from '#kit/amqp/table.ts'
import { fullMessage } from '#kit/errors/cloud-error.ts'
import { realWorld } from '#kit/world/real.ts'
import { everything, type TestBroker, testBroker } from '../test-broker.ts'
import { setParameter } from './parameter.ts'
import { clearPolicy, setPolicy } from './set-policy.ts'
import {
  clearPermission,
  deleteUser,
  newPassword,
  putUser,
  setPermission,
  setTopicPermission,
  setUserLimits,
} from './set-user.ts'
import { deleteVhost, putVhost, setVhostLimit } from './set-vhost.ts'

const declare = (
  channel: ClientChannel,
  queue: string,
  options: { durable?: boolean; arguments?: Table } = {},
) => channel.ask('queue.declare', { queue, ...options })
const publish = (channel: ClientChannel, exchange: string, key: string) =>
  channel.publish(exchange, key, {}, Buffer.from('a'))

function addUser({ broker: { registry } }: TestBroker, name: string, vhost = '/'): void {
  putUser(registry, name, { tags: [], password: newPassword(registry, 'secret') })
  setPermission(registry, vhost, name, everything)
}

test('rights are those of now, not those of the time of connecting', async () => {
  const it = await testBroker()
  addUser(it, 'ann')
  const channel = await (await it.connect({ user: 'ann' })).openChannel()
  await declare(channel, 'mine')
  setPermission(it.broker.registry, '/', 'ann', { configure: '^other', write: '', read: '' })
  await expect(declare(channel, 'mine')).rejects.toThrow(
    "configure access to queue 'mine' in vhost '/' refused for user 'ann'",
  )
  clearPermission(it.broker.registry, '/', 'ann')
  await expect(it.connect({ user: 'ann' })).rejects.toThrow("access to vhost '/' refused for user 'ann'")
})

test('a deleted user is disconnected and can come no more', async () => {
  const it = await testBroker()
  addUser(it, 'ann')
  const connection = await it.connect({ user: 'ann' })
  const channel = await connection.openChannel()
  deleteUser(it.broker.registry, 'ann')
  await expect(declare(channel, 'q')).rejects.toThrow("user 'ann' is deleted")
  await expect(it.connect({ user: 'ann' })).rejects.toThrow('ACCESS_REFUSED')
})

test('a deleted virtual host disconnects its users and forgets its queues', async () => {
  const it = await testBroker()
  const { registry } = it.broker
  putVhost(registry, 'v', {})
  addUser(it, 'ann', 'v')
  const channel = await (await it.connect({ user: 'ann', vhost: 'v' })).openChannel()
  await declare(channel, 'q', { durable: true })
  deleteVhost(registry, 'v')
  await expect(declare(channel, 'q')).rejects.toThrow("vhost 'v' is deleted")
  await expect(it.connect({ user: 'ann', vhost: 'v' })).rejects.toThrow('vhost v not found')
  putVhost(registry, 'v', {})
  expect(registry.vhosts.get('v')!.queues.size).toBe(0)
})

test('limits of users and virtual hosts', async () => {
  const it = await testBroker()
  const { registry } = it.broker
  addUser(it, 'ann')
  const connection = await it.connect({ user: 'ann' })
  setUserLimits(registry, registry.users.get('ann')!, { 'max-connections': 1, 'max-channels': 1 })
  await expect(it.connect({ user: 'ann' })).rejects.toThrow(
    "connection refused for user 'ann': user connection limit (1) is reached",
  )
  const channel = await connection.openChannel()
  setVhostLimit(registry, '/', 'max-queues', 1)
  await declare(channel, 'a')
  await declare(channel, 'a')
  await expect(declare(channel, 'b')).rejects.toThrow(
    "cannot declare queue 'b': queue limit in vhost '/' (1) is reached",
  )
  await connection.openChannel()
  await expect(connection.openChannel()).rejects.toThrow(
    "number of channels opened for user 'ann' has reached the maximum allowed user limit of (1)",
  )
  setVhostLimit(registry, '/', 'max-connections', 0)
  await expect(it.connect()).rejects.toThrow("refused for user 'nimbo': connection limit (0) is reached")
})

test('the policy with the highest priority holds, within what the operator allows, and goes as it came', async () => {
  const it = await testBroker()
  const { registry } = it.broker
  const channel = await it.channel()
  await declare(channel, 'jobs')
  const fill = async () => {
    for (let i = 0; i < 5; i++) await publish(channel, '', 'jobs')
    return (await declare(channel, 'jobs')).messageCount
  }
  expect(await fill()).toBe(5)
  setPolicy(registry, 'policy', '/', 'wide', { pattern: '.*', definition: { 'max-length': 1 } })
  setPolicy(registry, 'policy', '/', 'narrow', {
    pattern: '^jobs$',
    definition: { 'max-length': 4 },
    priority: 5,
    'apply-to': 'queues',
  })
  setPolicy(registry, 'policy', '/', 'exchanges', {
    pattern: '^jobs$',
    definition: { 'alternate-exchange': 'x' },
    priority: 9,
    'apply-to': 'exchanges',
  })
  expect(await fill()).toBe(4)
  setPolicy(registry, 'operator_policy', '/', 'cap', { pattern: '.*', definition: { 'max-length': 3 } })
  expect(await fill()).toBe(3)
  clearPolicy(registry, 'operator_policy', '/', 'cap')
  clearPolicy(registry, 'policy', '/', 'narrow')
  expect(await fill()).toBe(1)
  clearPolicy(registry, 'policy', '/', 'wide')
  expect(await fill()).toBe(6)
})

test('a policy gives exchanges their alternate and queues their dead-letter exchange', async () => {
  const it = await testBroker()
  const { registry } = it.broker
  const channel = await it.channel()
  await channel.ask('exchange.declare', { exchange: 'alt', type: 'fanout' })
  await channel.ask('exchange.declare', { exchange: 'main', type: 'direct' })
  await declare(channel, 'caught')
  await channel.ask('queue.bind', { queue: 'caught', exchange: 'alt', routingKey: '' })
  await declare(channel, 'short', { arguments: { 'x-max-length': 0 } })
  setPolicy(registry, 'policy', '/', 'p', {
    pattern: '^(main|short)$',
    definition: { 'alternate-exchange': 'alt', 'dead-letter-exchange': 'alt' },
  })
  await publish(channel, 'main', 'nowhere')
  await publish(channel, '', 'short')
  expect((await declare(channel, 'caught')).messageCount).toBe(2)
})

test.each([
  [{ pattern: '[', definition: { 'max-length': 1 } }, 'pattern should be regular expression but is invalid'],
  [{ pattern: 'a', definition: { 'max-length': -5 } }, '-5 is not a valid maximum length'],
  [{ pattern: 'a', definition: { foo: 1 } }, '[{<<"foo">>,1}] are not recognised policy settings'],
  [{ pattern: 'a', definition: {} }, 'no policy provided'],
  [{ pattern: 'a', definition: { 'ha-mode': 'exactly' } }, 'ha-mode="exactly" takes an integer, none given'],
  [{ pattern: 'a', definition: { 'ha-params': 2 } }, 'ha-mode must be specified'],
  [{ pattern: 'a', definition: { overflow: 'x' } }, '<<"x">> is not a valid overflow value'],
  [{ pattern: 'a', definition: { 'max-length': 1 }, 'apply-to': 'x' }, "apply-to 'x' unrecognised"],
  [{ pattern: 'a', definition: { 'max-length': 1 }, priority: 'x' }, 'priority should be a number'],
  [{ definition: { 'max-length': 1 } }, 'pattern should be a string'],
])('refuses the policy %j', async (spec, words) => {
  const { broker } = await testBroker()
  expect(() => setPolicy(broker.registry, 'policy', '/', 'p', spec)).toThrow(words)
})

test('settings outlive the broker; users given at start are set anew', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'nimbo-admin-'))
  onTestFinished(() => rm(dataDir, { recursive: true }))
  const users = { given: { password: 'one', permissions: { '/': everything }, tags: ['administrator'] } }
  const open = (password: string) =>
    testBroker({
      world: realWorld() as never,
      dataDir,
      users: { given: { ...users.given, password } },
    })
  const first = await open('one')
  const { registry } = first.broker
  putVhost(registry, 'v', { description: 'the other one', defaultQueueType: 'quorum' })
  addUser(first, 'ann', 'v')
  setTopicPermission(registry, 'v', 'ann', 'amq.topic', { write: '^a', read: '^b' })
  setPolicy(registry, 'policy', 'v', 'p', { pattern: 'x', definition: { 'message-ttl': 5 }, priority: 2 })
  setParameter(registry, {
    vhost: 'v',
    component: 'vhost-limits',
    name: 'limits',
    value: { 'max-queues': 7 },
  })
  const channel = await (await first.connect({ user: 'ann', vhost: 'v' })).openChannel()
  await declare(channel, 'kept', { durable: true })
  await registry.saved()
  await first.broker.close()

  const second = await open('two')
  const connection = await second.connect({ user: 'ann', vhost: 'v' })
  expect((await declare(await connection.openChannel(), 'kept', { durable: true })).messageCount).toBe(0)
  await second.connect({ user: 'given', password: 'two' })
  const again = second.broker.registry
  expect(again.vhostSettings.get('v')).toMatchObject({
    description: 'the other one',
    defaultQueueType: 'quorum',
  })
  expect(again.vhosts.get('v')!.maxQueues).toBe(7)
  expect(again.vhosts.get('v')!.policies.get('p')).toMatchObject({ priority: 2 })
  expect(again.users.get('ann')!.topicPermissions.get('v')!.get('amq.topic')!.write.text).toBe('^a')
  deleteVhost(again, 'v')
  await again.saved()
  await second.broker.close()
  const third = await open('two')
  expect([...third.broker.vhosts.keys()]).toEqual(['/'])
  await third.broker.close()
})

test('stopped, the broker takes nobody; started again, all is there; reset, nothing is', async () => {
  const it = await testBroker()
  const listener = await it.broker.listen({ host: '127.0.0.1', port: 5672 })
  const channel = await it.channel()
  await declare(channel, 'kept')
  addUser(it, 'ann')
  await it.broker.stop()
  await expect(declare(channel, 'kept')).rejects.toThrow('stopped')
  await expect(it.connect()).rejects.toThrow()
  await expect(it.world.sockets.connect(listener.address)).rejects.toThrow('Cannot connect')
  await it.broker.start()
  expect((await declare(await it.channel(), 'kept')).messageCount).toBe(0)
  expect(it.broker.vhosts.get('/')!.queues.size).toBe(1)
  ;(await it.world.sockets.connect(listener.address)).destroy()
  await it.broker.stop()
  await it.broker.reset()
  await it.broker.start()
  expect(it.broker.vhosts.get('/')!.queues.size).toBe(0)
  expect([...it.broker.registry.users.keys()]).toEqual(['nimbo'])
})

test('a disk that takes no settings: the change is in force, whoever asked for it learns, and the next one brings both', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'nimbo-admin-'))
  onTestFinished(() => rm(dataDir, { recursive: true }))
  const it = await testBroker({ dataDir })
  const { registry } = it.broker
  await registry.saved()
  const { files } = it.world
  let isFull = true
  const full = async (...args: Parameters<typeof files.writeAtomic>) => {
    if (isFull) throw new Error('no space left on device')
    return files.writeAtomic(...args)
  }
  Object.assign(it.world, { files: { ...files, writeAtomic: full } })
  addUser(it, 'ann')
  await expect(registry.saved()).rejects.toThrow('could not be written to the disk')
  await it.connect({ user: 'ann' })
  isFull = false
  await registry.saved()
  expect(await readFile(join(dataDir, 'definitions.json'), 'utf8')).toContain('"ann"')
  await it.broker.close()
})

test('settings that are no JSON stop the start, without showing what is in them', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'nimbo-admin-'))
  onTestFinished(() => rm(dataDir, { recursive: true }))
  await writeFile(join(dataDir, 'definitions.json'), '{"password_hash": secret')
  const failed = await testBroker({ dataDir }).catch((error: Error) => error)
  expect(String(failed)).toMatch(/definitions.json is not JSON/)
  expect(fullMessage(failed)).not.toContain('secret')
})

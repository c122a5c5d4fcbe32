// A broker that is killed and started again while its users live on.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { connectAmqp } from '#kit/amqp/client/connection.ts'
import { silentLog } from '#kit/log/log.ts'
import { realWorld } from '#kit/world/real.ts'
import type { Connection } from '#kit/world/world.ts'
import { brokerHere } from '../broker-here.ts'
import type { CloudBroker } from '../cloud-broker.ts'
import { type RestartableBroker, restartableBroker } from './restartable-broker.ts'

const world = realWorld()
const permissions = { '/': { configure: '.*', write: '.*', read: '.*' } }
let folder: string
let mortal: RestartableBroker
let broker: CloudBroker

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'nimbo-broker-'))
  mortal = restartableBroker(brokerHere)
  const users = { somebody: { password: 'secret', permissions } }
  broker = await mortal.open({ world, log: silentLog, users, dataDir: join(folder, 'broker') })
})
afterEach(async () => {
  await broker.close()
  rmSync(folder, { recursive: true, force: true })
})

const enter = async (stream: Connection, user = 'somebody') =>
  connectAmqp({ world, stream, user, password: 'secret', vhost: '/', name: 'a test' })

test('connections are reset, and what was confirmed is there when it starts again', async () => {
  const before = await enter(await broker.connect())
  const channel = await before.openChannel()
  await channel.confirmPublishing()
  await channel.ask('queue.declare', { queue: 'kept', durable: true })
  await channel.publish('', 'kept', { deliveryMode: 2 }, Buffer.from('confirmed'))
  await mortal.kill()
  await before.ended
  await expect(broker.connect()).rejects.toMatchObject({ kind: 'unavailable' })
  await mortal.start()
  const after = await enter(await broker.connect())
  const again = await after.openChannel()
  const { messageCount } = await again.ask('queue.declare', { queue: 'kept', passive: true })
  expect(messageCount).toBe(1)
  await after.close()
})

test('users and doors that it had before and while it was down are there when it is back', async () => {
  const path = join(folder, 'door')
  await broker.listen({ protocol: 'amqp', address: { path } })
  await mortal.kill()
  await expect(world.sockets.connect({ path })).rejects.toMatchObject({ kind: 'unavailable' })
  await broker.setUser('newcomer', { password: 'secret', permissions })
  await mortal.start()
  for (const user of ['somebody', 'newcomer']) {
    const entered = await enter(await world.sockets.connect({ path }), user)
    await entered.close()
  }
})

test('one that was closed in order meanwhile does not start again', async () => {
  await mortal.kill()
  await expect(mortal.kill()).rejects.toMatchObject({ kind: 'conflict' })
  await broker.close()
  await mortal.start()
  await expect(broker.connect()).rejects.toMatchObject({ kind: 'unavailable' })
})

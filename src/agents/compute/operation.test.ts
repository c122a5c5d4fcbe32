// Orders that come twice, and what the cloud is told of their ends.
import { expect, it } from 'vitest'
import type { Incoming } from '#kit/bus/bus.ts'
import { silentLog } from '#kit/log/log.ts'
import { virtualWorld } from '#kit/world/virtual.ts'
import { type Operations, openOperations } from './operation.ts'
import type { Conductor, Parts } from './parts.ts'

type Told = { operationId: string; ok: boolean; error: string | null }

function host(): { operations: Operations; told: Told[] } {
  const told: Told[] = []
  const conductor: Partial<Conductor> = {
    async operationDone({ operationId, ok, error }) {
      told.push({ operationId, ok, error })
      return { accepted: true }
    },
    orderWanted: async () => ({ wanted: true }),
  }
  const parts = { world: virtualWorld(), log: silentLog, host: 'node1', conductor }
  return { operations: openOperations(parts as unknown as Parts), told }
}
const incoming = (redelivered = false): Incoming => ({
  trace: { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) },
  messageId: 'm',
  deadline: undefined,
  redelivered,
  user: 'controller',
})
const order = (operationId: string) => ({ serverId: 's', operationId, generation: 1 })

it.each(['build', 'destroy'])(
  'answers an order to %s that comes again as the first time, and does it once',
  async (name) => {
    const { operations, told } = host()
    let runs = 0
    const work = async () => {
      runs++
      throw new Error('the disk at http://u:hunter2@h/ is gone')
    }
    await operations.run(name, order('a'), incoming(), work)
    await operations.run(name, order('a'), incoming(), work)
    await operations.run(name, order('a'), incoming(true), work)
    const end = {
      operationId: 'a',
      ok: false,
      error: 'An unexpected error: the disk at http://u:***@h/ is gone',
    }
    expect(told).toEqual([end, end, end])
    expect(runs).toBe(1)
  },
)

it('does an order of another id, whatever came of the one before', async () => {
  const { operations, told } = host()
  await operations.run('destroy', order('a'), incoming(), () => Promise.reject(new Error('not now')))
  await operations.run('destroy', order('b'), incoming(), async () => 'absent')
  expect(told.map(({ operationId, ok }) => [operationId, ok])).toEqual([
    ['a', false],
    ['b', true],
  ])
})

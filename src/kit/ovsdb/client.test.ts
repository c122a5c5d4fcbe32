import { expect, test } from 'vitest'
import { virtualWorld } from '#kit/world/virtual.ts'
import type { Connection } from '#kit/world/world.ts'
import { connectOvsdb } from './client.ts'
import { jsonSplitter } from './framing.ts'
import { openReplica } from './replica.ts'
import { mapOf, number, setOf, text } from './value.ts'

type Request = { method: string; params: unknown[]; id: number }

/** A server at the edge: it answers what the test says and remembers what it was asked. */
async function server(answer: (request: Request) => unknown) {
  const world = virtualWorld()
  const asked: Request[] = []
  const peers: Connection[] = []
  await world.sockets.listen({ path: '/db.sock' }, (peer) => {
    peers.push(peer)
    peer.on(
      'data',
      jsonSplitter((message) => {
        const request = message as Request
        asked.push(request)
        const reply = request.method ? answer(request) : undefined
        if (reply !== undefined) peer.write(JSON.stringify(reply))
      }),
    )
  })
  const client = await connectOvsdb(world, '/db.sock')
  return {
    world,
    client,
    asked,
    send: (message: unknown) => peers[0]!.write(JSON.stringify(message)),
    hangUp: () => peers[0]!.end(),
  }
}

test('a refused operation of a transaction is an error with the reason', async () => {
  const { client } = await server(({ id }) => ({
    id,
    error: null,
    result: [{ count: 1 }, { error: 'constraint violation', details: 'no two bridges' }],
  }))
  await expect(client.transact('Open_vSwitch', [{ op: 'insert' }])).rejects.toMatchObject({
    kind: 'internal',
    detail: 'constraint violation: no two bridges',
  })
})

test('the server learns that we live', async () => {
  const { world, asked, send } = await server(() => undefined)
  send({ id: 'echo', method: 'echo', params: [7] })
  await world.settle()
  expect(asked).toEqual([{ id: 'echo', result: [7], error: null }])
})

test('a lost connection ends what waits for an answer, and what is asked later', async () => {
  const { client, hangUp } = await server(() => undefined)
  const asking = client.transact('Open_vSwitch', [])
  hangUp()
  await expect(asking).rejects.toMatchObject({ kind: 'unavailable' })
  await expect(client.transact('Open_vSwitch', [])).rejects.toMatchObject({ kind: 'unavailable' })
})

test('a silent server is an error after its time', async () => {
  const { world, client } = await server(() => undefined)
  const asking = expect(client.transact('Open_vSwitch', [])).rejects.toMatchObject({ kind: 'timeout' })
  await world.advance(20_000)
  await asking
})

test('the copy follows the server', async () => {
  const { world, client, send } = await server(({ id }) => ({
    id,
    error: null,
    result: { Port: { p1: { new: { name: 'tap1', tag: 4, external_ids: ['map', [['a', 'b']]] } } } },
  }))
  const seen: string[] = []
  const copy = await openReplica(
    client,
    'Open_vSwitch',
    { Port: ['name', 'tag', 'external_ids'] },
    (changes) => {
      for (const { old, now } of changes) seen.push(`${text(old?.name)}>${text(now?.name)}`)
    },
  )
  expect(number(copy.named('Port', 'tap1')?.row.tag)).toBe(4)
  expect(mapOf(copy.named('Port', 'tap1')?.row.external_ids)).toEqual({ a: 'b' })

  const waiting = copy.until(() => copy.named('Port', 'tap2') !== undefined, new AbortController().signal)
  send({
    id: null,
    method: 'update',
    params: ['watch', { Port: { p2: { new: { name: 'tap2', tag: ['set', []] } }, p1: { old: {} } } }],
  })
  await waiting
  await world.settle()
  expect(copy.named('Port', 'tap1')).toBeUndefined()
  expect(setOf(copy.named('Port', 'tap2')?.row.tag)).toEqual([])
  expect(seen).toEqual(['>tap2', 'tap1>'])
})

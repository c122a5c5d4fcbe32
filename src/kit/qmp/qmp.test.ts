// Against a scripted peer on an in-memory socket; the real QEMU is met in test/real/virt.test.ts.
import { beforeEach, describe, expect, it } from 'vitest'
import { virtualWorld } from '#kit/world/virtual.ts'
import type { Connection } from '#kit/world/world.ts'
import { connectQmp } from './qmp.ts'

const greeting =
  '{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}}, "capabilities": ["oob"]}}\r\n'

describe('connectQmp', () => {
  let world = virtualWorld()
  beforeEach(() => {
    world = virtualWorld()
  })

  /** A peer that greets and answers each command by `answer`; text is sent as it is. */
  async function peer(
    answer: (command: string, id: number, connection: Connection) => string | undefined,
    hello = greeting,
  ) {
    await world.sockets.listen({ path: '/q' }, (connection) => {
      connection.write(hello)
      connection.on('data', (chunk: Buffer) => {
        for (const line of chunk.toString().split('\n').filter(Boolean)) {
          const { execute, id } = JSON.parse(line) as { execute: string; id: number }
          const text =
            execute === 'qmp_capabilities'
              ? `{"return": {}, "id": ${id}}\r\n`
              : answer(execute, id, connection)
          if (text !== undefined) connection.write(text)
        }
      })
    })
    return connectQmp(world, '/q')
  }

  it('learns the version and gets answers by id, in any order', async () => {
    const held: string[] = []
    const qmp = await peer((command, id) => {
      held.unshift(`{"return": "${command}", "id": ${id}}\r\n`)
      return held.length === 2 ? held.join('') : undefined
    })
    expect(qmp.version).toBe('7.2.22')
    expect(await Promise.all([qmp.execute('first'), qmp.execute('second')])).toEqual(['first', 'second'])
  })

  it('puts lines together that come byte by byte, with text beyond ASCII', async () => {
    const qmp = await peer((_, id, connection) => {
      for (const byte of Buffer.from(`{"return": "größe", "id": ${id}}\r\n`))
        connection.write(Buffer.from([byte]))
      return undefined
    })
    expect(await qmp.execute('any')).toBe('größe')
  })

  it('gives events between an answer and the next', async () => {
    const qmp = await peer((_, id) => `{"event": "STOP", "timestamp": {}}\r\n{"return": {}, "id": ${id}}\r\n`)
    const seen: string[] = []
    const stop = qmp.events((event) => seen.push(event.name))
    await qmp.execute('stop')
    stop()
    await qmp.execute('stop')
    expect(seen).toEqual(['STOP'])
  })

  it("turns QEMU's errors into ours, with its class as type", async () => {
    const qmp = await peer(
      (_, id) => `{"error": {"class": "DeviceNotFound", "desc": "Device 'x' not found"}, "id": ${id}}\r\n`,
    )
    await expect(qmp.execute('device_del')).rejects.toMatchObject({
      message: "Device 'x' not found",
      type: 'DeviceNotFound',
    })
  })

  it('fails what waits when the peer goes away, and everything after', async () => {
    const qmp = await peer((_, __, connection) => void connection.end())
    await expect(qmp.execute('quit')).rejects.toMatchObject({ kind: 'unavailable' })
    await qmp.closed
    await expect(qmp.execute('quit')).rejects.toMatchObject({ kind: 'unavailable' })
  })

  it('gives up on an answer that never comes', async () => {
    const qmp = await peer(() => undefined)
    const answer = expect(qmp.execute('cont', {}, { timeoutMs: 500 })).rejects.toMatchObject({
      kind: 'timeout',
    })
    await world.advance(501)
    await answer
  })

  it('gives up on a peer that never greets or speaks no JSON', async () => {
    const silent = expect(peer(() => undefined, '\r\n')).rejects.toMatchObject({ kind: 'timeout' })
    await world.advance(10_001)
    await silent
    world = virtualWorld()
    await expect(peer(() => undefined, 'HTTP/1.1 400\r\n')).rejects.toMatchObject({ kind: 'unavailable' })
  })
})

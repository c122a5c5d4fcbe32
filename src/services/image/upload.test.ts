// Bytes over real connections: whole ones, and uploads that never end, or hardly begin.
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { lingerMs } from '#kit/http/linger.ts'
import { type TestImage, testImage } from './test-image.ts'

const mib = 1024 * 1024
let rig: TestImage
let port: number
beforeAll(async () => {
  // A MiB.
  rig = await testImage({ maxSizeGib: 1 / 1024 })
  port = (await rig.service.http.listen({ host: '127.0.0.1', port: 0 })).port
})
afterAll(() => rig.stop())

const stored = async () =>
  (await readdir(rig.platform.folder('image'), { recursive: true })).filter((name) =>
    /[0-9a-f]{8}-/.test(name),
  )
const statusOf = async (id: string) => (await rig.as.owner('GET', `/v2/images/${id}`)).body.status

async function uploading(id: string) {
  const client = connect({ host: '127.0.0.1', port })
  client.on('error', () => {})
  let answer = ''
  client.on('data', (part) => {
    answer += part
  })
  client.write(
    `PUT /v2/images/${id}/file HTTP/1.1\r\nhost: x\r\nx-auth-token: owner\r\naccept: application/json\r\n` +
      'content-type: application/octet-stream\r\ntransfer-encoding: chunked\r\n\r\n',
  )
  return {
    client,
    async answered() {
      while (!answer.includes('"message"')) await once(client, 'data')
      return answer
    },
  }
}

test('what goes in comes out, whole and in parts, for several clients at once', async () => {
  const id = await rig.create()
  const content = rig.platform.world.random.bytes(mib - 1)
  const url = `http://127.0.0.1:${port}/v2/images/${id}/file`
  const headers = { 'x-auth-token': 'owner' }
  const sent = { ...headers, 'content-type': 'application/octet-stream' }
  expect((await fetch(url, { method: 'PUT', headers: sent, body: content })).status).toBe(204)
  const ranges = ['bytes=0-', 'bytes=0-', 'bytes=300000-', 'bytes=262143-524288', 'bytes=5-5']
  const parts = await Promise.all(
    ranges.map(async (range) =>
      Buffer.from(await (await fetch(url, { headers: { ...headers, range } })).arrayBuffer()),
    ),
  )
  expect(parts.map((part) => part.length)).toEqual([mib - 1, mib - 1, mib - 300_001, 262_146, 1])
  const starts = [0, 0, 300_000, 262_143, 5]
  const right = parts.map((part, index) =>
    part.equals(content.subarray(starts[index], starts[index]! + part.length)),
  )
  expect(right).toEqual([true, true, true, true, true])
  expect((await rig.as.owner('DELETE', `/v2/images/${id}`)).status).toBe(204)
})

test('an upload without end is refused at the limit, dropped for a while, and cut off', async () => {
  const id = await rig.create()
  const { client, answered } = await uploading(id)
  const chunk = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(65_536, 7), Buffer.from('\r\n')])
  const closed = new Promise((resolve) => client.once('close', resolve))
  const send = () => {
    while (client.writable && client.write(chunk));
  }
  client.on('drain', send)
  send()
  expect(await answered()).toContain('HTTP/1.1 413')
  expect([await statusOf(id), await stored()]).toEqual(['queued', []])
  const dropped = client.bytesWritten + 64 * mib
  while (client.bytesWritten < dropped) await once(client, 'drain')
  await rig.platform.world.advance(lingerMs)
  await closed
})

test('an upload of which next to nothing comes is given up, and can begin anew', async () => {
  const id = await rig.create()
  const { client, answered } = await uploading(id)
  client.write('5\r\nhello\r\n')
  while ((await statusOf(id)) !== 'saving') await new Promise(setImmediate)
  const { world } = rig.platform
  // Time waits for requests that are under way, unless something else is to come.
  const cancel = world.timers.after(1e9, () => {})
  await world.advance(120_000)
  cancel()
  expect(await answered()).toContain('HTTP/1.1 408')
  expect([await statusOf(id), await stored()]).toEqual(['queued', []])
  client.destroy()
  expect((await rig.upload(id, Buffer.from('hello'))).status).toBe(204)
})

// Calls between threads as both ends see them, over the port that threads have.
import { afterEach, expect, test } from 'vitest'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { silentLog } from '#kit/log/log.ts'
import { openThreadPort, type ThreadMethods } from './thread-port.ts'

const channels: MessageChannel[] = []
afterEach(() => {
  for (const { port1, port2 } of channels.splice(0)) {
    port1.close()
    port2.close()
  }
})
function ends(methods: ThreadMethods) {
  const channel = new MessageChannel()
  channels.push(channel)
  // Node's ports are emitters as well, which the types of the web's don't say.
  const [near, far] = [channel.port1, channel.port2] as unknown as Parameters<typeof openThreadPort>[0][]
  openThreadPort(far!, silentLog, 'the far end', methods)
  return openThreadPort(near!, silentLog, 'the near end')
}

test('each question gets its own answer, whichever comes first', async () => {
  const answers: ((text: string) => void)[] = []
  const { ask } = ends({
    slow: () => new Promise((resolve) => answers.push(resolve)),
    double: (n: number) => n * 2,
  })
  const slow = ask<string>('slow')
  expect(await ask('double', 21)).toBe(42)
  answers[0]!('at last')
  expect(await slow).toBe('at last')
})

test('an error arrives with its kind, and a bug without its words', async () => {
  const { ask } = ends({
    refuse() {
      throw new CloudError('conflict', 'There is one already.', { type: 'Twice' })
    },
    fail() {
      throw new TypeError('x is undefined')
    },
  })
  await expect(ask('refuse')).rejects.toMatchObject({
    kind: 'conflict',
    message: 'There is one already.',
    type: 'Twice',
  })
  await expect(ask('fail')).rejects.toMatchObject({
    kind: 'internal',
    message: 'An unexpected error occurred in the far end',
  })
  await expect(ask('unheard')).rejects.toMatchObject({ kind: 'internal' })
})

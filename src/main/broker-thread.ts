// The embedded broker in a thread of its own, asked over a message port. The cloud can't go on without it: when the thread
// fails, the process ends with it, and the supervisor starts both again from what is on disk.
import { Worker } from 'node:worker_threads'
import { CloudError, type ErrorKind } from '#kit/errors/cloud-error.ts'
import type { CloudBroker, CloudBrokerPlan } from './cloud-broker.ts'

export type ThreadPlan = Omit<CloudBrokerPlan, 'world' | 'log'> & {
  logLevel: string
  /** Where the controller's own connections come in. */
  socket: string
}
export type ThreadCall = { id: number; method: string; args: unknown[] }
export type ThreadAnswer = { id: number; result?: unknown; error?: { kind: ErrorKind; message: string } }

export function brokerThread(
  logLevel: string,
  socket: string,
): (plan: CloudBrokerPlan) => Promise<CloudBroker> {
  return async ({ world, log, users, dataDir }) => {
    const workerData: ThreadPlan = { users, dataDir, logLevel, socket }
    const worker = new Worker(new URL('./broker-thread-entry.ts', import.meta.url), { workerData })
    const waiting = new Map<number, { resolve: (result: never) => void; reject: (error: Error) => void }>()
    let lastId = 0
    let closing = false
    const opened = new Promise<void>((resolve, reject) => {
      waiting.set(0, { resolve, reject })
    })
    worker.on('message', ({ id, result, error }: ThreadAnswer) => {
      const asked = waiting.get(id)
      waiting.delete(id)
      if (error) asked?.reject(new CloudError(error.kind, error.message))
      else asked?.resolve(result as never)
    })
    worker.on('error', (error) => {
      log.error({ error: error instanceof Error ? error.stack : String(error) }, 'the message broker failed')
    })
    worker.on('exit', (code) => {
      if (closing) return
      log.error({ code }, 'the thread of the message broker ended; the process ends with it')
      process.exit(1)
    })
    const ask = <T>(method: string, ...args: unknown[]): Promise<T> =>
      new Promise((resolve, reject) => {
        waiting.set(++lastId, { resolve, reject })
        worker.postMessage({ id: lastId, method, args } satisfies ThreadCall)
      })
    await opened
    return {
      connect: () => world.sockets.connect({ path: socket }),
      async listen(door) {
        const { index, address } = await ask<{ index: number; address: typeof door.address }>('listen', door)
        return { address, renew: (tls) => ask('renew', index, tls) }
      },
      admit: (fingerprints) => ask('admit', fingerprints),
      setUser: (name, spec) => ask('setUser', name, spec),
      removeUser: (name) => ask('removeUser', name),
      deleteQueue: (vhost, name) => ask('deleteQueue', vhost, name),
      async close() {
        closing = true
        await ask('close')
        await worker.terminate()
      },
    }
  }
}

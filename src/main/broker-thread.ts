// The embedded broker in a thread of its own, asked over a message port. The cloud can't go on without it: when the thread
// fails, the process ends with it, and the supervisor starts both again from what is on disk.
import { Worker } from 'node:worker_threads'
import type { CloudBroker, CloudBrokerPlan } from './cloud-broker.ts'
import { openThread } from './thread-port.ts'

export type ThreadPlan = Omit<CloudBrokerPlan, 'world' | 'log'> & {
  logLevel: string
  /** Where the controller's own connections come in. */
  socket: string
}

export function brokerThread(
  logLevel: string,
  socket: string,
): (plan: CloudBrokerPlan) => Promise<CloudBroker> {
  return async ({ world, log, users, dataDir }) => {
    const workerData: ThreadPlan = { users, dataDir, logLevel, socket }
    const worker = new Worker(new URL('./broker-thread-entry.ts', import.meta.url), { workerData })
    const { ask, end } = await openThread(worker, log, 'the message broker')
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
        await ask('close')
        await end()
      },
    }
  }
}

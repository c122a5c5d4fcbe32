// The embedded broker in a thread of its own, asked over a message port. The cloud can't go on without it: when the thread
// fails, the process ends with it, and the supervisor starts both again from what is on disk.
import { Worker } from 'node:worker_threads'
import { brokerOver } from './broker-port.ts'
import type { CloudBroker, CloudBrokerPlan } from './cloud-broker.ts'
import { openThread } from './thread-port.ts'

export type ThreadPlan = {
  logLevel: string
  /** Where the controller's own connections come in. */
  socket: string
}

export function brokerThread(
  logLevel: string,
  socket: string,
): (plan: CloudBrokerPlan) => Promise<CloudBroker> {
  return async (plan) => {
    const workerData: ThreadPlan = { logLevel, socket }
    const worker = new Worker(new URL('./broker-thread-entry.ts', import.meta.url), { workerData })
    const thread = openThread(worker, plan.log, 'the message broker')
    const broker = await thread.whole(brokerOver(thread, socket, plan))
    return {
      ...broker,
      async close() {
        await broker.close()
        await thread.end()
      },
    }
  }
}

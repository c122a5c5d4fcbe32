// The other end of broker-thread.ts: opens the broker and does what it is asked, in the order of the questions.
import { parentPort, workerData } from 'node:worker_threads'
import { asError, CloudError, fullMessage } from '#kit/errors/cloud-error.ts'
import { openLog } from '#kit/log/log.ts'
import { realWorld } from '#kit/world/real.ts'
import type { ListenTls } from '#kit/world/world.ts'
import { brokerHere } from './broker-here.ts'
import type { ThreadAnswer, ThreadCall, ThreadPlan } from './broker-thread.ts'
import type { BrokerDoor, OpenDoor } from './cloud-broker.ts'

const { users, dataDir, logLevel, socket } = workerData as ThreadPlan
const world = realWorld()
const log = openLog({ level: logLevel }).with({ service: 'broker' })
const answer = (message: ThreadAnswer) => parentPort!.postMessage(message)
const doors: OpenDoor[] = []

async function open() {
  const { listen, setUser, removeUser, deleteQueue, admit, close } = await brokerHere({
    world,
    log,
    users,
    dataDir,
  })
  await listen({ protocol: 'amqp', address: { path: socket, mode: 0o600 } })
  return {
    setUser,
    removeUser,
    deleteQueue,
    admit,
    close,
    async listen(door: BrokerDoor) {
      const opened = await listen(door)
      return { index: doors.push(opened) - 1, address: opened.address }
    },
    renew: (index: number, tls: ListenTls) => doors[index]!.renew(tls),
  }
}

const methods = await open().catch((error: unknown) => {
  answer({ id: 0, error: wireError(error) })
  return undefined
})
if (methods) {
  parentPort!.on('message', ({ id, method, args }: ThreadCall) => {
    // The port carries names; which method takes which arguments, broker-thread.ts knows.
    const call = methods[method as keyof typeof methods] as (...args: unknown[]) => Promise<unknown>
    call(...args).then(
      (result) => answer({ id, result }),
      (error) => answer({ id, error: wireError(error) }),
    )
  })
  answer({ id: 0 })
}

function wireError(thrown: unknown): NonNullable<ThreadAnswer['error']> {
  const error = asError(thrown)
  if (!(error instanceof CloudError))
    log.error({ error: error.stack }, 'the message broker failed at a request')
  return { kind: error instanceof CloudError ? error.kind : 'internal', message: fullMessage(error) }
}

// The other end of broker-thread.ts: opens the broker and does what it is asked.
import { parentPort, workerData } from 'node:worker_threads'
import { openLog } from '#kit/log/log.ts'
import { realWorld } from '#kit/world/real.ts'
import { brokerHere } from './broker-here.ts'
import { brokerMethods } from './broker-port.ts'
import type { ThreadPlan } from './broker-thread.ts'
import { openThreadPort } from './thread-port.ts'

const { logLevel, socket } = workerData as ThreadPlan
const world = realWorld()
const log = openLog({ level: logLevel }).with({ service: 'broker' })

const open = brokerMethods(socket, (order) => brokerHere({ world, log, ...order }))
openThreadPort(parentPort!, log, 'the message broker', open)

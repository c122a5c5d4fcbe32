// The other end of broker-thread.ts: opens the broker and does what it is asked.
import { parentPort, workerData } from 'node:worker_threads'
import { openLog } from '#kit/log/log.ts'
import { realWorld } from '#kit/world/real.ts'
import type { ListenTls } from '#kit/world/world.ts'
import { brokerHere } from './broker-here.ts'
import type { ThreadPlan } from './broker-thread.ts'
import type { BrokerDoor, CloudBroker, OpenDoor } from './cloud-broker.ts'
import { openThreadPort } from './thread-port.ts'

const { users, dataDir, logLevel, socket } = workerData as ThreadPlan
const world = realWorld()
const log = openLog({ level: logLevel }).with({ service: 'broker' })
const doors: OpenDoor[] = []
let broker: CloudBroker

openThreadPort(parentPort!, log, 'the message broker', {
  async open() {
    broker = await brokerHere({ world, log, users, dataDir })
    await broker.listen({ protocol: 'amqp', address: { path: socket, mode: 0o600 } })
  },
  async listen(door: BrokerDoor) {
    const opened = await broker.listen(door)
    return { index: doors.push(opened) - 1, address: opened.address }
  },
  renew: (index: number, tls: ListenTls) => doors[index]!.renew(tls),
  admit: (fingerprints: readonly string[]) => broker.admit(fingerprints),
  setUser: (...given: Parameters<CloudBroker['setUser']>) => broker.setUser(...given),
  removeUser: (name: string) => broker.removeUser(name),
  deleteQueue: (vhost: string, name: string) => broker.deleteQueue(vhost, name),
  close: () => broker.close(),
})

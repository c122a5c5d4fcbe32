// The embedded broker of another thread: its methods there, and here what stands for it.
import type { ListenTls, World } from '#kit/world/world.ts'
import type { BrokerDoor, CloudBroker, CloudBrokerPlan, OpenDoor } from './cloud-broker.ts'
import type { ThreadMethods, ThreadPort } from './thread-port.ts'

/** Of the plan, what can go to another thread. */
export type BrokerOrder = Pick<CloudBrokerPlan, 'users' | 'dataDir'>

/** `open` opens it; `socket` is where other threads connect to it. */
export function brokerMethods(
  socket: string,
  open: (order: BrokerOrder) => Promise<CloudBroker>,
): ThreadMethods {
  let broker: CloudBroker
  let doors: OpenDoor[] = []
  return {
    async openBroker(order: BrokerOrder) {
      broker = await open(order)
      doors = []
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
    closeBroker: () => broker.close(),
  }
}

export async function brokerOver(
  { ask }: ThreadPort,
  socket: string,
  { world, users, dataDir }: BrokerOrder & { world: Pick<World, 'sockets'> },
): Promise<CloudBroker> {
  await ask('openBroker', { users, dataDir } satisfies BrokerOrder)
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
    close: () => ask('closeBroker'),
  }
}

// The message broker's process in a simulation: the embedded broker alone, with its store on its machine's disk.
import { type Broker, openBroker } from '#broker/broker.ts'
import type { Log } from '#kit/log/log.ts'
import type { World } from '#kit/world/world.ts'
import { usualPorts } from '#main/port.ts'
import { busName, busUsers, dataRoot } from './setup.ts'

export async function startBroker(world: World, log: Log, hosts: readonly string[]): Promise<Broker> {
  const broker = await openBroker({ world, log, users: busUsers(hosts), dataDir: `${dataRoot}/broker` })
  await broker.listen({ host: busName, port: usualPorts.amqp })
  return broker
}

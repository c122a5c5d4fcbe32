// For log-store.test.ts: a broker and a publisher in a process that is killed. Tells each confirmed number to its parent.
// Arguments: the data folder and the first number.
import { duplexPair } from 'node:stream'
import { connectAmqp } from '#kit/amqp/client/connection.ts'
import { silentLog } from '#kit/log/log.ts'
import { realWorld } from '#kit/world/real.ts'
import { openBroker } from '../broker.ts'
import { everything } from '../test-broker.ts'

const [dataDir, first] = process.argv.slice(2)
const world = realWorld()
const users = { nimbo: { password: 'secret', permissions: { '/': everything } } }
const broker = await openBroker({ world, log: silentLog, users, dataDir })
const [stream, far] = duplexPair()
broker.accept(far)
const connection = await connectAmqp({
  world,
  stream,
  user: 'nimbo',
  password: 'secret',
  vhost: '/',
  name: 'target',
})
const channel = await connection.openChannel()
await channel.confirmPublishing()
await channel.ask('queue.declare', { queue: 'q', durable: true })
for (let number = Number(first); ; number++) {
  const mine = number
  void channel.publish('', 'q', { deliveryMode: 2 }, Buffer.from(`${mine}`)).then(() => process.send!(mine))
  if (number % 20 === 0) await new Promise((resolve) => setImmediate(resolve))
}

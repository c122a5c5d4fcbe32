// The kill harness of the message broker: `nimbo broker` as a process, connections that publish persistent messages
// with confirms, others that consume with acknowledgements, and kill -9 in between. It keeps account of every message:
// what was confirmed must come, and what comes twice must say so.
import { mkdtempSync, rmSync } from 'node:fs'
import type { ClientChannel, Delivered } from '#kit/amqp/client/channel.ts'
import { type ClientConnection, connectAmqp } from '#kit/amqp/client/connection.ts'
import { realWorld } from '#kit/world/real.ts'
import type { StartedProcess } from '#kit/world/world.ts'
import { until } from '#test/interop/live-cloud.ts'

const world = realWorld()
const launcher = new URL('../../nimbo', import.meta.url).pathname
const queues = ['own-0', 'own-1', 'shared-a', 'shared-b', 'deep', 'quorum']
/** Where publishers send, and the queues that it ends in. */
const routes: { exchange: string; key: string; into: string[] }[] = [
  { exchange: '', key: 'own-0', into: ['own-0'] },
  { exchange: '', key: 'own-1', into: ['own-1'] },
  { exchange: 'both', key: '', into: ['shared-a', 'shared-b'] },
  { exchange: '', key: 'deep', into: ['deep'] },
  { exchange: '', key: 'quorum', into: ['quorum'] },
]
/** Of unconfirmed messages, for each publisher. */
const window = 100
/** Before a kill, however slow the machine is. */
const leastConfirmed = 200

export type Account = {
  kills: number
  published: number
  confirmed: number
  delivered: number
  redelivered: number
  /** Confirmed for a queue, and never delivered from it. */
  lost: string[]
  /** Delivered before, and without the redelivered flag now. */
  unflagged: string[]
  /** Milliseconds from the start of the process to its first answer, slowest. */
  slowestStartMs: number
}

export async function killRounds(options: { kills: number; seed: number }): Promise<Account> {
  const folder = mkdtempSync('/tmp/nimbo-kill-broker-')
  const book = openBook()
  const random = lcg(options.seed)
  let slowestStartMs = 0
  try {
    for (let round = 0; round < options.kills; round++) {
      const began = world.clock.monotonic()
      const broker = await startBroker(folder, round)
      // Some die while they still read what the one before them left.
      if (round % 5 === 4) await world.timers.sleep(random(150))
      else {
        const port = await broker.port()
        slowestStartMs = Math.max(slowestStartMs, world.clock.monotonic() - began)
        const clients = await openClients(port, book, round)
        const enough = book.confirmed + leastConfirmed
        await until('messages are confirmed', async () => book.confirmed >= enough, 60_000, 5)
        await world.timers.sleep(random(350))
        await broker.kill()
        await clients.ended
        continue
      }
      await broker.kill()
    }
    const broker = await startBroker(folder, options.kills)
    await drain(await broker.port(), book)
    await broker.kill()
  } finally {
    rmSync(folder, { recursive: true })
  }
  return { kills: options.kills, ...book.result(), slowestStartMs: Math.round(slowestStartMs) }
}

function openBook() {
  let [published, delivered, redelivered] = [0, 0, 0]
  const confirmed = new Map<string, string[]>()
  const seen = new Set<string>()
  const unflagged: string[] = []
  return {
    next: () => `${++published}`,
    get confirmed() {
      return confirmed.size
    },
    confirm: (id: string, into: string[]) => void confirmed.set(id, into),
    deliver(queue: string, { body, redelivered: isFlagged }: Delivered) {
      const key = `${queue}/${body.toString('latin1', 0, body.indexOf(' '))}`
      delivered++
      if (isFlagged) redelivered++
      else if (seen.has(key)) unflagged.push(key)
      seen.add(key)
    },
    result() {
      const lost: string[] = []
      for (const [id, into] of confirmed)
        for (const queue of into) if (!seen.has(`${queue}/${id}`)) lost.push(`${queue}/${id}`)
      return { published, confirmed: confirmed.size, delivered, redelivered, lost, unflagged }
    },
  }
}
type Book = ReturnType<typeof openBook>

async function startBroker(folder: string, round: number) {
  const logFile = `${folder}/said-${round}`
  const args = ['broker', '--data', `${folder}/data`, '--guest', '--port', '0', '--log-level', 'error']
  const started: StartedProcess = await world.processes.start(launcher, args, {
    logFile,
    env: { HOME: folder, PATH: process.env.PATH! },
  })
  return {
    async port(): Promise<number> {
      const said = async () => {
        const text = (await world.files.exists(logFile)) ? await world.files.readText(logFile) : ''
        if (!world.processes.alive(started.pid)) throw new Error(`The broker ended: ${text}`)
        return /^amqp 127\.0\.0\.1:(\d+)$/m.exec(text)?.[1]
      }
      return Number(await until('the broker listens', said, 30_000, 5))
    },
    async kill() {
      started.kill('SIGKILL')
      await started.exited
      const text = (await world.files.exists(logFile)) ? await world.files.readText(logFile) : ''
      if (/"level":"?(error|50)/.test(text)) throw new Error(`The broker reported an error: ${text}`)
    },
  }
}

async function connect(port: number): Promise<ClientConnection> {
  const stream = await world.sockets.connect({ host: '127.0.0.1', port })
  stream.setNoDelay?.(true)
  return connectAmqp({ world, stream, user: 'guest', password: 'guest', vhost: '/', name: 'kill test' })
}

async function openClients(port: number, book: Book, round: number) {
  const setup = await connect(port)
  const connections = [setup]
  const channel = await setup.openChannel()
  for (const queue of queues) {
    const table = queue === 'quorum' ? { 'x-queue-type': 'quorum' } : {}
    await channel.ask('queue.declare', { queue, durable: true, arguments: table })
  }
  await channel.ask('exchange.declare', { exchange: 'both', type: 'fanout', durable: true })
  for (const queue of ['shared-a', 'shared-b']) await channel.ask('queue.bind', { queue, exchange: 'both' })
  for (const [index, queue] of queues.entries()) {
    // One grows deep, and is read from now and then.
    if (queue === 'deep' && round % 8 !== 7) continue
    const connection = await connect(port)
    connections.push(connection)
    await consumeAll(await connection.openChannel(), queue, book, index)
  }
  for (const route of routes) {
    const connection = await connect(port)
    connections.push(connection)
    const own = await connection.openChannel()
    await own.confirmPublishing()
    for (let i = 0; i < window; i++) void publishOn(own, route, book)
  }
  return { ended: Promise.all(connections.map(({ ended }) => ended)) }
}

/** Acknowledges most at once, some in groups, and gives some back first. */
async function consumeAll(channel: ClientChannel, queue: string, book: Book, style: number): Promise<void> {
  await channel.ask('basic.qos', { prefetchCount: 50 })
  let count = 0
  const delivered = (message: Delivered) => {
    const { deliveryTag } = message
    book.deliver(queue, message)
    if (++count % 97 === 0 && !message.redelivered) channel.tell('basic.nack', { deliveryTag, requeue: true })
    else if (style % 2 === 0) channel.ack(deliveryTag)
    else if (deliveryTag % 10 === 0) channel.tell('basic.ack', { deliveryTag, multiple: true })
  }
  await channel.consume(queue, 'c', {}, delivered, () => {})
}

/** One after the other until the broker is gone. */
async function publishOn(channel: ClientChannel, route: (typeof routes)[number], book: Book): Promise<void> {
  for (;;) {
    const id = book.next()
    const size = Number(id) % 500 === 0 ? 300_000 : (Number(id) * 37) % 3000
    const body = Buffer.from(`${id} ${'x'.repeat(size)}`)
    try {
      await channel.publish(route.exchange, route.key, { deliveryMode: 2 }, body)
    } catch {
      // The broker was killed: whether it has this one, nobody can know, and nobody is promised.
      return
    }
    book.confirm(id, route.into)
  }
}

async function drain(port: number, book: Book): Promise<void> {
  const connection = await connect(port)
  const channel = await connection.openChannel()
  for (const queue of queues) {
    const { messageCount } = await channel.ask('queue.declare', { queue, passive: true })
    let left = messageCount
    await new Promise<void>((resolve, reject) => {
      if (left === 0) resolve()
      const delivered = (message: Delivered) => {
        book.deliver(queue, message)
        channel.ack(message.deliveryTag)
        if (--left === 0) resolve()
      }
      channel.consume(queue, `drain-${queue}`, {}, delivered, () => {}).catch(reject)
    })
  }
  await connection.close()
}

/** Numerical Recipes' generator: a run can be told again by its seed, as far as processes allow. */
function lcg(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state % below
  }
}

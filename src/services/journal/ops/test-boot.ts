// A boot as the services record it, hop by hop with its spans: what the tests of the trace start from.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { EventKind, Journal, JournalEvent, NewEvent, Trace } from '#kit/journal/journal.ts'
import { memorySink } from '#kit/journal/memory-sink.ts'
import { openJournal } from '#kit/journal/store.ts'
import { silentLog } from '#kit/log/log.ts'
import { type VirtualWorld, virtualWorld } from '#kit/world/virtual.ts'

export type SampleOptions = {
  /** Another server of the same request, whose build fails. */
  also?: string
  /** nova-api and glance have validated this token before. */
  cached?: boolean
  /** No volumes. */
  volumes?: boolean
  /** Time between login and POST. */
  tokenAgeMs?: number
  /** The driver fails at the first so many tries. */
  failures?: number
}

type Details = Omit<NewEvent, 'kind' | 'name'>

export async function sampleBoot(options: SampleOptions = {}): Promise<JournalEvent[]> {
  const world = virtualWorld()
  const sink = memorySink()
  const journal = openJournal({ world, log: silentLog, host: 'node1', service: 'none', sink })
  await recordBoot(world, journal, options)
  await journal.flush()
  return sink.query({ limit: 10_000 })
}

async function recordBoot(world: VirtualWorld, journal: Journal, options: SampleOptions): Promise<void> {
  const subjects = ['s1', ...(options.also ? [options.also] : [])].map((id) => `server:${id}`)
  let requests = 0
  const write = async (service: string, at: Trace, kind: EventKind, name: string, details: Details = {}) => {
    await world.advance(1)
    journal.as(service).record(at, { kind, name, ...details })
  }
  const inside = async (
    service: string,
    at: Trace,
    kind: EventKind,
    name: string,
    details: Details,
    work: (child: Trace) => Promise<void>,
  ) => {
    await world.advance(1)
    await journal.as(service).span(at, { kind, name, ...details }, work)
  }
  /** The other side of a REST call: its request event, with what it does in between. */
  const served = (
    service: string,
    at: Trace,
    name: string,
    details: Details,
    work: (child: Trace) => Promise<void>,
  ) => inside(service, at, 'request', name, { requestId: `req-${++requests}`, ...details }, work)
  const validated = (service: string, at: Trace) =>
    options.cached
      ? write(service, at, 'rest', 'token.validate', { data: { cached: true } })
      : inside(service, at, 'rest', 'token.validate', { data: { cached: false } }, (child) =>
          served('keystone', child, 'GET /v3/auth/tokens', { projectId: 'service' }, (inner) =>
            write('keystone', inner, 'token', 'token.validated', { data: { auditId: 'audit-1' } }),
          ),
        )

  await served('keystone', journal.newTrace(), 'POST /v3/auth/tokens', {}, (trace) =>
    write('keystone', trace, 'token', 'token.issue', {
      requestId: `req-${requests}`,
      data: { auditId: 'audit-1' },
    }),
  )
  await world.advance(options.tokenAgeMs ?? 5)

  let task: Trace | undefined
  const posted = { projectId: 'p1', data: { status: 202, auditIds: ['audit-1'] } }
  await served('nova-api', journal.newTrace(), 'POST /v2.1/servers', posted, async (trace) => {
    task = trace
    await validated('nova-api', trace)
    // The API looks at the image as well: glance validates a token here too, which is not step 21.
    await inside('nova-api', trace, 'rest', 'GET /v2/images/:id', {}, (child) =>
      served('glance-api', child, 'GET /v2/images/:image_id', {}, (inner) => validated('glance-api', inner)),
    )
    await write('nova-api', trace, 'db', 'server.quota')
    for (const subject of subjects) await write('nova-api', trace, 'db', 'server.insert', { subject })
  })
  const failures = options.failures ?? 0
  for (let attempt = 0; attempt <= failures; attempt++) await tryHost(task!, subjects[0]!, attempt < failures)
  for (const other of subjects.slice(1)) await tryHost(task!, other, true)

  async function tryHost(at: Trace, subject: string, fails: boolean): Promise<void> {
    const message = (number: number): Details => ({ subject, data: { messageId: `message-${number}` } })
    await inside('nova-conductor', at, 'task', 'server-create.select', { subject }, (step) =>
      inside('nova-conductor', step, 'rpc.call', 'scheduler.selectDestinations', message(1), (call) =>
        inside(
          'nova-scheduler',
          call,
          'rpc.consume',
          'scheduler.selectDestinations',
          message(1),
          async (own) => {
            await write('nova-scheduler', journal.childOf(own), 'rest', 'GET /allocation_candidates')
            await write('nova-scheduler', own, 'decision', 'scheduler.filter')
            await write('nova-scheduler', journal.childOf(own), 'rest', 'PUT /allocations/:id', { subject })
            await write('nova-scheduler', own, 'db', 'server.host', { subject })
          },
        ),
      ),
    )
    await inside('nova-conductor', at, 'task', 'server-create.ports', { subject }, async () => {})
    let cast: Trace | undefined
    await inside('nova-conductor', at, 'task', 'server-create.build', { subject }, async (step) => {
      cast = journal.childOf(step)
      await write('nova-conductor', cast, 'rpc.cast', 'compute.build', message(2))
    })
    await inside('nova-compute', cast!, 'rpc.consume', 'compute.build', message(2), (own) =>
      buildOn(own, subject, fails),
    )
    if (!fails)
      await inside('nova-conductor', at, 'task', 'server-create.settle', { subject }, async () => {})
  }

  async function buildOn(at: Trace, subject: string, fails: boolean): Promise<void> {
    const message = (number: number): Details => ({ subject, data: { messageId: `message-${number}` } })
    const call = journal.childOf(at)
    await write('nova-compute', call, 'rpc.call', 'conductor.serverGet', message(3))
    await inside('nova-conductor', call, 'rpc.consume', 'conductor.serverGet', message(3), async (own) => {
      await write('nova-conductor', own, 'db', 'server.lookup', { subject })
      await write('nova-conductor', own, 'db', 'server.read', { subject })
      await write('nova-conductor', journal.childOf(own), 'rpc.reply', 'conductor.serverGet', message(3))
    })
    await write('nova-compute', journal.childOf(call), 'rpc.result', 'conductor.serverGet', message(3))
    const ask = (name: string, peer: string) =>
      inside('nova-compute', at, 'rest', name, { subject }, (child) =>
        served(peer, child, name, {}, (inner) => validated(peer, inner)),
      )
    await ask('GET /v2/images/:id', 'glance-api')
    await write('nova-compute', at, 'driver', 'image.info', { subject })
    await ask('GET /v2.0/ports', 'neutron-server')
    await write('nova-compute', at, 'driver', 'network.info', { subject })
    if (options.volumes ?? true) {
      await ask('PUT /v3/attachments/:id', 'cinder-api')
      await write('nova-compute', at, 'driver', 'volume.info', { subject })
    } else {
      const data = { needed: false, reason: 'the server has no volumes' }
      await write('nova-compute', at, 'driver', 'volume.info', { subject, data })
    }
    const failure = new CloudError('unavailable', 'QEMU ended: out of memory')
    const created = inside('nova-compute', at, 'driver', 'virt.create', { subject }, async (child) => {
      await write('nova-compute', child, 'driver', 'virt.disk.create', { subject })
      await write('nova-compute', child, 'driver', 'virt.guest.start', { subject })
      await world.advance(4)
      if (fails) throw failure
    })
    await created.catch((error) => {
      if (error !== failure) throw error
    })
  }
}

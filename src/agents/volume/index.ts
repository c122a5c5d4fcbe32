// The volume agent of a host: makes, grows and removes volumes as ordered, says how to reach them, and reports.
import { volumeAgent, volumePlugin } from '#contracts/volume-agent.ts'
import type { VolumeDriver, VolumeSource } from '#drivers/volume/load.ts'
import type { Bus, Incoming } from '#kit/bus/bus.ts'
import { asError, CloudError, fullMessage } from '#kit/errors/cloud-error.ts'
import { type HttpClient, restClient } from '#kit/http/client.ts'
import { type Journal, quiet, type Trace } from '#kit/journal/journal.ts'
import type { Log } from '#kit/log/log.ts'
import { startLoop } from '#kit/loop/loop.ts'
import { startReports } from '#kit/loop/report.ts'
import type { World } from '#kit/world/world.ts'

const service = 'cinder-volume'
const reportMs = 10_000
const sweepMs = 300_000
/** A volume just made may not be in the list that was asked for a moment before. */
const orphanGraceMs = 60_000
const tellAttempts = 30
const tellPauseMs = 2_000

export type VolumeAgentParts = {
  world: World
  log: Log
  journal: Journal
  bus: Bus
  host: string
  /** Of its loops, as a loop has it. */
  phase?: number | undefined
  driver: VolumeDriver
  http: HttpClient
  endpoint: (type: 'image') => string
  /** A token of a service user that sees all images. */
  serviceToken: (trace: Trace) => Promise<string>
}

export type VolumeAgent = { stop(): Promise<void> }

type Order = { volumeId: string; operationId: string }

export async function startVolumeAgent(parts: VolumeAgentParts): Promise<VolumeAgent> {
  const { world, bus, host, driver } = parts
  const log = parts.log.with({ agent: 'volume', host })
  const journal = parts.journal.as(service)
  const plugin = bus.caller(volumePlugin, service)
  const images = restClient({
    http: parts.http,
    journal,
    baseUrl: () => parts.endpoint('image'),
    peer: 'glance-api',
  })
  const queues = new Map<string, Promise<void>>()

  async function imageSource(trace: Trace, id: string): Promise<VolumeSource> {
    const token = await parts.serviceToken(trace)
    const { body } = await images.request<Record<string, unknown>>(trace, token, 'GET', '/v2/images/:id', {
      params: { id },
    })
    if (body.status !== 'active')
      throw new CloudError('conflict', `Image ${id} is ${String(body.status)}, not active.`)
    return {
      diskFormat: String(body.disk_format),
      sizeBytes: Number(body.size),
      hashAlgorithm: typeof body.os_hash_algo === 'string' ? body.os_hash_algo : undefined,
      hashValue: typeof body.os_hash_value === 'string' ? body.os_hash_value : undefined,
      async open() {
        const answer = await images.request(trace, token, 'GET', '/v2/images/:id/file', {
          params: { id },
          stream: true,
          timeoutMs: 600_000,
        })
        if (!answer.stream) throw new CloudError('conflict', `Image ${id} has no content.`)
        return answer.stream
      },
    }
  }

  /** One at a time for each volume; the end is told until somebody hears it, and `taken` follows where it counted. */
  async function run(
    name: string,
    order: Order,
    incoming: Incoming,
    work: (trace: Trace) => Promise<void>,
    taken?: () => Promise<void>,
  ): Promise<void> {
    const { volumeId, operationId } = order
    const subject = `volume:${volumeId}`
    const turn = (queues.get(volumeId) ?? Promise.resolve()).then(async () => {
      let error: string | null = null
      try {
        await journal.span(incoming.trace, { kind: 'driver', name: `volume.${name}`, subject }, work)
      } catch (thrown) {
        log.warn({ volumeId, operation: name, error: fullMessage(thrown) }, 'an operation failed')
        error =
          thrown instanceof CloudError ? thrown.message : `An unexpected error: ${asError(thrown).message}`
      }
      for (let attempt = 1; ; attempt++) {
        try {
          const { accepted } = await plugin.operationDone(
            { host, volumeId, operationId, ok: error === null, error },
            { trace: incoming.trace, subject },
          )
          if (accepted && error === null) await taken?.()
          return
        } catch (thrown) {
          if (attempt === tellAttempts) throw thrown
          await world.timers.sleep(tellPauseMs)
        }
      }
    })
    const settled = turn.catch(() => {})
    queues.set(volumeId, settled)
    try {
      await turn
    } finally {
      if (queues.get(volumeId) === settled) queues.delete(volumeId)
    }
  }

  const served = await bus.serve(volumeAgent, host, service, {
    create: ({ sizeGib, imageId, ...order }, incoming) =>
      run(
        'create',
        order,
        incoming,
        async (trace) => {
          const source = imageId === null ? undefined : await imageSource(trace, imageId)
          await driver.create(order.volumeId, sizeGib, source)
        },
        () => driver.confirm(order.volumeId),
      ),
    delete: (order, incoming) => run('delete', order, incoming, () => driver.delete(order.volumeId)),
    extend: ({ sizeGib, ...order }, incoming) =>
      run('extend', order, incoming, () => driver.extend(order.volumeId, sizeGib)),
    async connect({ volumeId, connectingHost }) {
      if (driver.reach === 'host' && connectingHost !== host)
        throw new CloudError(
          'conflict',
          `Volume ${volumeId} lies on another host than the server, and only guests of that host reach it.`,
          { detail: `it lies on ${host}, and ${connectingHost} asked` },
        )
      return driver.connect(volumeId, connectingHost)
    },
  })

  const report = startReports(world, log, journal, {
    name: 'volume-report',
    everyMs: reportMs,
    phase: parts.phase,
    send: async (startedAt, options) =>
      plugin.hostReport({ host, backend: driver.name, ...(await driver.capacity()), startedAt }, options),
  })
  let orphans = new Map<string, number>()
  const strangers = new Set<string>()
  /**
   * The condition it removes: volumes that were made here and never taken over. One that was, and is unknown now, is
   * somebody's data and perhaps a database that was lost: it stays, and the log tells of it once.
   */
  const sweep = startLoop(world, log, {
    name: 'volume-sweep',
    everyMs: sweepMs,
    phase: parts.phase,
    async run() {
      const here = await driver.list()
      const unconfirmed = new Set(await driver.unconfirmed())
      const { volumeIds } = await plugin.hostVolumes({ host }, { trace: quiet(journal.newTrace()) })
      const known = new Set(volumeIds)
      for (const id of unconfirmed) if (known.has(id) && !queues.has(id)) await driver.confirm(id)
      const now = world.clock.monotonic()
      const unknown = here.filter((id) => !known.has(id))
      for (const id of unknown) {
        if (unconfirmed.has(id) || strangers.has(id)) continue
        strangers.add(id)
        log.warn({ volumeId: id }, 'a volume lies here that the cloud does not know; it is left alone')
      }
      orphans = new Map(unknown.filter((id) => unconfirmed.has(id)).map((id) => [id, orphans.get(id) ?? now]))
      for (const [id, since] of orphans) {
        if (now - since < orphanGraceMs || queues.has(id)) continue
        log.info({ volumeId: id }, 'removing a volume that was made and never taken over')
        await driver.delete(id)
      }
    },
  })
  report.nudge()
  return {
    async stop() {
      await served.stop()
      await Promise.all([report.stop(), sweep.stop()])
    },
  }
}

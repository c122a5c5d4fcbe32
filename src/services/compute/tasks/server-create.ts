// From the row to a running guest: a host, its ports, its volumes, the build. Another host is tried where one fails.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { type TaskHandle, task } from '#kit/task/task.ts'
import type { Compute } from '../app.ts'
import { notifyServer } from '../ops/notify.ts'
import { beginEvent, endEvent } from '../ops/server-action.ts'
import { prepareVolumes, undoVolumes, unreserveVolumes } from '../ops/server-disk.ts'
import { subjectOf } from '../ops/server-load.ts'
import { addressOf, ensurePorts, releasePorts } from '../ops/server-port.ts'
import { readZones } from '../ops/zone.ts'
import type { RequestedServer } from '../resources/request-spec.ts'
import type { Server } from '../resources/server.ts'
import { devicesOf, updateDevice } from '../store/block-device.ts'
import { findServer, findSpec, updateServer, updateUnlessDeleting } from '../store/server.ts'
import { askAgainMs, hostIsUp, type Outcome, order, signalOf } from './operation.ts'

export type CreateFrame = {
  serverId: string
  projectId: string
  requestId: string
  /** Hosts that failed. */
  tried: string[]
  lastError?: string
  host?: string
  operationId?: string
  destroyId?: string
  /** When waiting for ports, volumes or the host began. */
  since?: number
}
type Handle = TaskHandle<Compute, CreateFrame>

const event = 'compute__do_build_and_run_instance'
const lookAgainMs = 10_000
const askFailedMs = 5000

export const serverCreate = task<Compute, CreateFrame>()({
  name: 'server-create',
  start: 'select',
  deadlineMs: 3_600_000,
  steps: {
    select: async (t) => {
      const { app, state } = t
      const { server } = await loadParts(t)
      await t.undo('release')
      if (state.host === undefined) await notifyServer(app, t.trace, server, 'compute.instance.create.start')
      const { host } = await app.scheduler
        .selectDestinations(
          { serverId: state.serverId, exclude: state.tried },
          { trace: t.trace, subject: t.subject },
        )
        .catch((error: unknown) => {
          throw state.tried.length > 0 && isNoValidHost(error) ? exhausted(t, error) : error
        })
      const { random } = app.world
      t.set({ host, operationId: random.uuid(), destroyId: random.uuid(), since: app.world.clock.now() })
      await beginEvent(app.world, app.db, pieceOf(t, host))
      return { go: 'ports' }
    },

    ports: async (t) => {
      const { app } = t
      const { server, spec } = await loadParts(t)
      if (spec.networks.length === 0) return { go: 'volumes' }
      await t.undo('unplug')
      await updateUnlessDeleting(app.db, server.id, { taskState: 'networking' })
      const zone = (await readZones(app.db, app.config)).ofHost(t.state.host!)
      const plans = await ensurePorts(app, t.trace, server, spec, { host: t.state.host!, zone })
      await updateServer(app.db, server.id, { addresses: plans.map(addressOf) })
      t.set({ since: app.world.clock.now() })
      return plans.every(({ port }) => port.status === 'ACTIVE') ? { go: 'volumes' } : { go: 'plugged' }
    },

    /** The network service tells when each port is wired; it is asked as well, so that a lost word only delays. */
    plugged: async (t) => {
      const { app } = t
      const { server } = await loadParts(t)
      const missing = server.addresses.filter((each) => t.signal(`vif:${each.portId}`) === undefined)
      if (missing.length === 0) return { go: 'volumes' }
      const token = await app.conductor.serviceToken(t.trace)
      const ports = await app.conductor.network.listPorts(t.trace, token, { device_id: server.id }, t.subject)
      const waitingFor = missing.find(
        (each) => ports.find((port) => port.id === each.portId)?.status !== 'ACTIVE',
      )
      if (!waitingFor) return { go: 'volumes' }
      if (app.world.clock.now() - t.state.since! >= app.config.vifPluggingTimeout)
        throw new CloudError(
          'conflict',
          `Build of instance ${server.id} aborted: Failed to allocate the network(s): port ${waitingFor.portId} was not wired in time.`,
        )
      return { wait: `vif:${waitingFor.portId}`, then: 'plugged', timeoutMs: lookAgainMs }
    },

    volumes: async (t) => {
      const { app } = t
      const { server } = await loadParts(t)
      const devices = await devicesOf(app.db, server.id)
      if (!devices.some((each) => each.destination === 'volume')) return { go: 'build' }
      await t.undo('detach')
      await updateUnlessDeleting(app.db, server.id, { taskState: 'block_device_mapping' })
      if (await prepareVolumes(app, t.trace, server)) return { go: 'build' }
      if (app.world.clock.now() - t.state.since! >= app.config.volumeTimeout + app.config.vifPluggingTimeout)
        throw new CloudError(
          'conflict',
          `Build of instance ${server.id} aborted: a volume did not finish being created in time.`,
        )
      return { go: 'volumes', after: 500 }
    },

    build: async (t) => {
      const { app, state } = t
      const { server } = await loadParts(t)
      await t.undo('destroy')
      await updateUnlessDeleting(app.db, server.id, { taskState: 'spawning' })
      await order(app, t, 'build', {
        host: state.host!,
        serverId: server.id,
        operationId: state.operationId!,
      })
      t.set({ since: app.world.clock.now() })
      return { wait: signalOf(state.operationId!), then: 'built', timeoutMs: askAgainMs }
    },

    built: async (t) => {
      const { app, state } = t
      const outcome = t.signal<Outcome>(signalOf(state.operationId!))
      if (outcome?.ok) return { go: 'settle' }
      const waited = app.world.clock.now() - state.since!
      if (!outcome && waited < app.config.buildTimeout && (await hostIsUp(app, state.host!))) {
        await order(app, t, 'build', {
          host: state.host!,
          serverId: state.serverId,
          operationId: state.operationId!,
        })
        return { wait: signalOf(state.operationId!), then: 'built', timeoutMs: askAgainMs }
      }
      t.set({
        tried: [...new Set([...state.tried, state.host!])],
        lastError: outcome?.error ?? `Host ${state.host} did not answer.`,
      })
      if (t.state.tried.length >= app.config.maxAttempts) throw exhausted(t)
      return { go: 'abandon' }
    },

    /** Leaves nothing of the failed build behind before another host is chosen. */
    abandon: async (t) => {
      const { app, state } = t
      const of = { host: state.host!, serverId: state.serverId, operationId: state.destroyId! }
      if (!(await hostIsUp(app, of.host))) return { go: 'retry' }
      await order(app, t, 'destroy', of)
      return { wait: signalOf(of.operationId), then: 'abandoned', timeoutMs: askAgainMs }
    },

    abandoned: async (t) => {
      const outcome = t.signal<Outcome>(signalOf(t.state.destroyId!))
      if (outcome?.ok) return { go: 'retry' }
      if (!outcome) return { go: 'abandon' }
      // This id has had its answer; and who fails at once would be asked again at once, a thousand times a second.
      t.set({ destroyId: t.app.world.random.uuid() })
      return { go: 'abandon', after: askFailedMs }
    },

    retry: async (t) => {
      const { app, state } = t
      const { server } = await loadParts(t)
      await endEvent(app.world, app.db, {
        ...pieceOf(t, state.host!),
        result: 'Error',
        details: state.lastError,
      })
      await unreserveVolumes(app, t.trace, server)
      await releaseClaim(t)
      return { go: 'select' }
    },

    settle: async (t) => {
      const { app } = t
      const { server } = await loadParts(t)
      const now = app.world.clock.now()
      const change = {
        vmState: 'active',
        taskState: null,
        powerState: 1,
        launchedAt: server.launchedAt ?? now,
        updatedAt: now,
        fault: null,
      } as const
      for (const each of await devicesOf(app.db, server.id))
        await updateDevice(app.db, each.id, { state: 'attached' })
      await updateUnlessDeleting(app.db, server.id, change)
      await endEvent(app.world, app.db, { ...pieceOf(t, t.state.host!), result: 'Success' })
      await notifyServer(app, t.trace, { ...server, ...change }, 'compute.instance.create.end', {
        message: 'Success',
      })
      return { done: true }
    },
  },
  undo: {
    release: (t) => releaseClaim(t),
    unplug: async (t) => {
      const spec = await findSpec(t.app.db, t.state.serverId)
      const users = new Set(spec?.networks.flatMap((each) => each.portId ?? []))
      await releasePorts(t.app, t.app.conductor, t.trace, t.state.serverId, (id) => !users.has(id))
      await updateServer(t.app.db, t.state.serverId, { addresses: [] })
    },
    detach: (t) => undoVolumes(t.app, t.trace, { id: t.state.serverId, projectId: t.state.projectId }),
    /** A host that is down is not waited for: it looks at what it should have when it comes back, and this isn't among it. */
    destroy: async (t) => {
      const { app, state } = t
      const { host, serverId, destroyId } = state
      if (!host || !destroyId) return undefined
      const outcome = t.signal<Outcome>(signalOf(destroyId))
      if (outcome?.ok || !(await hostIsUp(app, host))) return undefined
      if (outcome) {
        t.log.warn(
          { host, error: outcome.error },
          'a host could not destroy a failed build and is asked again',
        )
        // This id has had its answer.
        t.set({ destroyId: app.world.random.uuid() })
        return { again: askFailedMs }
      }
      await order(app, t, 'destroy', { host, serverId, operationId: destroyId })
      return { again: askAgainMs }
    },
  },
  failed: async (t, { message }) => {
    const { app } = t
    const server = await findServer(app.db, t.state.serverId)
    if (!server) return
    await endEvent(app.world, app.db, {
      ...pieceOf(t, t.state.host ?? null),
      result: 'Error',
      details: message,
    })
    const now = app.world.clock.now()
    const change = {
      vmState: 'error',
      taskState: null,
      powerState: 0,
      fault: { code: 500, message, details: t.state.lastError ?? '', at: now },
      updatedAt: now,
    } as const
    if (!(await updateUnlessDeleting(app.db, server.id, change))) return
    await notifyServer(app, t.trace, { ...server, ...change }, 'compute.instance.create.error', { message })
  },
})

async function loadParts(t: Handle): Promise<{ server: Server; spec: RequestedServer }> {
  const server = await findServer(t.app.db, t.state.serverId)
  const spec = await findSpec(t.app.db, t.state.serverId)
  if (!server || !spec) throw new CloudError('gone', 'The server was deleted.')
  return { server, spec }
}

async function releaseClaim(t: Handle): Promise<void> {
  const { app, state } = t
  const token = await app.conductor.serviceToken(t.trace)
  await app.conductor.placement.release(t.trace, token, state.serverId, subjectOf(state.serverId))
  await updateServer(app.db, state.serverId, { host: null, node: null })
}

function pieceOf(t: Handle, host: string | null) {
  const { serverId, requestId, projectId } = t.state
  return { serverId, requestId, projectId, host, event }
}

function isNoValidHost(error: unknown): boolean {
  return error instanceof CloudError && error.type === 'NoValidHost'
}

function exhausted(t: Handle, cause?: unknown): CloudError {
  const words = `Exceeded maximum number of retries. Exhausted all hosts available for retrying build failures for instance ${t.state.serverId}.`
  return new CloudError('conflict', t.state.lastError ? `${words} Last error: ${t.state.lastError}` : words, {
    cause,
  })
}

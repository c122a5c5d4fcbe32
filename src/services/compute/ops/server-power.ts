// Orders that change whether a server runs, and the state, lock and deletion of it.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { ComputeContext } from '../app.ts'
import { isAdmin } from '../resources/policy.ts'
import type { Server, ServerAction, TaskState, VmState } from '../resources/server.ts'
import { serverRules } from '../resources/server-rule.ts'
import { changeServer, findServer, updateServer } from '../store/server.ts'
import { serverDelete } from '../tasks/server-delete.ts'
import { type PowerVerb, serverPower } from '../tasks/server-power.ts'
import { notifyServer } from './notify.ts'
import { recordAction } from './server-action.ts'
import { loadServer, requireState, requireUnlocked, subjectOf } from './server-load.ts'

type Order = {
  rule: keyof typeof serverRules
  can: ServerAction
  /** As errors and instance actions name it. */
  word: string
  action: string
  taskState: TaskState
  desired: Server['desiredPower']
}
const orders: Record<PowerVerb, Order> = {
  start: {
    rule: 'start',
    can: 'start',
    word: 'start',
    action: 'start',
    taskState: 'powering-on',
    desired: 'running',
  },
  stop: {
    rule: 'stop',
    can: 'stop',
    word: 'stop',
    action: 'stop',
    taskState: 'powering-off',
    desired: 'stopped',
  },
  pause: {
    rule: 'pause',
    can: 'pause',
    word: 'pause',
    action: 'pause',
    taskState: 'pausing',
    desired: 'paused',
  },
  unpause: {
    rule: 'unpause',
    can: 'unpause',
    word: 'unpause',
    action: 'unpause',
    taskState: 'unpausing',
    desired: 'running',
  },
  softReboot: {
    rule: 'reboot',
    can: 'softReboot',
    word: 'reboot',
    action: 'reboot',
    taskState: 'rebooting',
    desired: 'running',
  },
  hardReboot: {
    rule: 'reboot',
    can: 'hardReboot',
    word: 'reboot',
    action: 'reboot',
    taskState: 'rebooting_hard',
    desired: 'running',
  },
}

export async function orderPower(context: ComputeContext, id: string, verb: PowerVerb): Promise<void> {
  const { app } = context
  const { rule, can, word, action, taskState, desired } = orders[verb]
  const server = await loadServer(context, id, serverRules[rule])
  requireUnlocked(context, server)
  requireState(server, can, word)
  if (server.host === null) throw new CloudError('conflict', `Instance ${id} is not ready`)
  // An earlier order that a hard reboot may break into must not write its own end later.
  for (const each of server.taskState === null ? [] : await app.tasks.running(subjectOf(id)))
    if (each.kind === 'server-power')
      await app.tasks.cancel(subjectOf(id), each.kind, 'A hard reboot took its place.')
  await app.db.transaction(async (tx) => {
    const now = app.world.clock.now()
    const change = { taskState, desiredPower: desired, generation: server.generation + 1, updatedAt: now }
    if (!(await changeServer(tx, server, change))) throw changedMeanwhile(server, word)
    await recordAction(context, tx, server, action)
    await app.tasks.start(tx, serverPower, {
      subject: subjectOf(id),
      frame: {
        serverId: id,
        projectId: server.projectId,
        requestId: context.requestId,
        verb,
        operationId: app.world.random.uuid(),
        before: { desiredPower: server.desiredPower },
        since: now,
      },
      trace: context.trace,
    })
  })
}

const changedMeanwhile = (server: Server, word: string) =>
  new CloudError('conflict', `Cannot '${word}' instance ${server.id}: its state has just changed; try again`)

/** Deletes in any state; a second request while the first is under way is content with that. */
export async function deleteServer(context: ComputeContext, id: string, force = false): Promise<void> {
  const { app } = context
  const server = await loadServer(context, id, force ? serverRules.forceDelete : serverRules.delete)
  requireUnlocked(context, server)
  const subject = subjectOf(id)
  const began = await app.db.transaction(async (tx) => {
    const now = await findServer(tx, id)
    if (!now || now.taskState === 'deleting') return false
    await updateServer(tx, id, { taskState: 'deleting', updatedAt: app.world.clock.now() })
    await recordAction(context, tx, server, 'delete')
    await app.tasks.start(tx, serverDelete, {
      subject,
      frame: {
        serverId: id,
        projectId: server.projectId,
        requestId: context.requestId,
        operationId: app.world.random.uuid(),
      },
      trace: context.trace,
    })
    return true
  })
  if (began) await notifyServer(app, context.trace, server, 'compute.instance.delete.start')
}

/** Row 92: ACTIVE or ERROR by hand, whatever is true. */
export async function resetState(context: ComputeContext, id: string, state: string): Promise<void> {
  const { app } = context
  const vmState = ({ active: 'active', error: 'error' } as Record<string, VmState>)[state]
  if (!vmState)
    throw new CloudError(
      'badRequest',
      `Invalid input for field/attribute state. Value: ${state}. '${state}' is not one of ['active', 'error']`,
    )
  const server = await loadServer(context, id, serverRules.resetState)
  for (const each of await app.tasks.running(subjectOf(id)))
    if (each.kind === 'server-power') await app.tasks.cancel(subjectOf(id), each.kind, 'The state was reset.')
  await app.db.transaction(async (tx) => {
    await updateServer(tx, id, { vmState, taskState: null, updatedAt: app.world.clock.now() })
    await recordAction(context, tx, server, 'resetState')
  })
}

export async function lockServer(context: ComputeContext, id: string, reason: string | null): Promise<void> {
  const { app } = context
  const server = await loadServer(context, id, serverRules.lock)
  const lockedBy = server.projectId === context.caller.projectId ? 'owner' : 'admin'
  // What an administrator locked stays the administrator's.
  if (server.lockedBy === 'admin' && lockedBy === 'owner' && !context.allows(isAdmin, {})) return
  await app.db.transaction(async (tx) => {
    await updateServer(tx, id, { lockedBy, lockedReason: reason, updatedAt: app.world.clock.now() })
    await recordAction(context, tx, server, 'lock')
  })
}

export async function unlockServer(context: ComputeContext, id: string): Promise<void> {
  const { app } = context
  const server = await loadServer(context, id, serverRules.unlock)
  if (server.lockedBy === 'admin') context.authorize(serverRules.unlockOverride, {})
  await app.db.transaction(async (tx) => {
    await updateServer(tx, id, { lockedBy: null, lockedReason: null, updatedAt: app.world.clock.now() })
    await recordAction(context, tx, server, 'unlock')
  })
}

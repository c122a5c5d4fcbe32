// A server for a caller: loaded, seen to be the caller's to touch, and in a state that allows what is wanted.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { PolicyRule } from '#kit/policy/policy.ts'
import type { ComputeContext } from '../app.ts'
import { isAdmin } from '../resources/policy.ts'
import { mayDo, type Server, type ServerAction, serverTarget } from '../resources/server.ts'
import * as store from '../store/server.ts'

export function noServer(id: string): CloudError {
  return new CloudError('notFound', `Instance ${id} could not be found.`)
}

/** Another project's server is not there, unless for administrators. */
export async function loadServer(
  context: ComputeContext,
  id: string,
  rule: PolicyRule,
  options: { deletedToo?: boolean } = {},
): Promise<Server> {
  // No id of ours is longer, and the column would refuse it.
  const find = options.deletedToo ? store.findAnyServer : store.findServer
  const found = id.length > 36 ? undefined : await find(context.app.db, id)
  if (!found) throw noServer(id)
  if (found.projectId !== context.caller.projectId && !context.allows(isAdmin, {})) throw noServer(id)
  context.authorize(rule, serverTarget(found))
  return found
}

export const subjectOf = (serverId: string) => `server:${serverId}`

/** An owner's lock binds the owner's project; administrators pass. */
export function requireUnlocked(context: ComputeContext, server: Server): void {
  if (server.lockedBy !== null && !context.allows(isAdmin, {}))
    throw new CloudError('conflict', `Instance ${server.id} is locked`)
}

export function requireState(server: Server, action: ServerAction, word: string): void {
  const wrong = mayDo(action, server)
  if (wrong === undefined) return
  const state = wrong === 'vm_state' ? server.vmState : server.taskState
  throw new CloudError('conflict', `Cannot '${word}' instance ${server.id} while it is in ${wrong} ${state}`)
}

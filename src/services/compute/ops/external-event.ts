// What the network and volume services tell: a port is wired or gone, its addresses changed, a volume grew.
import type { Trace } from '#kit/journal/journal.ts'
import type { Compute, ComputeContext } from '../app.ts'
import { serverRules } from '../resources/server-rule.ts'
import { changeAddresses, findServers } from '../store/server.ts'
import { refreshAddresses } from './server-address.ts'
import { subjectOf } from './server-load.ts'

export type GivenEvent = { name: string; server_uuid: string; tag?: string; status?: string }
export type AnsweredEvent = GivenEvent & { status: string; code: number }

export async function takeEvents(
  context: ComputeContext,
  events: readonly GivenEvent[],
): Promise<AnsweredEvent[]> {
  const { app, trace } = context
  context.authorize(serverRules.externalEvent, {})
  const ids = [...new Set(events.map((each) => each.server_uuid))]
  const servers = new Map((await findServers(app.db, ids)).map((each) => [each.id, each]))
  const answers: AnsweredEvent[] = []
  for (const event of events) {
    const server = servers.get(event.server_uuid)
    // 422 asks the sender to come again: the server may just not have its host yet.
    const code = !server ? 404 : server.host === null ? 422 : 200
    answers.push({ ...event, status: code === 200 ? (event.status ?? 'completed') : 'failed', code })
    if (server && (code === 200 || event.name === 'network-vif-plugged'))
      await act(app, trace, server.id, event)
  }
  return answers
}

async function act(app: Compute, trace: Trace, serverId: string, event: GivenEvent): Promise<void> {
  const subject = subjectOf(serverId)
  const portId = event.tag
  switch (event.name) {
    case 'network-vif-plugged':
      if (portId === undefined || event.status === 'failed') return
      for (const each of await app.tasks.running(subject))
        await app.tasks.signal(subject, each.kind, `vif:${portId}`)
      return
    case 'network-changed':
      return refreshAddresses(app, trace, serverId)
    case 'network-vif-deleted':
      // The host looks at its guests' cards, too: the guest loses the one that no port stands behind.
      return changeAddresses(
        app.db,
        serverId,
        (addresses) => addresses.filter((each) => each.portId !== portId),
        ({ generation }) => ({ generation: generation + 1 }),
      )
    // Nothing of ours depends on the others; they are answered and journalled as requests.
    default:
      return
  }
}

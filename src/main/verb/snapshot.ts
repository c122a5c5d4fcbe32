// `nimbo snapshot`: the whole simulated cloud saved under a name, and put back.
import { requireSimulated } from '#cli/simulation/simulated.ts'
import {
  deleteSnapshot,
  formatSnapshots,
  listSnapshots,
  megabytes,
  restoreSnapshot,
  type Snapshot,
  saveSnapshot,
} from '#cli/simulation/snapshot.ts'
import { type Invocation, usageError, type Verb } from '../verb.ts'
import { asAdmin } from './admin.ts'

const usage =
  "Say 'nimbo snapshot save NAME', 'nimbo snapshot restore NAME', 'nimbo snapshot delete NAME' or 'nimbo snapshot list'."

export const snapshot: Verb = {
  summary: 'Saves a whole simulated cloud and puts it back: save, restore, list, delete',
  words: 'save|restore|list|delete [NAME]',
  options: {
    description: { type: 'string', value: 'TEXT', help: 'With save: what it is for' },
    json: { type: 'boolean', help: 'For programs' },
  },
  async run(invocation) {
    const { terminal, options } = invocation
    const [what, name, ...more] = invocation.words
    if (more.length > 0 || (what !== 'list') !== (name !== undefined)) throw usageError(usage)
    return asAdmin(invocation, async (session) => {
      requireSimulated(session)
      switch (what) {
        case 'list': {
          const snapshots = await listSnapshots(session)
          if (options.json) terminal.print(JSON.stringify({ snapshots }, null, 2))
          else for (const line of formatSnapshots(snapshots, terminal)) terminal.print(line)
          return 0
        }
        case 'save':
          return say(
            invocation,
            await saveSnapshot(session, name!, options.description as string | undefined),
            'saved',
          )
        case 'restore':
          return say(invocation, await restoreSnapshot(session, name!), 'restored')
        case 'delete':
          await deleteSnapshot(session, name!)
          terminal.print(`The snapshot ${name} is deleted.`)
          return 0
        default:
          throw usageError(usage)
      }
    })
  },
}

function say({ terminal, options }: Invocation, snapshot: Snapshot, done: string): number {
  const { name, size_bytes, took_ms } = snapshot
  if (options.json) terminal.print(JSON.stringify({ snapshot }, null, 2))
  else terminal.print(`${name} is ${done}: ${megabytes(size_bytes)} in ${took_ms} ms.`)
  return 0
}

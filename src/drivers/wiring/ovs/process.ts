// Our processes inside our namespaces, found by what the kernel says of them: no file that could have gone stale.
import type { Cancel, World } from '#kit/world/world.ts'
import type { NamespaceProcess } from '../driver.ts'
import type { OvsContext } from './context.ts'
import { listNamespaces } from './namespace.ts'

export async function namespaceProcesses(context: OvsContext): Promise<NamespaceProcess[]> {
  const { files, processes } = context.world
  const names = new Map<string, string>()
  for (const name of await listNamespaces(context)) {
    const identity = await identityOf(context, `/run/netns/${name}`)
    if (identity) names.set(identity, name)
  }
  if (names.size === 0) return []
  const found: NamespaceProcess[] = []
  for (const { pid, startTicks, command } of await processes.find([context.dataFolder])) {
    // Ended since the list was made, perhaps.
    const inside = (await files.exists(`/proc/${pid}/ns/net`))
      ? await identityOf(context, `/proc/${pid}/ns/net`)
      : undefined
    const namespace = inside && names.get(inside)
    if (namespace) found.push({ namespace, pid, startTicks, command })
  }
  return found
}

const lookMs = 1000

export type ProcessWatch = {
  /** All that run now. */
  saw(running: readonly NamespaceProcess[]): void
  stop(): void
}

/**
 * Tells of the end of processes in our namespaces. An agent hears of the end of those that it started; those of an agent
 * before it have no parent that would tell.
 */
export function watchProcesses(
  { timers, processes }: World,
  ended: (process: NamespaceProcess) => void,
): ProcessWatch {
  let watched: readonly NamespaceProcess[] = []
  let cancel: Cancel | undefined
  let stopped = false
  const replace = (running: readonly NamespaceProcess[]) => {
    const gone = watched.filter(({ pid, startTicks }) =>
      running.every((one) => one.pid !== pid || one.startTicks !== startTicks),
    )
    watched = running
    for (const one of gone) ended(one)
    next()
  }
  const look = () => {
    cancel = undefined
    replace(watched.filter(({ pid }) => processes.alive(pid)))
  }
  const next = () => {
    if (!stopped && watched.length > 0) cancel ??= timers.after(lookMs, look, { background: true })
  }
  return {
    // Also where whoever asked finds one gone: it may not be who wants it.
    saw: replace,
    stop() {
      stopped = true
      cancel?.()
    },
  }
}

/** The tick at which it started tells it from another that has got its number since. */
export async function signalProcess(
  context: OvsContext,
  { pid, startTicks }: NamespaceProcess,
  signal: NodeJS.Signals,
): Promise<boolean> {
  const now = await context.world.processes.info(pid)
  return now?.startTicks === startTicks && context.world.processes.signal(pid, signal)
}

/** All names of one namespace are one inode. */
async function identityOf(context: OvsContext, path: string): Promise<string | undefined> {
  const info = await context.world.files.info(path)
  return info && `${info.device}:${info.inode}`
}

// A lock between processes: a file in the locks folder that names its holder. A holder that died loses it.
// It saves work and nothing depends on it: two holders at once, which a takeover could give, write to places of
// their own.
import { unlessGone } from '#kit/world/gone.ts'
import type { Host } from './host.ts'

/** How often a waiter looks whether the holder is done. */
const lookMs = 50

type Holder = { host: string; pid: number; ticks: number }

export async function withLock<T>(host: Host, name: string, work: () => Promise<T>): Promise<T> {
  const path = `${host.layout.lockFolder}/${prefix}${name}`
  while (!(await take(host, path))) await host.world.timers.sleep(lookMs)
  try {
    return await work()
  } finally {
    await host.world.files.remove(path)
  }
}

const prefix = 'nova-'

/** Linked into place, so that a lock is there whole, with its holder's name, or not at all. */
async function take(host: Host, path: string): Promise<boolean> {
  const { files } = host.world
  const beside = `${path}.${await ownMark(host)}`
  try {
    await files.write(beside, JSON.stringify(await ourselves(host)))
    await files.link(beside, path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    await files.remove(beside)
  }
  await removeStale(host, path)
  return false
}

async function ourselves(host: Host): Promise<Holder> {
  const pid = host.world.processes.self
  return { host: host.name, pid, ticks: (await startTicks(host, pid)) ?? 0 }
}

/** Ends the name of whatever only this process writes, and tells later whether its writer still lives. */
export async function ownMark(host: Host): Promise<string> {
  const { pid, ticks } = await ourselves(host)
  return `of-${host.name}-${pid}-${ticks}`
}

/** Whether a name ends in the mark of a process of this host that is gone. */
export async function isOrphan(host: Host, name: string): Promise<boolean> {
  const [, owner, pid, ticks] = /\.of-(.+)-(\d+)-(\d+)$/.exec(name) ?? []
  // Another host that shares the folder: its processes can't be seen from here.
  return owner === host.name && (await startTicks(host, Number(pid))) !== Number(ticks)
}

/** Locks of processes that died, and what they had not yet linked into place. */
export async function sweepLocks(host: Host): Promise<void> {
  for (const name of await host.world.files.list(host.layout.lockFolder)) {
    const path = `${host.layout.lockFolder}/${name}`
    if (await isOrphan(host, name)) await host.world.files.remove(path)
    else if (name.startsWith(prefix)) await removeStale(host, path)
  }
}

async function removeStale(host: Host, path: string): Promise<void> {
  const { files } = host.world
  const text = await unlessGone(files.readText(path))
  if (text === undefined) return
  const holder = JSON.parse(text) as Holder
  if (holder.host === host.name && (await startTicks(host, holder.pid)) !== holder.ticks)
    await files.remove(path)
}

/** When a process began, in clock ticks since the host's start; undefined where it is gone or dead. See proc(5). */
export async function startTicks(host: Host, pid: number): Promise<number | undefined> {
  return (await processTimes(host, pid))?.startTicks
}

/** Linux reports processor time to user space in hundredths of a second whatever the kernel's own tick. */
const nsPerTick = 10_000_000

export async function processTimes(
  host: Host,
  pid: number,
): Promise<{ startTicks: number; cpuNs: number } | undefined> {
  let stat: string
  try {
    stat = await host.world.files.readText(`/proc/${pid}/stat`)
  } catch {
    return undefined // the process is gone
  }
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  if (fields[0] === 'Z') return undefined
  return { startTicks: Number(fields[19]), cpuNs: (Number(fields[11]) + Number(fields[12])) * nsPerTick }
}

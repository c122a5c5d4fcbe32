// A lock between processes: a file in the locks folder that names its holder. A holder that died loses it.
import type { Host } from './host.ts'

/** How often a waiter looks whether the holder is done. */
const lookMs = 50

export async function withLock<T>(host: Host, name: string, work: () => Promise<T>): Promise<T> {
  const path = `${host.layout.lockFolder}/nova-${name}`
  while (!(await take(host, path))) await host.world.timers.sleep(lookMs)
  try {
    return await work()
  } finally {
    await host.world.files.remove(path)
  }
}

async function take(host: Host, path: string): Promise<boolean> {
  const { files, processes } = host.world
  const me = { host: host.name, pid: processes.self, ticks: await startTicks(host, processes.self) }
  try {
    const file = await files.open(path, 'wx')
    const text = Buffer.from(JSON.stringify(me))
    await file.write(text, 0, text.length, 0)
    await file.close()
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  if (await isStale(host, path, me)) await files.remove(path)
  return false
}

async function isStale(host: Host, path: string, me: { host: string; pid: number }): Promise<boolean> {
  const info = await host.world.files.info(path)
  if (!info) return false
  try {
    const holder = JSON.parse(await host.world.files.readText(path)) as {
      host: string
      pid: number
      ticks: number
    }
    // Another host that shares the folder: its processes can't be seen from here.
    if (holder.host !== me.host) return false
    return (await startTicks(host, holder.pid)) !== holder.ticks
  } catch {
    // Half written: its writer is at it this moment, or died then.
    return host.world.clock.now() - info.mtimeMs > 10_000
  }
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

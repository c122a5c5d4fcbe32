// What the whole machine's processors did: a figure is only as good as the machine that it was taken on.
import { availableParallelism } from 'node:os'
import type { World } from '#kit/world/world.ts'

/** Seconds since the machine's start, of all its processors together. */
type MachineTime = {
  busy: number
  /** Work was there to do, but the host of this virtual machine ran something else, or held it to its quota. */
  stolen: number
}

export const processors = availableParallelism()

/** Of /proc/stat, proc(5), in hundredths of a second: user, nice, system, idle, iowait, irq, softirq, steal. */
function ticks(stat: string): number[] {
  return stat.split('\n', 1)[0]!.split(/\s+/).slice(1).map(Number)
}

export function stolenTicks(stat: string): number {
  return ticks(stat)[7]!
}

async function machineTime({ files }: Pick<World, 'files'>): Promise<MachineTime> {
  const stat = await files.readText('/proc/stat')
  const [user, nice, system, , , irq, softirq] = ticks(stat) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  return { busy: (user + nice + system + irq + softirq) / 100, stolen: stolenTicks(stat) / 100 }
}

/** What went by while `work` was done, with its result. */
export async function machineTimeOf<T>(
  world: Pick<World, 'files'>,
  work: () => Promise<T>,
): Promise<MachineTime & { result: T }> {
  const before = await machineTime(world)
  const result = await work()
  const after = await machineTime(world)
  return { busy: after.busy - before.busy, stolen: after.stolen - before.stolen, result }
}

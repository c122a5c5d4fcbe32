// What the processes of a cloud burn and hold, read from /proc.
import { readdirSync, readFileSync } from 'node:fs'

export type Cpu = { busySeconds: number; seconds: number }
type Reading = { busySeconds: number; at: number }

export type Gauge = {
  /** Of all its processes together, since they started. */
  cpu(): Reading
  /** Seconds that each of their threads was busy, by its name: 'MainThread', 'hosts'. */
  threads(): Map<string, number>
  /** Proportional set size: what is shared counts in parts. */
  memoryBytes(): number
}

/** Linux counts processor time in hundredths of a second for programs (USER_HZ, time(7)). */
const ticksPerSecond = 100

/** `status` is what `nimbo status --json` prints. */
export function openGauge(status: { processes: { pid?: number }[] }): Gauge {
  const pids = status.processes.flatMap(({ pid }) => pid ?? [])
  return {
    cpu: () => ({ busySeconds: pids.reduce((sum, pid) => sum + busyOf(pid), 0), at: performance.now() }),
    threads() {
      const busy = new Map<string, number>()
      for (const pid of pids)
        for (const thread of readdirSync(`/proc/${pid}/task`)) {
          const name = readFileSync(`/proc/${pid}/task/${thread}/comm`, 'utf8').trim()
          busy.set(name, (busy.get(name) ?? 0) + busyOf(`${pid}/task/${thread}`))
        }
      return busy
    },
    memoryBytes: () => pids.reduce((sum, pid) => sum + proportional(pid), 0),
  }
}

export function cpuBetween(from: Reading, to: Reading): Cpu {
  return { busySeconds: to.busySeconds - from.busySeconds, seconds: (to.at - from.at) / 1000 }
}

/** Fields 14 and 15 of proc(5)'s stat; the name before them may hold anything, but ends with the last parenthesis. */
function busyOf(task: number | string): number {
  const text = readFileSync(`/proc/${task}/stat`, 'utf8')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

function proportional(pid: number): number {
  const kilobytes = /^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]
  return Number(kilobytes ?? 0) * 1024
}

// The world of a running cloud: the host's clock, files, processes and sockets.
import { cpus, hostname, totalmem } from 'node:os'
import { openActivity } from './activity.ts'
import { realFiles } from './real-files.ts'
import { realProcesses } from './real-processes.ts'
import { realSockets } from './real-sockets.ts'
import { realSqlite } from './real-sqlite.ts'
import { realClock, realRandom, realTimers } from './real-time.ts'
import type { World } from './world.ts'

export function realWorld(): World {
  return {
    clock: realClock,
    timers: realTimers,
    random: realRandom(),
    files: realFiles,
    processes: realProcesses,
    sockets: realSockets,
    sqlite: realSqlite,
    threads: true,
    activity: openActivity(),
    env: process.env,
    host: { name: hostname(), cpus: cpus().length, memoryBytes: totalmem() },
  }
}

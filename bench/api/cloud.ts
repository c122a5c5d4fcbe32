// A simulated cloud of its own for one bench, in a temporary folder, and what it costs the processor.
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSession, type Session } from '#cli/openstack.ts'
import { type HttpClient, httpClient } from '#kit/http/client.ts'
import { realWorld } from '#kit/world/real.ts'
import type { World } from '#kit/world/world.ts'
import { loginOf } from '#main/credential.ts'
import { readCloud } from '#main/data-folder.ts'

const launcher = join(import.meta.dirname, '..', '..', 'nimbo')

export type BenchCloud = {
  readonly world: World
  readonly root: string
  readonly http: HttpClient
  /** The administrator's. */
  readonly admin: Session
  /** Seconds of processor time that the cloud's process has taken so far. */
  processorTime(): Promise<number>
  /** Bytes of memory that it has, its share of what it shares. */
  memory(): Promise<number>
}

/** It is gone when `work` ends, however that was. */
export async function withCloud<T>(portBase: string, work: (cloud: BenchCloud) => Promise<T>): Promise<T> {
  const world = realWorld()
  const root = mkdtempSync(join(tmpdir(), 'nimbo-bench-'))
  const nimbo = async (...args: string[]) => {
    const result = await world.processes.run(launcher, [...args, '--data', root], { timeoutMs: 120_000 })
    if (result.code !== 0) throw new Error(`nimbo ${args.join(' ')}: ${result.stderr}`)
    return result.stdout
  }
  const http = httpClient()
  try {
    await nimbo('up', '--sim', '--empty', '--port-base', portBase)
    const admin = await openSession(http, loginOf(await readCloud(world, root), 'admin'))
    const { processes } = JSON.parse(await nimbo('status', '--json')) as {
      processes: { role: string; pid: number }[]
    }
    const pid = processes.find(({ role }) => role === 'cloud' || role === 'controller')?.pid
    if (!pid) throw new Error('nimbo status names no process of the cloud')
    const processorTime = async () => {
      const fields = (await world.files.readText(`/proc/${pid}/stat`)).split(') ')[1]!.split(' ')
      // User and system time, proc(5) fields 14 and 15, in hundredths of a second.
      return (Number(fields[11]) + Number(fields[12])) / 100
    }
    const memory = async () => (await world.processes.memory(pid)) ?? 0
    return await work({ world, root, http, admin, processorTime, memory })
  } finally {
    http.close()
    await nimbo('destroy', '--yes').catch((error) => console.error(String(error)))
  }
}

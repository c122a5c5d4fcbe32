// What a guest takes of its host, from /proc and from its disk's file.
import { unlessGone } from '#kit/world/gone.ts'
import type { GuestUsage } from '../driver.ts'
import type { Host } from './host.ts'
import { processTimes } from './lock.ts'
import type { GuestRecord } from './record.ts'

/** stat(2) counts blocks of this size on each file system. */
const blockBytes = 512

export async function usageOf(
  host: Host,
  { spec }: GuestRecord,
  pid: number | undefined,
): Promise<GuestUsage> {
  const times = pid === undefined ? undefined : await processTimes(host, pid)
  const disk = await host.world.files.info(host.layout.guest(spec.id).disk)
  return {
    id: spec.id,
    cpuNs: times?.cpuNs ?? 0,
    memoryMb: spec.memoryMb,
    residentBytes: times && pid !== undefined ? await residentBytes(host, pid) : 0,
    diskBytes: (disk?.blocks ?? 0) * blockBytes,
  }
}

async function residentBytes(host: Host, pid: number): Promise<number> {
  const status = await unlessGone(host.world.files.readText(`/proc/${pid}/status`))
  const kib = /^VmRSS:\s+(\d+) kB/m.exec(status ?? '')?.[1]
  return Number(kib ?? 0) * 1024
}

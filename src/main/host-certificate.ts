// A joined host's certificate: renewed over the bus when a third of its time is left. The bus is told of no change: each
// new connection reads the file.
import { X509Certificate } from 'node:crypto'
import { hosts } from '#contracts/host.ts'
import type { Bus } from '#kit/bus/bus.ts'
import { makeRequest } from '#kit/certificate/openssl.ts'
import type { Journal } from '#kit/journal/journal.ts'
import type { Log } from '#kit/log/log.ts'
import { type RunningLoop, startLoop } from '#kit/loop/loop.ts'
import type { World } from '#kit/world/world.ts'
import type { MemberFiles } from './member.ts'

const lookEveryMs = 600_000

export type Renewal = { world: World; log: Log; journal: Journal; bus: Bus; host: string; files: MemberFiles }

export function keepHostCertificate(renewal: Renewal): RunningLoop {
  const { world, log } = renewal
  return startLoop(world, log, {
    name: 'host-certificate',
    everyMs: lookEveryMs,
    run: () => renewIfDue(renewal),
  })
}

export async function renewIfDue({ world, log, journal, bus, host, files }: Renewal): Promise<void> {
  const { validFrom, validTo } = new X509Certificate(await world.files.readText(files.certificate))
  const [from, until] = [Date.parse(validFrom), Date.parse(validTo)]
  if (until - world.clock.now() > (until - from) / 3) return
  const request = await makeRequest(world, files.key, host)
  const controller = bus.caller(hosts, 'nimbo-agent')
  const { certificate, authority } = await controller.renewCertificate(
    { host, request },
    { trace: journal.newTrace() },
  )
  await world.files.writeAtomic(files.authority, authority, { mode: 0o644 })
  await world.files.writeAtomic(files.certificate, certificate, { mode: 0o644 })
  log.info({ until: new X509Certificate(certificate).validTo }, "this host's certificate was renewed")
}

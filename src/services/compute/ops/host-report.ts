// The heart-beat of a host: its service is up, and its capacity is what it says.
import type { HostReport } from '#contracts/compute.ts'
import type { Compute } from '../app.ts'
import { findHypervisorOfHost, insertHypervisor, updateHypervisor } from '../store/host.ts'
import { reportService } from './service.ts'

export async function takeHostReport(app: Compute, report: HostReport): Promise<void> {
  const { db, world } = app
  const now = world.clock.now()
  await reportService(world, db, report.host, 'nova-compute')
  const facts = {
    type: report.hypervisorType,
    version: report.hypervisorVersion,
    architecture: report.architecture,
    accel: report.accel,
    cpuModel: report.cpuModel,
    hostIp: report.hostIp,
    vcpus: report.vcpus,
    memoryMb: report.memoryMb,
    diskGb: report.diskGb,
    traits: report.traits,
    runningGuests: report.runningGuests,
    startedAt: report.startedAt,
  }
  const known = await findHypervisorOfHost(db, report.host)
  if (known) await updateHypervisor(db, known.id, { ...facts, updatedAt: now })
  else
    await insertHypervisor(db, {
      ...facts,
      id: world.random.uuid(),
      host: report.host,
      node: report.host,
      toldPlacement: null,
      createdAt: now,
      updatedAt: now,
    })
  if (!known || known.toldPlacement === null || capacityOf(known) !== capacityOf({ ...known, ...facts }))
    app.nudgeProviders()
}

const capacityOf = (h: { vcpus: number; memoryMb: number; diskGb: number; traits: string[] }) =>
  JSON.stringify([h.vcpus, h.memoryMb, h.diskGb, h.traits])

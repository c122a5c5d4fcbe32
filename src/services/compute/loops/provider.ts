// Removes the condition: a host's capacity and traits in placement differ from what its agent reports, or its
// aggregates there from ours.
import { fullMessage } from '#kit/errors/cloud-error.ts'
import type { Loop } from '#kit/loop/loop.ts'
import type { Inventory } from '#services/placement/client.ts'
import type { Compute } from '../app.ts'
import type { ComputeConfig } from '../config.ts'
import type { Hypervisor } from '../resources/hypervisor.ts'
import { listAggregates } from '../store/aggregate.ts'
import { listHypervisors, updateHypervisor } from '../store/host.ts'

/** What was told is told again this often, in runs: placement may have lost or changed it. */
const runsBetweenChecks = 10

export function providerLoop(app: Compute): Loop {
  let runs = 0
  return {
    name: 'compute-providers',
    everyMs: 60_000,
    async run() {
      const again = runs++ % runsBetweenChecks === 0
      const aggregates = await listAggregates(app.db)
      for (const each of await listHypervisors(app.db)) {
        const own = aggregates.filter(({ hosts }) => hosts.includes(each.host)).map(({ id }) => id)
        const wanted = fingerprint(each, own, app.config)
        if (each.toldPlacement === wanted && !again) continue
        try {
          await tellPlacement(app, each, own)
          await updateHypervisor(app.db, each.id, { toldPlacement: wanted })
        } catch (error) {
          app.log.warn(
            { host: each.host, error: fullMessage(error) },
            'placement was not told of a host and will be',
          )
        }
      }
    },
  }
}

async function tellPlacement(app: Compute, host: Hypervisor, aggregates: readonly string[]): Promise<void> {
  const { placement, serviceToken } = app.conductor
  const trace = app.journal.newTrace()
  const token = await serviceToken(trace)
  const first = await placement.ensureProvider(trace, token, { id: host.id, name: host.node })
  const second = await placement.setInventories(trace, token, host.id, first, inventoriesOf(host, app.config))
  const third = await placement.setTraits(trace, token, host.id, second, host.traits)
  await placement.setAggregates(trace, token, host.id, third, aggregates)
}

/** A resource that the host has none of is left out: placement takes no empty inventory. */
function inventoriesOf(host: Hypervisor, config: ComputeConfig): Record<string, Inventory> {
  const one = (total: number, reserved: number, allocationRatio: number): Inventory => ({
    total,
    // Never all of it: a small host in a test has less than the usual reserve.
    reserved: Math.min(reserved, Math.floor(total / 2)),
    minUnit: 1,
    maxUnit: total,
    stepSize: 1,
    allocationRatio,
  })
  const all = {
    VCPU: one(host.vcpus, config.reservedHostCpus, config.cpuAllocationRatio),
    MEMORY_MB: one(host.memoryMb, config.reservedHostMemory, config.ramAllocationRatio),
    DISK_GB: one(host.diskGb, config.reservedHostDisk, config.diskAllocationRatio),
  }
  return Object.fromEntries(Object.entries(all).filter(([, each]) => each.total > 0))
}

function fingerprint(host: Hypervisor, aggregates: readonly string[], config: ComputeConfig): string {
  return JSON.stringify([inventoriesOf(host, config), [...host.traits].sort(), [...aggregates].sort()])
}

// What is claimed of the hosts is what servers take.
import { byId, compare, type Facts, type Invariant, liveServers, parsed, type Row, text } from './fact.ts'

type Flavor = { vcpus: number; memoryMb: number; rootGb: number; ephemeralGb: number; swapMb: number }

export const placement: Invariant = {
  name: 'placement',
  says: 'Each server on a host has a claim there of its size, nobody else has one, sums are right, and providers are the hosts.',
  *check(facts: Facts) {
    const { placement, compute } = facts
    const hypervisors = byId(compute.hypervisor, 'host')
    const claims = new Map<string, string[]>()
    for (const each of placement.allocation) {
      const words = `${each.used} ${each.resource_class} of ${each.provider_uuid}`
      claims.set(text(each, 'consumer_uuid'), [...(claims.get(text(each, 'consumer_uuid')) ?? []), words])
    }
    for (const server of liveServers(facts)) {
      const held = claims.get(text(server, 'id')) ?? []
      claims.delete(text(server, 'id'))
      // One that failed before or while it was built may hold nothing any more.
      if (server.host === null || (server.vm_state === 'error' && held.length === 0)) {
        if (server.host === null && held.length > 0)
          yield `server ${server.id} is on no host and claims ${held.sort()}`
        continue
      }
      const provider = text(hypervisors.get(text(server, 'host')) ?? {}, 'id')
      yield* compare(
        wanted(server, facts.compute.block_device).map((each) => `${each} of ${provider}`),
        held,
        (each) => `server ${server.id} doesn't claim ${each}`,
        (each) => `server ${server.id} claims ${each}`,
      )
    }
    for (const [consumer, held] of claims)
      yield `${consumer} is no server and claims ${held.sort().join(', ')}`
    const consumers = new Set(placement.allocation.map((each) => text(each, 'consumer_uuid')))
    for (const consumer of placement.consumer)
      if (!consumers.has(text(consumer, 'uuid'))) yield `consumer ${consumer.uuid} has no allocation`
    yield* sums(placement.inventory, placement.allocation)
    yield* compare(
      compute.hypervisor.map((each) => text(each, 'id')),
      placement.resource_provider.map((each) => text(each, 'uuid')),
      (id) => `hypervisor ${id} is no provider`,
      (id) => `provider ${id} is no hypervisor`,
    )
  },
}

function wanted(server: Row, disks: readonly Row[]): string[] {
  const flavor = parsed<Flavor>(server, 'flavor')
  // A root disk that is a volume takes no room on the host.
  const fromVolume = disks.some(
    (disk) => disk.server_id === server.id && disk.boot_index === 0 && disk.destination === 'volume',
  )
  const disk = (fromVolume ? 0 : flavor.rootGb) + flavor.ephemeralGb + Math.ceil(flavor.swapMb / 1024)
  return [`${flavor.vcpus} VCPU`, `${flavor.memoryMb} MEMORY_MB`, ...(disk > 0 ? [`${disk} DISK_GB`] : [])]
}

function* sums(inventories: readonly Row[], allocations: readonly Row[]): Iterable<string> {
  const used = new Map<string, number>()
  for (const { provider_uuid, resource_class, used: amount } of allocations) {
    const key = `${provider_uuid} ${resource_class}`
    used.set(key, (used.get(key) ?? 0) + Number(amount))
  }
  for (const each of inventories) {
    const key = `${each.provider_uuid} ${each.resource_class}`
    if (Number(each.used) !== (used.get(key) ?? 0))
      yield `inventory ${key} says ${each.used} are used, and ${used.get(key) ?? 0} are claimed`
    if (Number(each.used) > Number(each.capacity))
      yield `inventory ${key}: ${each.used} used of ${each.capacity}`
    used.delete(key)
  }
  for (const key of used.keys()) yield `there are claims on ${key}, of which there is no inventory`
}

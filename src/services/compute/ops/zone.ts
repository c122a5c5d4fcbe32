// Availability zones: which hosts are in which, by the aggregates; hosts in none are in the default one.
import type { Db } from '#kit/db/database.ts'
import type { ComputeConfig } from '../config.ts'
import type { Aggregate } from '../resources/aggregate.ts'
import { listAggregates } from '../store/aggregate.ts'

export type Zones = {
  ofHost(host: string): string
  readonly aggregates: readonly Aggregate[]
}

export function zonesOf(aggregates: readonly Aggregate[], defaultZone: string): Zones {
  const byHost = new Map<string, string>()
  for (const each of aggregates) {
    const zone = each.metadata.availability_zone
    if (zone) for (const host of each.hosts) byHost.set(host, zone)
  }
  return { ofHost: (host) => byHost.get(host) ?? defaultZone, aggregates }
}

export async function readZones(db: Db, config: ComputeConfig): Promise<Zones> {
  return zonesOf(await listAggregates(db), config.defaultAvailabilityZone)
}

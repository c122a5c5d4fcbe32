// Routes of how many addresses each network has, and how many are taken.
// https://docs.openstack.org/api-ref/network/v2/#network-ip-availability-and-usage-stats
import type { Db } from '#kit/db/database.ts'
import { countAddresses, range } from '#kit/net/range.ts'
import { route } from '../app.ts'
import { networkNotFound } from '../ops/network-fault.ts'
import { bad, readValue } from '../resources/attribute.ts'
import { ipAvailabilityRules } from '../resources/ip-availability.ts'
import { type Network, network } from '../resources/network.ts'
import type { WholeSubnet } from '../resources/subnet.ts'
import { choice } from '../resources/value.ts'
import { takenPerSubnet } from '../store/ip-availability.ts'
import { listRows, oneOf } from '../store/list.ts'
import { findNetwork } from '../store/network.ts'
import { subnetsOf, withPools } from '../store/subnet.ts'

/** Filters, and the columns of networks that they look at. */
const filters: Record<string, string> = {
  network_id: 'id',
  network_name: 'name',
  project_id: 'projectId',
  tenant_id: 'projectId',
}

export const ipAvailabilityRoutes = [
  route('GET', '/network-ip-availabilities', {
    policy: ipAvailabilityRules.get,
    handle: async ({ app }, { query }) => {
      const versions = query
        .all('ip_version')
        .map((each) => readValue('ip_version', { read: choice([4, 6] as const) }, each))
      const conditions = query.names().flatMap((name) => {
        if (name === 'ip_version' || name === 'fields') return []
        const column = Object.hasOwn(filters, name) ? filters[name] : undefined
        if (column === undefined) throw bad(`['${name}'] is invalid attribute for filtering`)
        return [oneOf(column, query.all(name))]
      })
      const rows = await listRows<Network>(app.db, network, {
        conditions,
        order: [
          ['createdAt', 'asc'],
          ['id', 'asc'],
        ],
      })
      const fits = (row: WholeSubnet) => versions.length === 0 || versions.includes(row.ipVersion)
      return { network_ip_availabilities: await availability(app.db, rows, fits) }
    },
  }),
  route('GET', '/network-ip-availabilities/:id', {
    policy: ipAvailabilityRules.get,
    handle: async ({ app }, { params }) => {
      const row = await findNetwork(app.db, params.id!)
      if (!row) throw networkNotFound(params.id!)
      return { network_ip_availability: (await availability(app.db, [row], () => true))[0] }
    },
  }),
]

async function availability(
  db: Db,
  rows: readonly Network[],
  fits: (row: WholeSubnet) => boolean,
): Promise<Record<string, unknown>[]> {
  const all = await subnetsOf(
    db,
    rows.map((row) => row.id),
  )
  const subnets = (await withPools(db, all)).filter(fits)
  const taken = await takenPerSubnet(
    db,
    subnets.map((each) => each.id),
  )
  const ofNetwork = Map.groupBy(subnets, (each) => each.networkId)
  return rows.map((row) => {
    const own = ofNetwork.get(row.id) ?? []
    return {
      network_id: row.id,
      network_name: row.name,
      project_id: row.projectId,
      tenant_id: row.projectId,
      total_ips: Number(own.reduce((sum, each) => sum + sizeOf(each), 0n)),
      used_ips: own.reduce((sum, each) => sum + (taken.get(each.id) ?? 0), 0),
      subnet_ip_availability: own.map((each) => ({
        subnet_id: each.id,
        subnet_name: each.name,
        cidr: each.cidr,
        ip_version: each.ipVersion,
        total_ips: Number(sizeOf(each)),
        used_ips: taken.get(each.id) ?? 0,
      })),
    }
  })
}

/** Of its pools. JSON has no whole numbers of 64 bits: an IPv6 subnet's is rounded, as Neutron's clients read it. */
const sizeOf = (row: WholeSubnet): bigint =>
  countAddresses(row.pools.map(({ start, end }) => range(start, end)))

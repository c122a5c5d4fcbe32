// Routes of subnets.
import type { NetworkContext } from '../app.ts'
import { ensureVisible } from '../ops/access.ts'
import type { Work } from '../ops/change.ts'
import { networkNotFound } from '../ops/network-fault.ts'
import * as ops from '../ops/subnet.ts'
import { type Network, networkRules, networkTarget } from '../resources/network.ts'
import { type Subnet, subnet, subnetResource, subnetRules, subnetTarget } from '../resources/subnet.ts'
import { anyOf, oneOf } from '../store/list.ts'
import { findNetwork, sharedNetworkIds } from '../store/network.ts'
import { withPools } from '../store/subnet.ts'
import { collectionRoutes } from './collection.ts'

/** The network that a new subnet or port is to be on. */
export async function parentNetwork(
  context: NetworkContext,
  { tx }: Pick<Work, 'tx'>,
  { networkId }: { networkId: string },
): Promise<Network> {
  const row = await findNetwork(tx, networkId)
  return ensureVisible(context, networkRules.get, row, networkTarget, () => networkNotFound(networkId))
}

export const subnetRoutes = collectionRoutes({
  resource: subnetResource,
  path: '/subnets',
  table: subnet,
  rules: subnetRules,
  missing: ops.subnetNotFound,
  sees: async ({ app, caller }) =>
    anyOf([oneOf('projectId', [caller.projectId ?? '']), oneOf('networkId', await sharedNetworkIds(app.db))]),
  whole: (_, db, rows: Subnet[]) => withPools(db, rows),
  target: async (db, row) => subnetTarget(row, await findNetwork(db, row.networkId)),
  parent: parentNetwork,
  createTarget: (given, network) => subnetTarget(given, network),
  create: (_, work, given, network) => ops.createSubnet(work, network, given),
  update: (_, work, row, given) => ops.updateSubnet(work, row, given),
  delete: (_, work, row) => ops.deleteSubnet(work, row),
})

// Routes of networks.

import { isHost } from '../ops/access.ts'
import * as ops from '../ops/network.ts'
import { networkNotFound } from '../ops/network-fault.ts'
import { type Network, network, networkResource, networkRules, networkTarget } from '../resources/network.ts'
import { anyOf, oneOf } from '../store/list.ts'
import { withSubnets } from '../store/network.ts'
import { collectionRoutes } from './collection.ts'

export const networkRoutes = collectionRoutes({
  resource: networkResource,
  path: '/networks',
  table: network,
  rules: networkRules,
  missing: networkNotFound,
  sees: async (context) =>
    isHost(context)
      ? undefined
      : anyOf([
          oneOf('projectId', [context.caller.projectId ?? '']),
          oneOf('shared', [true]),
          oneOf('external', [true]),
        ]),
  whole: (app, db, rows: Network[]) => withSubnets(db, rows, app.config.defaultAvailabilityZone),
  target: async (_, row) => networkTarget(row),
  createTarget: (given) => ({
    project_id: given.projectId,
    tenant_id: given.projectId,
    shared: given.shared,
    'router:external': given.external,
  }),
  create: (_, work, given) => ops.createNetwork(work, given),
  update: (_, work, row, given) => ops.updateNetwork(work, row, given),
  delete: (_, work, row) => ops.deleteNetwork(work, row),
})

// Routes of snapshots.
import { route } from '../app.ts'
import {
  deleteSnapshot,
  listSnapshots,
  restoreSnapshot,
  saveSnapshot,
  showSnapshot,
} from '../ops/snapshot.ts'
import { snapshotCreate, snapshotView } from '../resources/snapshot.ts'
import { simulationRules } from '../rule.ts'

export const snapshotRoutes = [
  route('GET', '/snapshots', {
    policy: simulationRules.listSnapshots,
    handle: async ({ app }) => ({ snapshots: (await listSnapshots(app)).map((each) => snapshotView(each)) }),
  }),
  route('POST', '/snapshots', {
    policy: simulationRules.saveSnapshot,
    body: snapshotCreate,
    status: 201,
    handle: async (context, { body }) => ({ snapshot: snapshotView(await saveSnapshot(context, body)) }),
  }),
  route('GET', '/snapshots/:name', {
    policy: simulationRules.listSnapshots,
    handle: async ({ app }, { params }) => ({
      snapshot: snapshotView(await showSnapshot(app, params.name!)),
    }),
  }),
  route('POST', '/snapshots/:name/restore', {
    policy: simulationRules.restoreSnapshot,
    handle: async (context, { params }) => ({
      snapshot: snapshotView(await restoreSnapshot(context, params.name!)),
    }),
  }),
  route('DELETE', '/snapshots/:name', {
    policy: simulationRules.deleteSnapshot,
    handle: async (context, { params }) => deleteSnapshot(context, params.name!),
  }),
]

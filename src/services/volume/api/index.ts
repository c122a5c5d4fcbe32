// All routes of volume. The project in a path is the one whose volumes are meant: another service may name any.
import type { Route } from '#kit/http/route.ts'
import type { VolumeApp, VolumeContext } from '../app.ts'
import { attachmentRoutes } from './attachment.ts'
import { discoveryRoutes } from './discovery.ts'
import { quotaRoutes } from './quota.ts'
import { volumeRoutes } from './volume.ts'
import { volumeActionRoutes } from './volume-action.ts'
import { volumeServiceRoutes } from './volume-service.ts'
import { volumeTypeRoutes } from './volume-type.ts'

export const prefixes = ['/v3/:project_id', '/v3']

export const routes: Route<VolumeApp>[] = [
  ...discoveryRoutes,
  ...volumeRoutes,
  ...volumeActionRoutes,
  ...attachmentRoutes,
  ...volumeTypeRoutes,
  ...quotaRoutes,
  ...volumeServiceRoutes,
].map((each) => ({
  ...each,
  handle: (context, incoming) =>
    each.handle(inProject(context, incoming.params.project_id), incoming as never),
}))

/** That a caller may name this project has been checked before: its own, or any where it is another service. */
function inProject(context: VolumeContext, named: string | undefined): VolumeContext {
  const { caller } = context
  if (named === undefined || named === caller.projectId) return context
  return { ...context, caller: { ...caller, projectId: named } }
}

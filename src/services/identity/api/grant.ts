// Routes of role assignments to one actor on one target. The paths follow from three targets, two actors and whether
// the role is passed on to the projects below. https://docs.openstack.org/api-ref/identity/v3/#roles and OS-INHERIT
import { route } from '../app.ts'
import { checkGrant, type Grant, giveRole, listGrantedRoles, takeRole } from '../ops/grant.ts'
import type { ActorKind, TargetKind } from '../resources/assignment.ts'
import { roleView } from '../resources/role.ts'
import { listing } from './listing.ts'

type Place = { path: string; role: string; of(params: Record<string, string>): Grant }

const actors: ActorKind[] = ['user', 'group']
const targets: TargetKind[] = ['project', 'domain', 'system']

function placeOf(targetKind: TargetKind, actorKind: ActorKind, inherited: boolean): Place {
  const target = targetKind === 'system' ? '/system' : `/${targetKind}s/:target_id`
  const path = `${inherited ? '/OS-INHERIT' : ''}${target}/${actorKind}s/:actor_id/roles`
  return {
    path: inherited ? `${path}/inherited_to_projects` : path,
    role: `${path}/:role_id${inherited ? '/inherited_to_projects' : ''}`,
    of: (params) => ({
      actorKind,
      actorId: params.actor_id!,
      targetKind,
      targetId: params.target_id ?? 'system',
      inherited,
    }),
  }
}

const places = actors.flatMap((actor) => [
  ...targets.map((target) => placeOf(target, actor, false)),
  placeOf('project', actor, true),
  placeOf('domain', actor, true),
])

export const grantRoutes = places.flatMap((place) => [
  route('GET', place.path, {
    policy: 'token',
    handle: async (context, { params, query }) => {
      const grant = place.of(params)
      const views = (await listGrantedRoles(context, grant)).map((row) => roleView(row, context))
      const path = place.path.replace(':target_id', grant.targetId).replace(':actor_id', grant.actorId)
      return listing(context, path, query, 'roles', views)
    },
  }),
  route('GET', place.role, {
    policy: 'token',
    handle: (context, { params }) => checkGrant(context, place.of(params), params.role_id!),
  }),
  route('PUT', place.role, {
    policy: 'token',
    handle: (context, { params }) => giveRole(context, place.of(params), params.role_id!),
  }),
  route('DELETE', place.role, {
    policy: 'token',
    handle: (context, { params }) => takeRole(context, place.of(params), params.role_id!),
  }),
])

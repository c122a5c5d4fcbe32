// The listing of role assignments. https://docs.openstack.org/api-ref/identity/v3/#list-role-assignments
import { type IdentityContext, route } from '../app.ts'
import { type Found, listAssignmentsFor } from '../ops/assignment.ts'
import type { Group } from '../resources/group.ts'
import type { Project } from '../resources/project.ts'
import { noDomain } from '../resources/role.ts'
import type { User } from '../resources/user.ts'
import { listGroups } from '../store/group.ts'
import { listProjects } from '../store/project.ts'
import { listUsers } from '../store/user.ts'
import { listing, truth } from './listing.ts'

export const assignmentRoutes = [
  route('GET', '/role_assignments', {
    policy: 'token',
    handle: async (context, { query }) => {
      const inheritedTo = query.get('scope.OS-INHERIT:inherited_to')
      const rows = await listAssignmentsFor(context, {
        userId: query.get('user.id'),
        groupId: query.get('group.id'),
        roleId: query.get('role.id'),
        projectId: query.get('scope.project.id'),
        domainId: query.get('scope.domain.id'),
        system: query.get('scope.system') !== undefined,
        inherited: inheritedTo === undefined ? undefined : inheritedTo === 'projects',
        effective: truth(query, 'effective') ?? false,
        includeSubtree: truth(query, 'include_subtree') ?? false,
      })
      const names = truth(query, 'include_names') ? await namesOf(context, rows) : undefined
      const views = rows.map((row) => assignmentView(row, context, names))
      return listing(context, '/role_assignments', query, 'role_assignments', views)
    },
  }),
]

type Names = {
  users: ReadonlyMap<string, User>
  groups: ReadonlyMap<string, Group>
  projects: ReadonlyMap<string, Project>
  roles: ReadonlyMap<string, { name: string; domainId: string }>
}

async function namesOf(context: IdentityContext, rows: readonly Found[]): Promise<Names> {
  const { db, knowledge } = context.app
  const actors = (kind: string) => rows.filter((row) => row.actorKind === kind).map((row) => row.actorId)
  const users = await listUsers(db, { id: unique(actors('user')) })
  const groups = await listGroups(db, { id: unique(actors('group')) })
  const targets = unique(rows.map((row) => row.targetId))
  const projects = await listProjects(db, { id: targets, isDomain: false })
  const domains = await listProjects(db, { isDomain: true })
  return {
    users: byId(users),
    groups: byId(groups),
    projects: byId([...projects, ...domains]),
    roles: (await knowledge.facts()).roles,
  }
}

const unique = (ids: readonly string[]) => [...new Set(ids)]
const byId = <T extends { id: string }>(rows: readonly T[]) => new Map(rows.map((row) => [row.id, row]))

function assignmentView(row: Found, { origin }: { origin: string }, names: Names | undefined) {
  const actor = row.actorKind === 'user' ? names?.users.get(row.actorId) : names?.groups.get(row.actorId)
  const role = names?.roles.get(row.roleId)
  return {
    role: {
      id: row.roleId,
      ...(role && { name: role.name }),
      ...(role && role.domainId !== noDomain && { domain: named(names, role.domainId) }),
    },
    [row.actorKind]: {
      id: row.actorId,
      ...(actor && { name: actor.name, domain: named(names, actor.domainId) }),
    },
    scope: {
      ...scopeView(row, names),
      ...(row.inherited && { 'OS-INHERIT:inherited_to': 'projects' }),
    },
    links: linksOf(row, origin),
  }
}

function scopeView(row: Found, names: Names | undefined): Record<string, unknown> {
  if (row.targetKind === 'system') return { system: { all: true } }
  if (row.targetKind === 'domain') return { domain: named(names, row.targetId) }
  const project = names?.projects.get(row.targetId)
  return {
    project: {
      id: row.targetId,
      ...(project && { name: project.name, domain: named(names, project.domainId) }),
    },
  }
}

function named(names: Names | undefined, id: string): Record<string, string> {
  const row = names?.projects.get(id)
  return row ? { id, name: row.name } : { id }
}

/** To the grant as it was given, whatever it has come to by now. */
function linksOf(row: Found, origin: string): Record<string, string> {
  const at = row.from ?? { kind: row.targetKind, id: row.targetId }
  const target = at.kind === 'system' ? '/system' : `/${at.kind}s/${at.id}`
  const actor = row.throughGroup ? `groups/${row.throughGroup}` : `${row.actorKind}s/${row.actorId}`
  const path = `${target}/${actor}/roles/${row.impliedBy ?? row.roleId}`
  const inherit = row.inherited ? ['/OS-INHERIT', '/inherited_to_projects'] : ['', '']
  return {
    assignment: `${origin}/v3${inherit[0]}${path}${inherit[1]}`,
    ...(row.throughGroup && {
      membership: `${origin}/v3/groups/${row.throughGroup}/users/${row.actorId}`,
    }),
    ...(row.impliedBy && {
      prior_role: `${origin}/v3/roles/${row.impliedBy}/implies/${row.roleId}`,
    }),
  }
}

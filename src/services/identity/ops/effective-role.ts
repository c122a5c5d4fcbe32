// Which roles a user has somewhere: given to it or to its groups, there or further up, and all that they imply.
import type { Db } from '#kit/db/database.ts'
import { type Assignment, wholeSystem } from '../resources/assignment.ts'
import type { Project } from '../resources/project.ts'
import { noDomain, type Role } from '../resources/role.ts'
import { listAssignments } from '../store/assignment.ts'
import { groupIdsOf } from '../store/group.ts'
import { ancestorsOf, listProjects } from '../store/project.ts'
import type { Facts } from './knowledge.ts'

export type RoleTarget =
  | { kind: 'project'; project: Project }
  | { kind: 'domain'; domainId: string }
  | { kind: 'system' }

/** All that the user and its groups were given, anywhere. */
async function assignmentsOfUser(db: Db, userId: string): Promise<Assignment[]> {
  return listAssignments(db, { actorId: [userId, ...(await groupIdsOf(db, userId))] })
}

/** Expanded; empty where the user has nothing to say there. */
export async function rolesOn(db: Db, facts: Facts, userId: string, target: RoleTarget): Promise<Role[]> {
  const given = await assignmentsOfUser(db, userId)
  const above =
    target.kind === 'project' && given.some((each) => each.inherited)
      ? new Set((await ancestorsOf(db, target.project)).map((each) => each.id))
      : new Set<string>()
  const direct = given.filter((each) => (each.inherited ? above.has(each.targetId) : isOn(each, target)))
  return expand(
    facts,
    direct.map((each) => each.roleId),
  )
}

function isOn(given: Assignment, target: RoleTarget): boolean {
  if (given.targetKind !== target.kind) return false
  if (target.kind === 'project') return given.targetId === target.project.id
  return given.targetId === (target.kind === 'domain' ? target.domainId : wholeSystem)
}

/** With implied roles. A domain's own roles only stand for what they imply: tokens don't show them. */
export function expand(facts: Facts, roleIds: readonly string[]): Role[] {
  return closure(facts, roleIds)
    .map((id) => facts.roles.get(id))
    .filter((role) => role !== undefined && role.domainId === noDomain) as Role[]
}

/** The roles given and all that follow from them, each once. */
export function closure(facts: Facts, roleIds: readonly string[]): string[] {
  const reached = new Set(roleIds)
  // A set that grows while it is walked through is walked through to its end.
  for (const id of reached) for (const implied of facts.implied.get(id) ?? []) reached.add(implied)
  return [...reached]
}

/** Projects in which a user has any role, by way of groups and of projects and domains above as well. */
export async function projectsOfUser(db: Db, userId: string): Promise<Project[]> {
  const given = await assignmentsOfUser(db, userId)
  const ids = (kind: string, inherited: boolean) =>
    given
      .filter((each) => each.targetKind === kind && each.inherited === inherited)
      .map((each) => each.targetId)
  const direct = await listProjects(db, { id: ids('project', false), isDomain: false })
  const found = new Map(direct.map((each) => [each.id, each]))
  for (const domainId of new Set(ids('domain', true)))
    for (const each of await listProjects(db, { domainId, isDomain: false })) found.set(each.id, each)
  let level = ids('project', true)
  while (level.length > 0) {
    const children = await listProjects(db, { parentId: level, isDomain: false })
    for (const each of children) found.set(each.id, each)
    level = children.map((each) => each.id)
  }
  return [...found.values()]
}

/** Domains on which a user has a role. */
export async function domainsOfUser(db: Db, userId: string): Promise<Project[]> {
  const given = (await assignmentsOfUser(db, userId)).filter(
    (each) => each.targetKind === 'domain' && !each.inherited,
  )
  return listProjects(db, { id: given.map((each) => each.targetId), isDomain: true })
}

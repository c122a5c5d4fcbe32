// Who has which role where: as it was given, or as it takes effect once groups, inheritance and implied roles are worked out.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { IdentityContext } from '../app.ts'
import {
  type ActorKind,
  type Assignment,
  assignmentRules,
  type TargetKind,
  wholeSystem,
} from '../resources/assignment.ts'
import type { Project } from '../resources/project.ts'
import { noDomain } from '../resources/role.ts'
import { type AssignmentFilter, listAssignments } from '../store/assignment.ts'
import { groupIdsOf, membersOf } from '../store/group.ts'
import { descendantsOf, findProject, listProjects } from '../store/project.ts'
import { closure } from './effective-role.ts'
import type { Facts } from './knowledge.ts'

export type AssignmentWish = {
  userId?: string
  groupId?: string
  roleId?: string
  projectId?: string
  domainId?: string
  system?: boolean
  inherited?: boolean
  effective: boolean
  includeSubtree: boolean
}

/** An assignment with where it came from, for its links. */
export type Found = Assignment & {
  /** Roles given, of which this one is implied. */
  impliedBy?: string
  /** The group through which the user has it. */
  throughGroup?: string
  /** The project or domain from which it is inherited. */
  from?: { kind: TargetKind; id: string }
}

export async function listAssignmentsFor(context: IdentityContext, wish: AssignmentWish): Promise<Found[]> {
  const { db, knowledge } = context.app
  refuseContradictions(wish)
  const project = wish.projectId ? await findProject(db, wish.projectId) : undefined
  const domainId = wish.domainId ?? (project?.isDomain ? project.id : project?.domainId)
  const rule = wish.includeSubtree ? assignmentRules.listTree : assignmentRules.list
  const shown = domainId ?? context.caller.domainId ?? null
  context.authorize(rule, { 'target.domain_id': shown })
  const rows = wish.effective
    ? await effective(context, wish, project)
    : await listAssignments(db, await given(context, wish, project))
  const within = await domainOnly(context, rows, domainId)
  const facts = await knowledge.facts()
  return wish.effective ? withoutDomainRoles(facts, within) : within
}

function refuseContradictions(wish: AssignmentWish): void {
  const scopes = [wish.projectId, wish.domainId, wish.system ? 'all' : undefined].filter(Boolean)
  const wrong =
    scopes.length > 1
      ? 'Specify either a domain, a project or the system to filter by.'
      : wish.userId && wish.groupId
        ? 'Specify either a user or a group to filter by.'
        : wish.effective && wish.groupId
          ? 'Effective assignments are those of users: a group cannot be a filter.'
          : wish.effective && wish.inherited && wish.domainId
            ? 'Effective assignments are on projects: inherited ones of a domain cannot be a filter.'
            : wish.includeSubtree && !wish.projectId
              ? 'The subtree of a project is meant: scope.project.id is needed.'
              : undefined
  if (wrong) throw new CloudError('badRequest', wrong)
}

/** A domain's own people see what concerns their domain. */
async function domainOnly(
  context: IdentityContext,
  rows: readonly Found[],
  asked: string | undefined,
): Promise<Found[]> {
  const { domainId } = context.caller
  if (domainId === undefined || asked !== undefined) return [...rows]
  const projects = await listProjects(context.app.db, { domainId, isDomain: false })
  const ids = new Set([domainId, ...projects.map((each) => each.id)])
  return rows.filter((row) => ids.has(row.targetId))
}

async function given(
  context: IdentityContext,
  wish: AssignmentWish,
  project: Project | undefined,
): Promise<AssignmentFilter> {
  const { db } = context.app
  const below = wish.includeSubtree && project ? await descendantsOf(db, project) : []
  const targets: (string | undefined)[] = [
    wish.projectId,
    wish.domainId,
    wish.system ? wholeSystem : undefined,
  ]
  const targetId = targets.find((each) => each !== undefined)
  const kind: ActorKind | undefined = wish.userId ? 'user' : wish.groupId ? 'group' : undefined
  return {
    actorId: kind && [(wish.userId ?? wish.groupId)!],
    actorKind: kind,
    targetKind: targetKindOf(wish),
    targetId: targetId === undefined ? undefined : [targetId, ...below.map((each) => each.id)],
    roleId: wish.roleId,
    inherited: wish.inherited,
  }
}

function targetKindOf(wish: AssignmentWish): TargetKind | undefined {
  if (wish.projectId) return 'project'
  if (wish.domainId) return 'domain'
  return wish.system ? 'system' : undefined
}

/** Groups become their users, inherited roles land on each project below, roles bring what they imply. */
async function effective(
  context: IdentityContext,
  wish: AssignmentWish,
  project: Project | undefined,
): Promise<Found[]> {
  const { db, knowledge } = context.app
  const facts = await knowledge.facts()
  const actorId = wish.userId ? [wish.userId, ...(await groupIdsOf(db, wish.userId))] : undefined
  const below =
    wish.includeSubtree && project ? (await descendantsOf(db, project)).map((each) => each.id) : []
  const all = await listAssignments(db, { actorId })
  const placed: Found[] = []
  for (const row of all) {
    if (row.inherited) placed.push(...(await landing(context, row)))
    else if (wish.inherited !== true) placed.push(row)
  }
  const wanted = wish.projectId ? new Set([wish.projectId, ...below]) : undefined
  const onTarget = placed.filter((row) => {
    if (wanted) return row.targetKind === 'project' && wanted.has(row.targetId)
    if (wish.domainId) return row.targetKind === 'domain' && row.targetId === wish.domainId
    return wish.system ? row.targetKind === 'system' : true
  })
  const members = await membersOf(
    db,
    onTarget.filter((row) => row.actorKind === 'group').map((row) => row.actorId),
  )
  return onTarget
    .flatMap((row) => usersOf(row, members))
    .filter((row) => wish.userId === undefined || row.actorId === wish.userId)
    .flatMap((row) => impliedOf(facts, row))
    .filter((row) => wish.roleId === undefined || row.roleId === wish.roleId)
}

/** An inherited role on each project that it reaches. */
async function landing(context: IdentityContext, row: Assignment): Promise<Found[]> {
  const { db } = context.app
  const top = await findProject(db, row.targetId)
  if (!top) return []
  const projects =
    row.targetKind === 'domain'
      ? await listProjects(db, { domainId: row.targetId, isDomain: false })
      : await descendantsOf(db, top)
  const from = { kind: row.targetKind, id: row.targetId }
  return projects.map((each) => ({ ...row, targetKind: 'project', targetId: each.id, from }))
}

function usersOf(row: Found, members: ReadonlyMap<string, readonly string[]>): Found[] {
  if (row.actorKind === 'user') return [row]
  const throughGroup = row.actorId
  return (members.get(throughGroup) ?? []).map((actorId) => ({
    ...row,
    actorKind: 'user',
    actorId,
    throughGroup,
  }))
}

function impliedOf(facts: Facts, row: Found): Found[] {
  return closure(facts, [row.roleId]).map((roleId) =>
    roleId === row.roleId ? row : { ...row, roleId, impliedBy: row.roleId },
  )
}

function withoutDomainRoles(facts: Facts, rows: readonly Found[]): Found[] {
  return rows.filter((row) => facts.roles.get(row.roleId)?.domainId === noDomain)
}

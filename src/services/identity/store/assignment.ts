// SQL of role assignments.
import type { Db } from '#kit/db/database.ts'
import { type ActorKind, type Assignment, assignment, type TargetKind } from '../resources/assignment.ts'
import { defined } from './filter.ts'

export type AssignmentFilter = {
  actorId?: readonly string[]
  actorKind?: ActorKind
  targetKind?: TargetKind
  targetId?: readonly string[]
  roleId?: string
  inherited?: boolean
}

export const listAssignments = (db: Db, filter: AssignmentFilter): Promise<Assignment[]> =>
  assignment.find(db, defined(filter), {
    orderBy: [
      ['createdAt', 'asc'],
      ['roleId', 'asc'],
      ['targetId', 'asc'],
      ['actorId', 'asc'],
    ],
  })

/** No error when it is there. */
export const insertAssignment = (db: Db, row: Assignment) => assignment.insertIfAbsent(db, row)

/** How many there were. */
export const deleteAssignments = (db: Db, filter: AssignmentFilter) => assignment.delete(db, defined(filter))

// SQL of projects and domains.
import type { Db } from '#kit/db/database.ts'
import { project, type Project } from '../resources/project.ts'

export const findProject = (db: Db, id: string) => project.get(db, id)

export type ProjectFilter = { name?: string; domainId?: string; parentId?: string; enabled?: boolean; isDomain: boolean }

export function listProjects(db: Db, filter: ProjectFilter): Promise<Project[]> {
  return project.find(db, filter, { orderBy: [['name', 'asc']] })
}

export function findProjectByName(db: Db, name: string, domainId: string): Promise<Project | undefined> {
  return project.first(db, { name, domainId, isDomain: false })
}

export function findDomainByName(db: Db, name: string): Promise<Project | undefined> {
  return project.first(db, { name, isDomain: true })
}

export const insertProject = (db: Db, row: Project) => project.insert(db, row)

export const updateProject = (db: Db, id: string, change: Partial<Project>) => project.update(db, { id }, change)

export const deleteProject = (db: Db, id: string) => project.delete(db, { id })

export const countChildren = (db: Db, parentId: string) => project.count(db, { parentId, isDomain: false })

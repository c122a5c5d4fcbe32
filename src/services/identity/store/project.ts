// SQL of projects and domains.
import type { Db } from '#kit/db/database.ts'
import { domainOfDomains, type Project, project } from '../resources/project.ts'
import { defined } from './filter.ts'

export type ProjectFilter = {
  id?: readonly string[]
  name?: string
  domainId?: string
  parentId?: string | readonly string[]
  enabled?: boolean
  isDomain: boolean
}

export const findProject = (db: Db, id: string) => project.get(db, id)

export function listProjects(db: Db, filter: ProjectFilter): Promise<Project[]> {
  return project.find(db, defined(filter), {
    orderBy: [
      ['createdAt', 'asc'],
      ['id', 'asc'],
    ],
  })
}

export function findProjectByName(db: Db, name: string, domainId: string): Promise<Project | undefined> {
  return project.first(db, { name, domainId })
}

/** The exact name first; else whatever differs from it in case alone, since clients write both default and Default. */
export async function findDomainByName(db: Db, name: string): Promise<Project | undefined> {
  const exact = await project.first(db, { name, domainId: domainOfDomains })
  if (exact) return exact
  const wanted = name.toLowerCase()
  const domains = await project.find(db, { domainId: domainOfDomains })
  return domains.find((each) => each.name.toLowerCase() === wanted)
}

export const insertProject = (db: Db, row: Project) => project.insert(db, row)

export const updateProject = (db: Db, id: string, change: Partial<Project>) =>
  project.update(db, { id }, change)

export const deleteProjects = (db: Db, ids: readonly string[]) => project.delete(db, { id: [...ids] })

export const countChildren = (db: Db, parentId: string) => project.count(db, { parentId, isDomain: false })

/** From the parent up to the domain, the nearest first. */
export async function ancestorsOf(db: Db, of: Project): Promise<Project[]> {
  const found: Project[] = []
  for (let parentId = of.parentId; parentId !== null; ) {
    const parent = await project.get(db, parentId)
    if (!parent) break
    found.push(parent)
    parentId = parent.parentId
  }
  return found
}

/** All below it, level by level: one query per level. */
export async function descendantsOf(db: Db, of: Project): Promise<Project[]> {
  const found: Project[] = []
  for (let level = [of.id]; level.length > 0; ) {
    const children = await project.find(db, { parentId: level, isDomain: false })
    found.push(...children)
    level = children.map((child) => child.id)
  }
  return found
}

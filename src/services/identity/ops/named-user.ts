// Who is meant by the words of a login: a user by id, or by name in a domain.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Identity } from '../app.ts'
import type { User } from '../resources/user.ts'
import { findDomainByName, findProject } from '../store/project.ts'
import { findUser, findUserByName } from '../store/user.ts'

export type UserWish = { id?: string; name?: string; domain?: { id?: string; name?: string } }

/** Undefined where there is none: the caller must not learn that at once. */
export async function namedUser(app: Identity, given: UserWish): Promise<User | undefined> {
  if (given.id !== undefined) return findUser(app.db, given.id)
  if (given.name === undefined) throw expecting('id or name', 'user')
  const domainId = await namedDomain(app, given.domain)
  return domainId === undefined ? undefined : findUserByName(app.db, given.name, domainId)
}

/** The id of an existing domain. */
export async function namedDomain(
  app: Identity,
  given: { id?: string; name?: string } | undefined,
): Promise<string | undefined> {
  if (given?.id !== undefined) {
    const row = await findProject(app.db, given.id)
    return row?.isDomain ? row.id : undefined
  }
  if (given?.name === undefined) throw expecting('domain', 'user or project')
  return (await findDomainByName(app.db, given.name))?.id
}

export function expecting(what: string, where: string): CloudError {
  return new CloudError('badRequest', `Expecting to find ${what} in ${where}.`)
}

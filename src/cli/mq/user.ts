// Users, their passwords and tags. A password as a word of the command line is seen by everybody who lists processes;
// without it the verb asks, or reads a line of standard input.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { type Api, at } from './api.ts'
import { mqError } from './exit.ts'
import { askSecret } from './secret.ts'
import type { Call, MqVerb } from './verb.ts'

export type User = {
  name: string
  tags: string[] | string
  password_hash: string
  hashing_algorithm: string
}

export async function requireUser(api: Api, name: string): Promise<User> {
  const user = await api.find<User>(at`users/${name}`)
  if (!user) throw mqError('noUser', `User "${name}" does not exist`)
  return user
}

function tagsOf(user: User): string[] {
  return Array.isArray(user.tags) ? user.tags : user.tags.split(',').filter((tag) => tag !== '')
}

async function passwordOf(call: Call): Promise<string> {
  return call.words[1] ?? (await askSecret(call.terminal, `Password for ${call.words[0]}: `))
}

/** PUT replaces a user whole: what isn't to change is sent along. */
async function putUser(api: Api, user: User, change: Record<string, unknown>): Promise<void> {
  const { password_hash, hashing_algorithm } = user
  const kept = 'password' in change ? {} : { password_hash, hashing_algorithm }
  await api.put(at`users/${user.name}`, { ...kept, tags: tagsOf(user).join(','), ...change })
}

export const userVerbs: Record<string, MqVerb> = {
  add_user: {
    group: 'Users',
    summary: 'Creates a new user, which has no permissions in any virtual host yet',
    usage: '<username> [<password>]',
    words: [1, 2],
    async run(call) {
      const name = call.words[0]!
      call.info(`Adding user "${name}" ...`)
      if (await call.api.find(at`users/${name}`))
        throw mqError('alreadyThere', `User "${name}" already exists`)
      await call.api.put(at`users/${name}`, { password: await passwordOf(call), tags: '' })
      call.info(
        "Done. Don't forget to grant the user permissions to some virtual hosts! See 'nimbo mq help set_permissions' to learn more.",
      )
      return undefined
    },
  },
  delete_user: {
    group: 'Users',
    summary: 'Removes a user; its connections are closed',
    usage: '<username>',
    words: [1, 1],
    async run({ api, words: [name], info }) {
      info(`Deleting user "${name}" ...`)
      await requireUser(api, name!)
      await api.remove(at`users/${name!}`)
      return undefined
    },
  },
  change_password: {
    group: 'Users',
    summary: 'Changes the user password',
    usage: '<username> [<password>]',
    words: [1, 2],
    async run(call) {
      call.info(`Changing password for user "${call.words[0]}" ...`)
      const user = await requireUser(call.api, call.words[0]!)
      await putUser(call.api, user, { password: await passwordOf(call) })
      return undefined
    },
  },
  clear_password: {
    group: 'Users',
    summary: 'Disables login with a password for a user',
    usage: '<username>',
    words: [1, 1],
    async run({ api, words: [name], info }) {
      info(`Clearing password for user "${name}" ...`)
      await putUser(api, await requireUser(api, name!), { password_hash: '' })
      return undefined
    },
  },
  authenticate_user: {
    group: 'Users',
    summary: 'Tries a password. Exits with 65 where it is wrong',
    usage: '<username> [<password>]',
    words: [1, 2],
    async run(call) {
      const name = call.words[0]!
      call.info(`Authenticating user "${name}" ...`)
      if (await passes(call.api.as(name, await passwordOf(call)))) return { lines: ['Success'] }
      throw mqError('badArgument', `Error: failed to authenticate user "${name}"`)
    },
  },
  list_users: {
    group: 'Users',
    summary: 'Lists user names and tags',
    usage: '',
    words: [0, 0],
    async run({ api, info }) {
      info('Listing users ...')
      const users = await api.get<User[]>('users')
      return { columns: ['user', 'tags'], rows: users.map((user) => [user.name, tagsOf(user)]) }
    },
  },
  set_user_tags: {
    group: 'Users',
    summary: 'Sets user tags: administrator, monitoring, policymaker, management, impersonator, or none',
    usage: '<username> <tag> [...]',
    words: [1, Number.POSITIVE_INFINITY],
    async run({ api, words: [name, ...tags], info }) {
      info(`Setting tags for user "${name}" to [${tags.join(', ')}] ...`)
      await putUser(api, await requireUser(api, name!), { tags: tags.join(',') })
      return undefined
    },
  },
}

/** A user without tags may not use the API, which then says so; only a wrong password is a failed login. */
async function passes(api: Api): Promise<boolean> {
  try {
    await api.get('whoami')
    return true
  } catch (error) {
    if (!(error instanceof CloudError) || error.kind !== 'unauthorized') throw error
    return /not management user/i.test(error.message)
  }
}

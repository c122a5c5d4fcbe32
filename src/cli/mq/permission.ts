// What users may do in a virtual host: three patterns, and two more for the routing keys of topic exchanges.
import { type Api, at } from './api.ts'
import { type Exit, mqError } from './exit.ts'
import { requireUser } from './user.ts'
import type { MqVerb } from './verb.ts'

type Permission = { user: string; vhost: string; configure: string; write: string; read: string }
type TopicPermission = { user: string; vhost: string; exchange: string; write: string; read: string }

/** Most verbs end with 69 where there is no such virtual host, some with 65. */
export async function requireVhost(api: Api, name: string, exit: Exit = 'unavailable'): Promise<void> {
  if (!(await api.find(at`vhosts/${name}`))) throw mqError(exit, `Virtual host ${name} does not exist`)
}

async function requireBoth(api: Api, user: string, vhost: string): Promise<void> {
  await requireUser(api, user)
  await requireVhost(api, vhost)
}

export const permissionVerbs: Record<string, MqVerb> = {
  set_permissions: {
    group: 'Access Control',
    summary: 'Sets user permissions for a vhost',
    usage: '[--vhost <vhost>] <username> <conf> <write> <read>',
    words: [4, 4],
    async run({ api, vhost, words: [user, configure, write, read], info }) {
      info(`Setting permissions for user "${user}" in vhost "${vhost}" ...`)
      await requireBoth(api, user!, vhost)
      await api.put(at`permissions/${vhost}/${user!}`, { configure, write, read })
      return undefined
    },
  },
  clear_permissions: {
    group: 'Access Control',
    summary: 'Revokes user permissions for a vhost',
    usage: '[--vhost <vhost>] <username>',
    words: [1, 1],
    async run({ api, vhost, words: [user], info }) {
      info(`Clearing permissions for user "${user}" in vhost "${vhost}" ...`)
      await requireBoth(api, user!, vhost)
      // No permissions to revoke is what was asked for.
      if (await api.find(at`permissions/${vhost}/${user!}`))
        await api.remove(at`permissions/${vhost}/${user!}`)
      return undefined
    },
  },
  list_permissions: {
    group: 'Access Control',
    summary: 'Lists user permissions in a virtual host',
    usage: '[--vhost <vhost>]',
    words: [0, 0],
    async run({ api, vhost, info }) {
      info(`Listing permissions for vhost "${vhost}" ...`)
      await requireVhost(api, vhost, 'badArgument')
      const found = await api.get<Permission[]>(at`vhosts/${vhost}/permissions`)
      return {
        columns: ['user', 'configure', 'write', 'read'],
        rows: found.map((each) => [each.user, each.configure, each.write, each.read]),
      }
    },
  },
  list_user_permissions: {
    group: 'Access Control',
    summary: 'Lists permissions of a user across all virtual hosts',
    usage: '<username>',
    words: [1, 1],
    async run({ api, words: [user], info }) {
      info(`Listing permissions for user "${user}" ...`)
      await requireUser(api, user!)
      const found = await api.get<Permission[]>(at`users/${user!}/permissions`)
      return {
        columns: ['vhost', 'configure', 'write', 'read'],
        rows: found.map((each) => [each.vhost, each.configure, each.write, each.read]),
      }
    },
  },
  set_topic_permissions: {
    group: 'Access Control',
    summary: 'Sets user topic permissions for an exchange',
    usage: '[--vhost <vhost>] <username> <exchange> <write> <read>',
    words: [4, 4],
    async run({ api, vhost, words: [user, exchange, write, read], info }) {
      info(`Setting topic permissions on "${exchange}" for user "${user}" in vhost "${vhost}" ...`)
      await requireBoth(api, user!, vhost)
      await api.put(at`topic-permissions/${vhost}/${user!}`, { exchange, write, read })
      return undefined
    },
  },
  clear_topic_permissions: {
    group: 'Access Control',
    summary: 'Clears user topic permissions for a vhost or exchange',
    usage: '[--vhost <vhost>] <username> [<exchange>]',
    words: [1, 2],
    async run({ api, vhost, words: [user, exchange], info }) {
      const where = exchange === undefined ? '' : ` on "${exchange}"`
      info(`Clearing topic permissions${where} for user "${user}" in vhost "${vhost}" ...`)
      await requireBoth(api, user!, vhost)
      const path = at`topic-permissions/${vhost}/${user!}`
      if (!(await api.find(path))) return undefined
      await api.remove(exchange === undefined ? path : `${path}/${encodeURIComponent(exchange)}`)
      return undefined
    },
  },
  list_topic_permissions: {
    group: 'Access Control',
    summary: 'Lists topic permissions in a virtual host',
    usage: '[--vhost <vhost>]',
    words: [0, 0],
    async run({ api, vhost, info }) {
      info(`Listing topic permissions for vhost "${vhost}" ...`)
      await requireVhost(api, vhost)
      const found = await api.get<TopicPermission[]>(at`vhosts/${vhost}/topic-permissions`)
      return {
        columns: ['user', 'exchange', 'write', 'read'],
        rows: found.map((each) => [each.user, each.exchange, each.write, each.read]),
      }
    },
  },
  list_user_topic_permissions: {
    group: 'Access Control',
    summary: 'Lists user topic permissions',
    usage: '<username>',
    words: [1, 1],
    async run({ api, words: [user], info }) {
      info(`Listing topic permissions for user "${user}" ...`)
      await requireUser(api, user!)
      const found = await api.get<TopicPermission[]>(at`users/${user!}/topic-permissions`)
      return {
        columns: ['vhost', 'exchange', 'write', 'read'],
        rows: found.map((each) => [each.vhost, each.exchange, each.write, each.read]),
      }
    },
  },
}

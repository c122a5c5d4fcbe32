// Virtual hosts, and the limits of virtual hosts and users.
import { at } from './api.ts'
import { mqError } from './exit.ts'
import { definitionOf } from './json-word.ts'
import { requireVhost } from './permission.ts'
import { requireUser } from './user.ts'
import type { MqVerb } from './verb.ts'

type Vhost = { name: string; metadata?: { description?: string; tags?: string[] } } & Record<string, unknown>
type VhostLimits = { vhost: string; value: Record<string, number> }
type UserLimits = { user: string; value: Record<string, number> }

/** RabbitMQ also lists those whose last limit was taken away, with an empty list. */
const isSet = ({ value }: { value: object }) => Object.keys(value).length > 0

const vhostColumns = ['name', 'tracing', 'cluster_state', 'description', 'tags', 'default_queue_type']

export const vhostVerbs: Record<string, MqVerb> = {
  add_vhost: {
    group: 'Virtual hosts',
    summary: 'Creates a virtual host',
    usage:
      '<vhost> [--description <description> --tags "<tag1>,<tag2>,<...>" --default-queue-type <quorum|classic>]',
    words: [1, 1],
    options: {
      description: { type: 'string' },
      tags: { type: 'string' },
      'default-queue-type': { type: 'string' },
    },
    async run({ api, words: [name], options, info }) {
      info(`Adding vhost "${name}" ...`)
      const { description, tags, 'default-queue-type': type } = options
      await api.put(at`vhosts/${name!}`, {
        ...(description !== undefined && { description }),
        ...(tags !== undefined && { tags }),
        ...(type !== undefined && { default_queue_type: type }),
      })
      return undefined
    },
  },
  delete_vhost: {
    group: 'Virtual hosts',
    summary: 'Deletes a virtual host with all that is in it',
    usage: '<vhost>',
    words: [1, 1],
    async run({ api, words: [name], info }) {
      info(`Deleting vhost "${name}" ...`)
      if (!(await api.find(at`vhosts/${name!}`)))
        throw mqError('badArgument', `Virtual host '${name}' does not exist`)
      await api.remove(at`vhosts/${name!}`)
      return undefined
    },
  },
  list_vhosts: {
    group: 'Virtual hosts',
    summary: 'Lists virtual hosts',
    usage: '[<column> ...]',
    words: [0, vhostColumns.length],
    columns: vhostColumns,
    async run({ api, words, info }) {
      info('Listing vhosts ...')
      const columns = words.length > 0 ? words : ['name']
      const vhosts = await api.get<Vhost[]>('vhosts')
      return {
        columns,
        rows: vhosts.map((vhost) =>
          columns.map((name) => vhost[name] ?? vhost.metadata?.[name as 'description']),
        ),
      }
    },
  },
  set_vhost_tags: {
    group: 'Virtual hosts',
    summary: 'Sets virtual host tags',
    usage: '<vhost> <tag> [...]',
    words: [1, Number.POSITIVE_INFINITY],
    async run({ api, words: [name, ...tags], info }) {
      info(`Setting tags for vhost "${name}" to [${tags.join(', ')}] ...`)
      await requireVhost(api, name!)
      const { metadata } = await api.get<Vhost>(at`vhosts/${name!}`)
      await api.put(at`vhosts/${name!}`, { description: metadata?.description ?? '', tags: tags.join(',') })
      return undefined
    },
  },
  set_vhost_limits: {
    group: 'Virtual hosts',
    summary: 'Sets virtual host limits: max-connections, max-queues; -1 is none',
    usage: '[--vhost <vhost>] <definition>',
    words: [1, 1],
    async run({ api, vhost, words: [text], info }) {
      info(`Setting vhost limits to "${text}" for vhost "${vhost}" ...`)
      await requireVhost(api, vhost)
      for (const [name, value] of Object.entries(definitionOf(text!)))
        await api.put(at`vhost-limits/${vhost}/${name}`, { value })
      return undefined
    },
  },
  clear_vhost_limits: {
    group: 'Virtual hosts',
    summary: 'Clears virtual host limits',
    usage: '[--vhost <vhost>]',
    words: [0, 0],
    async run({ api, vhost, info }) {
      info(`Clearing vhost "${vhost}" limits ...`)
      for (const { value } of await api.get<VhostLimits[]>(at`vhost-limits/${vhost}`))
        for (const name of Object.keys(value)) await api.remove(at`vhost-limits/${vhost}/${name}`)
      return undefined
    },
  },
  list_vhost_limits: {
    group: 'Virtual hosts',
    summary: 'Displays configured virtual host limits',
    usage: '[--vhost <vhost>] [--global]',
    words: [0, 0],
    options: { global: { type: 'boolean' } },
    async run({ api, vhost, options, info }) {
      if (options.global) {
        info('Listing limits for all vhosts ...')
        const all = (await api.get<VhostLimits[]>('vhost-limits')).filter(isSet)
        return {
          columns: ['vhost', 'limits'],
          rows: all.map((each) => [each.vhost, JSON.stringify(each.value)]),
        }
      }
      info(`Listing limits for vhost "${vhost}" ...`)
      const [own] = (await api.get<VhostLimits[]>(at`vhost-limits/${vhost}`)).filter(isSet)
      return { lines: own ? [JSON.stringify(own.value)] : [], value: own?.value ?? {} }
    },
  },
  set_user_limits: {
    group: 'Users',
    summary: 'Sets user limits: max-connections, max-channels; -1 is none',
    usage: '<username> <definition>',
    words: [2, 2],
    async run({ api, words: [user, text], info }) {
      info(`Setting user limits to "${text}" for user "${user}" ...`)
      await requireUser(api, user!)
      for (const [name, value] of Object.entries(definitionOf(text!)))
        await api.put(at`user-limits/${user!}/${name}`, { value })
      return undefined
    },
  },
  clear_user_limits: {
    group: 'Users',
    summary: 'Clears user connection/channel limits',
    usage: '<username> <limit_type> | all',
    words: [2, 2],
    async run({ api, words: [user, which], info }) {
      info(`Clearing ${which === 'all' ? 'all limits' : `"${which}" limit`} for user "${user}" ...`)
      await requireUser(api, user!)
      const [own] = await api.get<UserLimits[]>(at`user-limits/${user!}`)
      const set = Object.keys(own?.value ?? {})
      for (const name of which === 'all' ? set : set.filter((each) => each === which))
        await api.remove(at`user-limits/${user!}/${name}`)
      return undefined
    },
  },
  list_user_limits: {
    group: 'Users',
    summary: 'Displays configured user limits',
    usage: '[--user <username>] [--global]',
    words: [0, 0],
    options: { user: { type: 'string' }, global: { type: 'boolean' } },
    async run({ api, options, info }) {
      if (options.global) {
        info('Listing limits for all users ...')
        const all = (await api.get<UserLimits[]>('user-limits')).filter(isSet)
        return {
          columns: ['user', 'limits'],
          rows: all.map((each) => [each.user, JSON.stringify(each.value)]),
        }
      }
      const user = (options.user as string | undefined) ?? api.login.user
      info(`Listing limits for user "${user}" ...`)
      await requireUser(api, user)
      const [own] = await api.get<UserLimits[]>(at`user-limits/${user}`)
      return { lines: [JSON.stringify(own?.value ?? {})], value: own?.value ?? {} }
    },
  },
}

// Policies, operator policies and parameters.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { type Api, at } from './api.ts'
import { mqError } from './exit.ts'
import { definitionOf, jsonOf } from './json-word.ts'
import { requireVhost } from './permission.ts'
import type { MqVerb } from './verb.ts'

type Policy = {
  vhost: string
  name: string
  pattern: string
  'apply-to': string
  definition: Record<string, unknown>
  priority: number
}
type Parameter = { vhost: string; component: string; name: string; value: unknown }

/** Both kinds differ in their path and in how they are spoken of. */
function policyVerbs(
  kind: 'policies' | 'operator-policies',
  names: { set: string; clear: string; list: string },
  called: { one: string; many: string },
): Record<string, MqVerb> {
  const path = (vhost: string, name: string) => `${kind}/${at`${vhost}/${name}`}`
  return {
    [names.set]: {
      group: 'Policies',
      summary:
        kind === 'policies' ? 'Sets or updates a policy' : 'Sets limits that no policy of users exceeds',
      usage:
        '[--vhost <vhost>] [--priority <priority>] [--apply-to <apply-to>] <name> <pattern> <definition>',
      words: [3, 3],
      options: { priority: { type: 'string' }, 'apply-to': { type: 'string' } },
      async run({ api, vhost, words: [name, pattern, text], options, info }) {
        const priority = (options.priority as string | undefined) ?? '0'
        info(
          `Setting ${called.one} "${name}" for pattern "${pattern}" to "${text}" with priority "${priority}" for vhost "${vhost}" ...`,
        )
        if (!/^-?\d+$/.test(priority))
          throw mqError('badArgument', `--priority ${priority} is not a whole number`)
        await requireVhost(api, vhost)
        await api.put(path(vhost, name!), {
          pattern,
          definition: definitionOf(text!),
          priority: Number(priority),
          'apply-to': options['apply-to'] ?? 'all',
        })
        return undefined
      },
    },
    [names.clear]: {
      group: 'Policies',
      summary: `Clears (removes) ${kind === 'policies' ? 'a policy' : 'an operator policy'}`,
      usage: '[--vhost <vhost>] <name>',
      words: [1, 1],
      async run({ api, vhost, words: [name], info }) {
        info(`Clearing ${called.one.replace(' override', '')} "${name}" on vhost "${vhost}" ...`)
        await removeParameter(api, path(vhost, name!))
        return undefined
      },
    },
    [names.list]: {
      group: 'Policies',
      summary: `Lists ${called.many} in a virtual host`,
      usage: '[--vhost <vhost>]',
      words: [0, 0],
      async run({ api, vhost, info }) {
        info(`Listing ${called.many} for vhost "${vhost}" ...`)
        await requireVhost(api, vhost)
        const found = await api.get<Policy[]>(`${kind}/${encodeURIComponent(vhost)}`)
        return {
          columns: ['vhost', 'name', 'pattern', 'apply-to', 'definition', 'priority'],
          rows: found.map((each) => [
            each.vhost,
            each.name,
            each.pattern,
            each['apply-to'],
            JSON.stringify(each.definition),
            each.priority,
          ]),
        }
      },
    },
  }
}

async function removeParameter(api: Api, path: string): Promise<void> {
  try {
    await api.remove(path)
  } catch (error) {
    if (!(error instanceof CloudError) || error.kind !== 'notFound') throw error
    throw mqError('unavailable', 'Parameter does not exist')
  }
}

const parameterVerbs: Record<string, MqVerb> = {
  set_parameter: {
    group: 'Parameters',
    summary: 'Sets a runtime parameter',
    usage: '[--vhost <vhost>] <component_name> <name> <value>',
    words: [3, 3],
    async run({ api, vhost, words: [component, name, text], info }) {
      info(
        `Setting runtime parameter "${name}" for component "${component}" to "${text}" in vhost "${vhost}" ...`,
      )
      const value = jsonOf(text!)
      await api.put(at`parameters/${component!}/${vhost}/${name!}`, { component, vhost, name, value })
      return undefined
    },
  },
  clear_parameter: {
    group: 'Parameters',
    summary: 'Clears a runtime parameter',
    usage: '[--vhost <vhost>] <component_name> <name>',
    words: [2, 2],
    async run({ api, vhost, words: [component, name], info }) {
      info(`Clearing runtime parameter "${name}" for component "${component}" on vhost "${vhost}" ...`)
      await removeParameter(api, at`parameters/${component!}/${vhost}/${name!}`)
      return undefined
    },
  },
  list_parameters: {
    group: 'Parameters',
    summary: 'Lists runtime parameters for a virtual host',
    usage: '[--vhost <vhost>]',
    words: [0, 0],
    async run({ api, vhost, info }) {
      info(`Listing runtime parameters for vhost "${vhost}" ...`)
      // Limits and policies are kept as parameters too, and have verbs of their own.
      const own = (await api.get<Parameter[]>('parameters')).filter(
        (each) =>
          each.vhost === vhost && !['vhost-limits', 'policy', 'operator_policy'].includes(each.component),
      )
      return {
        columns: ['component', 'name', 'value'],
        rows: own.map((each) => [each.component, each.name, JSON.stringify(each.value)]),
      }
    },
  },
  set_global_parameter: {
    group: 'Parameters',
    summary: 'Sets a global runtime parameter',
    usage: '<name> <value>',
    words: [2, 2],
    async run({ api, words: [name, text], info }) {
      info(`Setting global runtime parameter "${name}" to "${text}" ...`)
      await api.put(at`global-parameters/${name!}`, { name, value: jsonOf(text!) })
      return undefined
    },
  },
  clear_global_parameter: {
    group: 'Parameters',
    summary: 'Clears a global runtime parameter',
    usage: '<name>',
    words: [1, 1],
    async run({ api, words: [name], info }) {
      info(`Clearing global runtime parameter "${name}" ...`)
      await removeParameter(api, at`global-parameters/${name!}`)
      return undefined
    },
  },
  list_global_parameters: {
    group: 'Parameters',
    summary: 'Lists global runtime parameters',
    usage: '',
    words: [0, 0],
    async run({ api, info }) {
      info('Listing global runtime parameters ...')
      const found = await api.get<Parameter[]>('global-parameters')
      return {
        columns: ['name', 'value'],
        rows: found.map((each) => [each.name, JSON.stringify(each.value)]),
      }
    },
  },
}

export const policyAndParameterVerbs: Record<string, MqVerb> = {
  ...policyVerbs(
    'policies',
    { set: 'set_policy', clear: 'clear_policy', list: 'list_policies' },
    { one: 'policy', many: 'policies' },
  ),
  ...policyVerbs(
    'operator-policies',
    { set: 'set_operator_policy', clear: 'clear_operator_policy', list: 'list_operator_policies' },
    { one: 'operator policy override', many: 'operator policy overrides' },
  ),
  ...parameterVerbs,
}

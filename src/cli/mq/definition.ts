// Definitions: everything but messages, as RabbitMQ's JSON, for backup and for moving between brokers.
import { mqError } from './exit.ts'
import { definitionOf } from './json-word.ts'
import { readInput } from './secret.ts'
import type { MqVerb } from './verb.ts'

const onlyJson = (format: unknown) => {
  if (format !== undefined && String(format).toLowerCase() !== 'json')
    throw mqError('badArgument', 'Formats other than JSON need an Erlang node')
}

export const definitionVerbs: Record<string, MqVerb> = {
  export_definitions: {
    group: 'Definitions',
    summary: 'Writes definitions as JSON to a file or to standard output',
    usage: '<file_path | "-"> [--format json]',
    words: [1, 1],
    options: { format: { type: 'string' } },
    async run({ api, world, words: [path], options, info }) {
      onlyJson(options.format)
      const definitions = await api.get<Record<string, unknown>>('definitions')
      if (path === '-') return { lines: [JSON.stringify(definitions)], value: definitions }
      info(`Exporting definitions in JSON to a file at "${path}" ...`)
      // It holds hashes of passwords: for its owner alone.
      await world.files.writeAtomic(path!, JSON.stringify(definitions), { mode: 0o600 })
      return undefined
    },
  },
  import_definitions: {
    group: 'Definitions',
    summary:
      'Imports definitions from a JSON file or standard input; what is there already stays or is replaced',
    usage: '<file_path | "-"> [--format json]',
    words: [0, 1],
    options: { format: { type: 'string' } },
    async run({ api, world, terminal, words: [path = '-'], options, info }) {
      onlyJson(options.format)
      if (path !== '-' && !(await world.files.exists(path)))
        throw mqError('badArgument', `File ${path} does not exist`)
      info(
        `Importing definitions in JSON from ${path === '-' ? 'standard input' : `a file at "${path}"`} ...`,
      )
      const text = path === '-' ? await readInput(terminal) : await world.files.readText(path)
      await api.post('definitions', definitionOf(text))
      return undefined
    },
  },
}

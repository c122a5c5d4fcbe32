// The command line of `nimbo mq` taken apart. As with rabbitmqctl, options may stand before the verb and after it.
import { parseArgs } from 'node:util'
import { mqError } from './exit.ts'
import { type Formatter, formatterOf } from './output.ts'
import type { MqOption, MqVerb } from './verb.ts'

/** What every verb takes. `--data`, `--url` and `--user` say which broker. */
const generalOptions = {
  node: { type: 'string', short: 'n' },
  longnames: { type: 'boolean', short: 'l' },
  quiet: { type: 'boolean', short: 'q' },
  silent: { type: 'boolean', short: 's' },
  vhost: { type: 'string', short: 'p' },
  timeout: { type: 'string', short: 't' },
  formatter: { type: 'string' },
  'no-table-headers': { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  data: { type: 'string' },
  url: { type: 'string' },
  user: { type: 'string' },
} as const satisfies Record<string, MqOption>

export type Words = {
  verb: string | undefined
  words: string[]
  options: Record<string, string | boolean | undefined>
}

/** Which options fit which verb is judged when the verb is known: see `judge`. */
export function takeApart(args: readonly string[], verbs: Readonly<Record<string, MqVerb>>): Words {
  const known: Record<string, MqOption> = Object.assign(
    {},
    ...Object.values(verbs).map((verb) => verb.options ?? {}),
    generalOptions,
  )
  const { values, positionals } = parseArgs({
    args: [...args],
    options: known,
    strict: false,
    allowPositionals: true,
  })
  const [verb, ...words] = positionals
  return { verb, words, options: values as Words['options'] }
}

export function judge(name: string, verb: MqVerb, { words, options }: Words): void {
  const fits: Record<string, MqOption> = { ...verb.options, ...generalOptions }
  const strange = Object.keys(options).filter((option) => !fits[option])
  if (strange.length > 0)
    throw mqError('usage', `Invalid options for this command: ${strange.map(dashed).join(', ')}`)
  for (const [option, { type }] of Object.entries(fits)) {
    const value = options[option]
    if (value !== undefined && typeof value !== type)
      throw mqError('usage', `--${option} ${type === 'string' ? 'needs a value' : 'takes no value'}`)
  }
  const [least, most] = verb.words
  if (words.length < least) throw mqError('usage', `not enough arguments for ${name}.`)
  if (words.length > most && !verb.columns) throw mqError('usage', `too many arguments for ${name}.`)
  const bogus = (verb.columns ? words : [])
    .flatMap((word) => word.split(','))
    .filter((word) => word !== '' && !verb.columns!.includes(word))
  if (bogus.length > 0) throw mqError('usage', `Info key(s) ${bogus.join(',')} are not supported`)
  const timeout = options.timeout
  if (timeout !== undefined && timeout !== 'infinity' && !(Number(timeout) >= 0))
    throw mqError('badArgument', `--timeout ${timeout} is no number of seconds`)
}

const dashed = (name: string) => (name.length === 1 ? `-${name}` : `--${name}`)

export type Style = { formatter: Formatter; headers: boolean; talks: boolean }

/** How the answer is written; what goes on is told to people only. */
export function styleOf(options: Words['options']): Style {
  const formatter = formatterOf((options.formatter as string | undefined) ?? 'table')
  return {
    formatter,
    headers: !options.silent && !options['no-table-headers'],
    talks: !options.quiet && !options.silent && (formatter === 'table' || formatter === 'pretty_table'),
  }
}

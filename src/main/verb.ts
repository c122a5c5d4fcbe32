// A verb of the command line: its words, its options, and what it does. `--data` belongs to every one.
import { type ParseArgsConfig, parseArgs } from 'node:util'
import type { Terminal } from '#cli/terminal.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { World } from '#kit/world/world.ts'
import { defaultRoot } from './data-folder.ts'
import type { Program } from './role.ts'

export type OptionSpec = NonNullable<ParseArgsConfig['options']>[string] & { help: string; value?: string }

export type Invocation = {
  world: World
  terminal: Terminal
  /** How to start this program again as one of its roles. */
  program: Program
  /** Data folder: --data, or NIMBO_DATA, or where clouds of this user live. Absolute. */
  root: string
  options: Record<string, string | boolean | undefined>
  words: string[]
}

export type Verb = {
  summary: string
  /** Words after the verb: 'server NAME'. */
  words?: string
  options?: Record<string, OptionSpec>
  /** It reads its options itself, `--help` too: `words` is all that stands after it, without `--data`. */
  raw?: boolean
  /** Returns the exit code. */
  run(invocation: Invocation): Promise<number>
}

/** Wrong words on the command line: exit code 2, as usual. */
export function usageError(message: string): CloudError {
  return new CloudError('badRequest', message, { type: 'Usage' })
}

const dataOption = {
  type: 'string',
  help: 'Folder that holds the cloud',
  value: 'DIR',
} as const satisfies OptionSpec

export async function invoke(
  verb: Verb,
  args: readonly string[],
  given: Pick<Invocation, 'world' | 'terminal' | 'program'>,
): Promise<number> {
  const { values, positionals } = parse(verb, args)
  const uid = (await given.world.files.info('/proc/self'))?.uid ?? 0
  const named =
    (values.data as string | undefined) ?? given.world.env.NIMBO_DATA ?? defaultRoot(given.world.env, uid)
  const root = absolute(named, given.world.env.PWD ?? '/')
  return verb.run({ ...given, root, options: values, words: positionals })
}

function parse(verb: Verb, args: readonly string[]) {
  if (verb.raw) return takeData(args)
  try {
    const options = { ...verb.options, data: dataOption }
    const { values, positionals } = parseArgs({
      args: [...args],
      options,
      allowPositionals: verb.words !== undefined,
      strict: true,
    })
    return { values: values as Invocation['options'], positionals }
  } catch (error) {
    throw usageError((error as Error).message)
  }
}

function takeData(args: readonly string[]): { values: Invocation['options']; positionals: string[] } {
  const positionals = [...args]
  const at = args.findIndex((arg) => arg === '--data' || arg.startsWith('--data='))
  if (at < 0) return { values: {}, positionals }
  const [named, value] = positionals.splice(at, args[at] === '--data' ? 2 : 1)
  const data = value ?? named!.slice('--data='.length)
  if (named === '--data' && value === undefined) throw usageError("Option '--data' needs a folder.")
  return { values: { data }, positionals }
}

export function absolute(path: string, cwd: string): string {
  const full = path.startsWith('/') ? path : `${cwd}/${path}`
  const parts: string[] = []
  for (const part of full.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return `/${parts.join('/')}`
}

export function helpText(verbs: Record<string, Verb>, name?: string): string[] {
  const verb = name === undefined ? undefined : verbs[name]
  if (!verb) {
    const rows = Object.entries(verbs).map(
      ([each, { summary, words }]) => `  ${`${each}${words ? ` ${words}` : ''}`.padEnd(26)} ${summary}`,
    )
    return ['nimbo: a cloud on this machine', '', ...rows, '', "'nimbo help VERB' tells a verb's options."]
  }
  const options = Object.entries({ ...verb.options, data: dataOption } as Record<string, OptionSpec>)
  return [
    `nimbo ${name}${verb.words ? ` ${verb.words}` : ''}: ${verb.summary}`,
    '',
    ...options.map(
      ([each, { help, value, short }]) =>
        `  ${`${short ? `-${short}, ` : ''}--${each}${value ? ` ${value}` : ''}`.padEnd(22)} ${help}`,
    ),
  ]
}

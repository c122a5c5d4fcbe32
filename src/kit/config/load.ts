// Reads the configuration once, at start: a YAML file, then NIMBO_<SECTION>__<KEY> from the environment over it.
// Whoever writes a file gets all its mistakes at once, each with its place and the name that was probably meant.
import { CloudError } from '../errors/cloud-error.ts'
import { parseYaml, type YamlText } from '../yaml/yaml.ts'
import { nearest } from './nearest.ts'
import { type ConfigOf, hideSecrets, type Section, snakeCase, withDefaults } from './section.ts'

export type LoadedConfig<S extends readonly Section[]> = {
  readonly [Each in S[number] as Each['name']]: ConfigOf<Each>
}

export type ConfigSource = {
  /** The file's text; absent or empty means all defaults. */
  yaml?: string
  /** How complaints name the file. */
  file?: string
  env?: Readonly<Record<string, string | undefined>>
}

/** Throws kind 'badRequest' with one line per problem. */
export function loadConfig<const S extends readonly Section[]>(
  sections: S,
  source: ConfigSource,
): LoadedConfig<S> {
  const problems: string[] = []
  const given = new Map<string, Record<string, unknown>>(sections.map((each) => [each.name, {}]))
  const take = (of: Section, key: string, raw: unknown, fromText: boolean, where: string) => {
    const option = of.options[key]!
    const shown = `${snakeCase(of.name)}.${snakeCase(key)}`
    // An empty YAML value means "as if it were not there", and that is only fine where it need not be.
    if (raw === null && option.default !== undefined && option.type !== 'json') {
      problems.push(`${where}: ${shown} has no value`)
      return
    }
    if (raw === null) return
    const read = option.read(raw, fromText)
    if ('problem' in read) problems.push(`${where}: ${shown} ${read.problem}`)
    else given.get(of.name)![key] = read.value
  }
  readFile(sections, source, take, problems)
  readEnvironment(sections, source.env ?? {}, take, problems)
  if (problems.length > 0) throw new CloudError('badRequest', problems.join('\n'))
  const loaded = sections.map((each) => [each.name, withDefaults(each, given.get(each.name))])
  return Object.fromEntries(loaded) as LoadedConfig<S>
}

/** For people: what is in force, secrets left out. */
export function dumpConfig(sections: readonly Section[], config: Record<string, object>): string {
  const lines = sections.flatMap((each) => {
    const values = hideSecrets(each, { ...config[each.name] } as Record<string, unknown>)
    const shown = JSON.parse(JSON.stringify(values)) as Record<string, unknown>
    const options = Object.entries(shown).map(
      ([key, value]) => `  ${snakeCase(key)}: ${JSON.stringify(value)}`,
    )
    return [`${snakeCase(each.name)}:`, ...options]
  })
  return `${lines.join('\n')}\n`
}

type Take = (of: Section, key: string, raw: unknown, fromText: boolean, where: string) => void

function readFile(sections: readonly Section[], source: ConfigSource, take: Take, problems: string[]): void {
  const file = source.file ?? 'nimbo.yaml'
  let text: YamlText
  try {
    text = parseYaml(source.yaml ?? '', file)
  } catch (error) {
    if (!(error instanceof CloudError)) throw error
    problems.push(error.message)
    return
  }
  const where = (path: string[]) => {
    const { line, column } = text.place(path)
    return `${file}:${line}:${column}`
  }
  if (text.value === undefined) return
  if (!isMap(text.value)) {
    problems.push(`${where([])}: must hold sections of options`)
    return
  }
  for (const [name, options] of Object.entries(text.value)) {
    const of = sections.find((each) => snakeCase(each.name) === name)
    if (!of) {
      problems.push(
        `${where([name])}: unknown section ${name}${hint(
          name,
          sections.map((each) => snakeCase(each.name)),
        )}`,
      )
      continue
    }
    if (options === null) continue
    if (!isMap(options)) {
      problems.push(`${where([name])}: ${name} must hold options`)
      continue
    }
    for (const [shown, raw] of Object.entries(options)) {
      const key = keyOf(of, shown)
      if (key) take(of, key, raw, false, where([name, shown]))
      else
        problems.push(`${where([name, shown])}: unknown option ${name}.${shown}${hint(shown, shownKeys(of))}`)
    }
  }
}

function readEnvironment(
  sections: readonly Section[],
  env: Readonly<Record<string, string | undefined>>,
  take: Take,
  problems: string[],
): void {
  for (const [variable, raw] of Object.entries(env)) {
    // Other variables of ours, such as NIMBO_DATA, have no double underscore.
    const match = /^NIMBO_(.+?)__(.+)$/.exec(variable)
    if (!match || raw === undefined) continue
    const of = sections.find((each) => snakeCase(each.name).toUpperCase() === match[1])
    const key = of && keyOf(of, match[2]!.toLowerCase())
    if (of && key) take(of, key, raw, true, `environment variable ${variable}`)
    else {
      const known = sections.flatMap((each) => Object.keys(each.options).map((name) => envName(each, name)))
      problems.push(`environment variable ${variable} names no option${hint(variable, known)}`)
    }
  }
}

export function envName(of: Section, key: string): string {
  return `NIMBO_${snakeCase(of.name)}__${snakeCase(key)}`.toUpperCase()
}

function keyOf(of: Section, shown: string): string | undefined {
  return Object.keys(of.options).find((key) => snakeCase(key) === shown)
}

function shownKeys(of: Section): string[] {
  return Object.keys(of.options).map(snakeCase)
}

function hint(wrong: string, names: readonly string[]): string {
  const name = nearest(wrong, names)
  return name === undefined ? '' : `; did you mean ${name}?`
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

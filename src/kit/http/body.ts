// Request bodies and queries as declared fields: a schema for each microversion, checked, then given camelCase names.
import { type Static, type TSchema, Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { CloudError } from '../errors/cloud-error.ts'
import { showValue } from '../redact/redact.ts'
import { holds, type Since, type Version } from './version.ts'

export type Field = Since & {
  schema: TSchema
  optional?: boolean
  /** The TypeScript name where the wire name doesn't give one: 'OS-DCF:diskConfig'. */
  as?: string
}
export type Fields = Record<string, Field>

type Camel<S extends string> = S extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : S
type NameOf<K, F> = F extends { as: infer A extends string } ? A : K extends string ? Camel<K> : never
type OptionalKeys<F extends Fields> = {
  [K in keyof F]: F[K] extends { optional: true } | { since: string } ? K : never
}[keyof F]
export type BodyOf<F extends Fields> = {
  [K in Exclude<keyof F, OptionalKeys<F>> as NameOf<K, F[K]>]: Static<F[K]['schema']>
} & { [K in OptionalKeys<F> as NameOf<K, F[K]>]?: Static<F[K]['schema']> }

export type Body<T> = {
  /** The key that wraps the fields, or undefined where they stand alone. */
  readonly wrapper: string | undefined
  readonly fields: Fields
  parse(input: unknown, at?: Version): T
  /** JSON Schema at a version, for documents and generated tests. */
  schemaAt(at?: Version): TSchema
}

export type BodyOptions = {
  /** Unknown members: refused (the default), ignored, or kept apart under `extra`, as identity does. */
  extra?: 'refuse' | 'ignore' | 'keep'
  /** How many members there must be at least: 1 where a change of nothing is a mistake. */
  least?: number
  /** The words of the service for what is wrong; the default names the path and the reason. */
  explain?: (problem: Problem) => CloudError
}

type ExtraOf<O> = O extends { extra: 'keep' } ? { extra: Record<string, unknown> } : unknown

export type Problem = {
  path: string[]
  message: string
  keyword: string
  value: unknown
  unknown?: string[]
  missing?: string[]
  /** Where in the schema, as a JSON pointer: '#/properties/total'. */
  schemaPath: string
  /** What the keyword compared with: `{ limit: 1 }`, `{ pattern }`, `{ type }`. */
  params: Record<string, unknown>
}

/** `body('server', { name: { schema: Type.String() } })`; a null wrapper means that the fields stand alone. */
export function body<const F extends Fields, const O extends BodyOptions = Record<never, never>>(
  wrapper: string | null,
  fields: F,
  given?: O,
): Body<BodyOf<F> & ExtraOf<O>> {
  const options: BodyOptions = given ?? {}
  const compiled = new Map<string, { schema: TSchema; check: ReturnType<typeof Compile>; active: string[] }>()
  const keys = Object.keys(fields)
  const names = new Map(keys.map((key) => [key, fields[key]!.as ?? toCamel(key)]))

  const at = (asked: Version | undefined) => {
    const active = keys.filter((key) => holds(fields[key]!, asked))
    const id = active.join()
    const known = compiled.get(id)
    if (known) return known
    const inner = Type.Object(
      Object.fromEntries(
        active.map((key) => [
          key,
          fields[key]!.optional ? Type.Optional(fields[key]!.schema) : fields[key]!.schema,
        ]),
      ),
      {
        additionalProperties: options.extra === 'ignore' || options.extra === 'keep',
        ...(options.least !== undefined && { minProperties: options.least }),
      },
    )
    const schema =
      wrapper === null
        ? inner
        : Type.Object(
            { [wrapper]: inner },
            { additionalProperties: options.extra !== undefined && options.extra !== 'refuse' },
          )
    const entry = { schema, check: Compile(schema), active }
    compiled.set(id, entry)
    return entry
  }

  return {
    wrapper: wrapper ?? undefined,
    fields,
    schemaAt: (asked) => at(asked).schema,
    parse(input, asked) {
      const { check, active } = at(asked)
      if (!check.Check(input)) throw (options.explain ?? explain)(problemOf(check.Errors(input), input))
      const given = (wrapper === null ? input : (input as Record<string, unknown>)[wrapper]) as Record<
        string,
        unknown
      >
      const parsed: Record<string, unknown> = {}
      if (options.extra === 'keep')
        parsed.extra = Object.fromEntries(Object.entries(given).filter(([key]) => !names.has(key)))
      for (const key of active) if (given[key] !== undefined) parsed[names.get(key)!] = given[key]
      // Checked against the schema just above, and renamed by the table that the type is made of.
      return parsed as BodyOf<F> & ExtraOf<O>
    },
  }
}

/**
 * A body that a parser of its own reads, or that the route reads itself, since it takes more than the body to do so. The
 * schema is for documents, and for the tests that hold the reading to it.
 */
export function described<T = unknown>(
  schema: TSchema | ((at: Version | undefined) => TSchema),
  parse: (input: unknown, at: Version | undefined) => T = (input) => input as T,
): Body<T> {
  return {
    wrapper: undefined,
    fields: {},
    parse,
    schemaAt: (at) => (typeof schema === 'function' ? schema(at) : schema),
  }
}

export type SchemaError = {
  keyword: string
  instancePath: string
  schemaPath: string
  message: string
  params: object
}

/** What to tell of all that a schema finds wrong. */
export function problemOf(errors: Iterable<SchemaError>, input: unknown): Problem {
  const list = [...errors]
  const unknown = list.find((error) => error.keyword === 'additionalProperties')
  const missing = list.find((error) => error.keyword === 'required')
  // The last of the shallowest errors is the summary of a union; its branches come before it.
  const chosen = unknown ?? missing ?? list.find((error) => error.keyword !== 'boolean') ?? list[0]!
  const path = chosen.instancePath.split('/').slice(1).map(unescapePointer)
  const value = path.reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], input)
  return {
    path,
    value,
    keyword: chosen.keyword,
    message: chosen.message,
    unknown: unknown && (unknown.params as { additionalProperties: string[] }).additionalProperties,
    missing: missing && (missing.params as { requiredProperties: string[] }).requiredProperties,
    schemaPath: chosen.schemaPath,
    params: chosen.params as Record<string, unknown>,
  }
}

function unescapePointer(part: string): string {
  return part.replaceAll('~1', '/').replaceAll('~0', '~')
}

/** OpenStack's common wording, which compute, volume and identity share. */
export function explain(problem: Problem): CloudError {
  const name = placeOf(problem.path)
  if (problem.unknown) {
    const list = problem.unknown.map((key) => `'${key}'`).join(', ')
    const verb = problem.unknown.length > 1 ? 'were' : 'was'
    return new CloudError('badRequest', `Additional properties are not allowed (${list} ${verb} unexpected)`)
  }
  if (problem.missing) {
    const list = problem.missing.map((key) => `'${key}'`).join(', ')
    return new CloudError('badRequest', `${list} is a required property`)
  }
  const shown = showValue(problem.path, problem.value)
  return new CloudError(
    'badRequest',
    name === undefined
      ? `Invalid input: the body ${problem.message}`
      : `Invalid input for field/attribute ${name}. Value: ${shown}. ${shown} ${problem.message}`,
  )
}

/** The last name on the way there, with what number the mistake has where it lies in a list of that name. */
function placeOf(path: readonly string[]): string | undefined {
  const named = path.findLastIndex((step) => !/^\d+$/.test(step))
  return path.length === 0 ? undefined : path.slice(Math.max(named, 0)).join('.')
}

export function toCamel(snake: string): string {
  return snake.replace(/[_-]([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}

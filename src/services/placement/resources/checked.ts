// Bodies of placement: strict, and what is wrong with one said in the words of Python's jsonschema, which clients know.
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { type Body, type BodyOf, body, type Fields, type Problem, problemOf } from '#kit/http/body.ts'
import { type Version, version } from '#kit/http/version.ts'

/** Ids come with dashes or without; ops keep them with dashes (`canonical`). */
export const uuidPattern = '^[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$'

/** A body that is an object with fixed members. */
export function checked<const F extends Fields>(fields: F): Body<BodyOf<F>> {
  const made: Body<BodyOf<F>> = body(null, fields, {
    explain: (problem: Problem) => refusal(problem, undefined),
  })
  return made
}

/**
 * A body of any other form: a list, or a map by id. `shapes` are its schemas with the version that each one begins with,
 * oldest first.
 */
export function checkedValue<T>(...shapes: [since: string, schema: TSchema][]): Body<T> {
  const known = shapes.map(([since, schema]) => ({
    since: version(since),
    schema,
    check: undefined as ReturnType<typeof Compile> | undefined,
  }))
  const at = (asked: Version | undefined) =>
    known.findLast(({ since }) => (asked ?? since) >= since) ?? known[0]!
  return {
    wrapper: undefined,
    fields: {},
    schemaAt: (asked) => at(asked).schema,
    parse(input, asked) {
      const shape = at(asked)
      // A large schema takes milliseconds to compile: at its first use, not at import.
      shape.check ??= Compile(shape.schema)
      if (!shape.check.Check(input)) throw refusal(problemOf(shape.check.Errors(input), input), shape.schema)
      return input as T
    },
  }
}

/** The same body for documents and tests, left to the route to parse when it has seen to other things. */
export function unread(given: Body<unknown>): Body<unknown> {
  return { ...given, parse: (input) => input }
}

function refusal(problem: Problem, schema: TSchema | undefined): CloudError {
  const steps = problem.schemaPath.split('/').slice(1).map(unescapePointer)
  const { keyword, reason } = words(problem, schema, steps)
  const within = brackets('schema', steps)
  const on = brackets('instance', problem.path)
  return new CloudError(
    'badRequest',
    `JSON does not validate: ${reason} Failed validating '${keyword}' in ${within}, on ${on}`,
  )
}

const brackets = (root: string, path: readonly string[]) =>
  root + path.map((step) => (/^\d+$/.test(step) ? `[${step}]` : `['${step}']`)).join('')

function words(
  problem: Problem,
  schema: TSchema | undefined,
  steps: readonly string[],
): { keyword: string; reason: string } {
  const { keyword, params, value } = problem
  const shown = inPython(value)
  const say = (reason: string, as = keyword) => ({ keyword: as, reason })
  const quoted = (names: readonly string[]) => names.map((name) => `'${name}'`).join(', ')
  switch (keyword) {
    case 'required':
      return say(`${quoted(problem.missing ?? [])} is a required property`)
    case 'additionalProperties': {
      const names = problem.unknown ?? []
      const patterns = patternsAt(schema, steps)
      const many = names.length > 1
      if (patterns)
        return say(
          `${quoted(names)} ${many ? 'do' : 'does'} not match any of the regexes: ${quoted(patterns)}`,
        )
      return say(
        `Additional properties are not allowed (${quoted(names)} ${many ? 'were' : 'was'} unexpected)`,
      )
    }
    case 'minimum':
      return say(`${shown} is less than the minimum of ${params.limit}`)
    case 'maximum':
      return say(`${shown} is greater than the maximum of ${params.limit}`)
    case 'exclusiveMinimum':
      return say(`${shown} is less than or equal to the minimum of ${params.limit}`)
    case 'minLength':
    case 'minItems':
      return say(`${shown} is too short`)
    case 'maxLength':
      return say(`${shown} is too long`)
    case 'minProperties':
      return say(`${shown} does not have enough properties`)
    case 'uniqueItems':
      return say(`${shown} has non-unique elements`)
    case 'type':
      return say(`${shown} is not of type '${params.type}'`)
    case 'pattern':
      if (params.pattern === uuidPattern) return say(`${shown} is not a 'uuid'`, 'format')
      return say(`${shown} does not match '${params.pattern}'`)
    case 'anyOf':
      return say(`${shown} is not valid under any of the given schemas`)
    default:
      return say(`${shown} ${problem.message}`)
  }
}

/** The patterns of keys at a place in the schema; none where its members have fixed names. */
function patternsAt(schema: TSchema | undefined, steps: readonly string[]): string[] | undefined {
  const place = steps.reduce<unknown>(
    (at, step) => (at as Record<string, unknown> | undefined)?.[step],
    schema,
  )
  const patterns = (place as { patternProperties?: object } | undefined)?.patternProperties
  return patterns && Object.keys(patterns)
}

/** A value as Python shows it, cut to what fits a line. */
function inPython(value: unknown): string {
  if (value === null) return 'None'
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  const text = typeof value === 'string' ? `'${value}'` : (JSON.stringify(value) ?? 'nothing')
  return text.length > 200 ? `${text.slice(0, 200)}...` : text
}

const unescapePointer = (part: string) => part.replaceAll('~1', '/').replaceAll('~0', '~')

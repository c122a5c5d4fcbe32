// Bodies that are wrong in one place each, made from a right one and the JSON schema that it fits.

/** As much of JSON Schema as bodies are declared with. */
export type Schema = {
  type?: string | string[]
  properties?: Record<string, Schema>
  patternProperties?: Record<string, Schema>
  required?: string[]
  additionalProperties?: boolean | Schema
  items?: Schema
  anyOf?: Schema[]
  oneOf?: Schema[]
  enum?: unknown[]
  const?: unknown
  minLength?: number
  maxLength?: number
  pattern?: string
  minimum?: number
  maximum?: number
  minItems?: number
  maxItems?: number
  minProperties?: number
  maxProperties?: number
}
export type Mutation = {
  /** 'server.name: too long' */
  what: string
  /** To the mistake. */
  path: readonly string[]
  body: unknown
}

const oneOfEach: Record<string, unknown> = {
  string: 'a string',
  number: 4.5,
  boolean: true,
  array: [[]],
  object: { unheard: { of: [] } },
  null: null,
}
const surplus = 'surplus_by_test'

/** All that are certainly wrong. */
export function mutations(schema: Schema, right: unknown): Mutation[] {
  const found: Mutation[] = []
  walk(schema, right, [], (path, mistake, change) =>
    found.push({
      what: `${path.join('.') || 'the body'}: ${mistake}`,
      path,
      body: changed(right, path, change),
    }),
  )
  return found
}

type Found = (path: string[], mistake: string, change: (value: unknown) => unknown) => void

function walk(schema: Schema, value: unknown, path: string[], found: Found): void {
  const types = typesOf(schema)
  if (types)
    for (const [type, wrong] of Object.entries(oneOfEach))
      if (!types.has(type) && !takesText(schema, type, wrong)) found(path, `${type} instead`, () => wrong)
  const { maxLength, minLength, minimum, maximum } = schema
  if (typeof value === 'string') {
    if (maxLength !== undefined && maxLength < 200_000)
      found(path, 'too long', () => 'x'.repeat(maxLength + 1))
    if (minLength) found(path, 'empty', () => '')
    if (schema.enum) found(path, 'none of the choices', () => 'no-such-choice')
  }
  if (typeof value === 'number') {
    if (maximum !== undefined) found(path, 'too large', () => maximum + 1)
    if (minimum !== undefined) found(path, 'too small', () => minimum - 1)
  }
  const shape = branchOf(schema, value)
  if (Array.isArray(value)) {
    const { maxItems, minItems, items } = shape
    if (maxItems !== undefined && maxItems < 1000 && value.length > 0)
      found(path, 'too many', () => Array.from({ length: maxItems + 1 }, () => value[0]))
    if (minItems) found(path, 'none', () => [])
    if (items && value.length > 0) walk(items, value[0], [...path, '0'], found)
  }
  if (!isRecord(value)) return
  const { properties = {}, required = [], additionalProperties, patternProperties } = shape
  for (const key of required) found([...path, key], 'missing', () => undefined)
  if (additionalProperties === false && !patternProperties) found([...path, surplus], 'not known', () => 'x')
  for (const [key, inner] of Object.entries(properties)) {
    walk(inner, value[key] === undefined ? exampleOf(inner) : value[key], [...path, key], found)
  }
}

/** Of a union, the only branch that a list or an object may be meant by; what breaks that one breaks all. */
function branchOf(schema: Schema, value: unknown): Schema {
  const branches = schema.anyOf ?? schema.oneOf ?? []
  if (Array.isArray(value)) return branches.find(({ type }) => type === 'array') ?? schema
  if (!isRecord(value)) return schema
  const objects = branches.filter(({ type, maxProperties }) => type === 'object' && maxProperties !== 0)
  if (objects.length < 2) return objects[0] ?? schema
  const said = ({ properties = {} }: Schema) =>
    Object.entries(properties).some(([key, inner]) => 'const' in inner && inner.const === value[key])
  return objects.find(said) ?? schema
}

/** What the schema lets through; undefined where it doesn't say. */
function typesOf(schema: Schema): Set<string> | undefined {
  const branches = schema.anyOf ?? schema.oneOf
  if (branches) {
    const all = branches.map(typesOf)
    return all.some((one) => one === undefined) ? undefined : new Set(all.flatMap((one) => [...one!]))
  }
  const values = schema.enum ?? ('const' in schema ? [schema.const] : undefined)
  if (schema.type === undefined)
    return values && new Set(values.map((value) => (value === null ? 'null' : typeof value)))
  const types = Array.isArray(schema.type) ? schema.type : [schema.type]
  // 4.5 is the number here, and no integer.
  return new Set(types.filter((type) => type !== 'integer'))
}

/** Booleans and numbers may be given as texts that say them; those of ours say none. */
function takesText(schema: Schema, type: string, wrong: unknown): boolean {
  if (type !== 'string' || !schema.pattern) return false
  return new RegExp(schema.pattern).test(String(wrong))
}

/** For a field that the right body leaves out: enough to hang a mistake on. */
function exampleOf(schema: Schema): unknown {
  const types = typesOf(schema)
  if (types?.has('string')) return 'x'
  return types?.size === 0 ? 1 : undefined
}

export function changed(value: unknown, path: string[], change: (value: unknown) => unknown): unknown {
  const [step, ...rest] = path
  if (step === undefined) return change(value)
  if (Array.isArray(value))
    return value.map((one, index) => (index === Number(step) ? changed(one, rest, change) : one))
  return {
    ...(isRecord(value) ? value : {}),
    [step]: changed(isRecord(value) ? value[step] : undefined, rest, change),
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** All paths into a value, its own first. */
export function pathsOf(value: unknown): string[][] {
  if (typeof value !== 'object' || value === null) return [[]]
  return [
    [],
    ...Object.entries(value).flatMap(([key, inner]) => pathsOf(inner).map((path) => [key, ...path])),
  ]
}

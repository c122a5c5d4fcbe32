// Checks what came over the bus against its contract; compiled once per schema, when it is first used.
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'

type Validator = {
  Check(value: unknown): boolean
  Errors(value: unknown): { instancePath: string; message: string }[]
}

const compiled = new WeakMap<TSchema, Validator>()

/** What is wrong with it, or undefined. */
export function problemOf(schema: TSchema, value: unknown): string | undefined {
  let validator = compiled.get(schema)
  if (!validator) {
    validator = Compile(schema)
    compiled.set(schema, validator)
  }
  if (validator.Check(value)) return undefined
  const [first] = validator.Errors(value)
  return first ? `${first.instancePath || 'the value'} ${first.message}` : 'it does not match its schema'
}

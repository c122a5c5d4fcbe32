// Bodies of placement: strict, and with its own opening words for what is wrong.
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { type Body, type BodyOf, body, explain, type Fields, type Problem } from '#kit/http/body.ts'

export function checked<const F extends Fields>(fields: F): Body<BodyOf<F>> {
  return body(null, fields, {
    explain: (problem: Problem) =>
      new CloudError('badRequest', `JSON does not validate: ${explain(problem).message}`),
  })
}

/** A body that isn't an object with fixed members: a list, or a map by consumer. */
export function checkedValue<T>(schema: TSchema): (input: unknown) => T {
  const compiled = Compile(schema)
  return (input) => {
    if (compiled.Check(input)) return input as T
    const [first] = compiled.Errors(input)
    throw new CloudError(
      'badRequest',
      `JSON does not validate: ${first?.instancePath || 'the body'} ${first?.message}`,
    )
  }
}

// Refusals of the administration, in the words of RabbitMQ's management API: clients match on some of them.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { JsonValue } from '../core/json.ts'

export function badRequest(reason: string): CloudError {
  return new CloudError('badRequest', reason)
}

/** Of parameters and policies: one line for each problem. */
export function invalid(problems: string[]): CloudError {
  return badRequest(`Validation failed\n\n${problems.map((problem) => `${problem}\n`).join('')}`)
}

/** `type` is what RabbitMQ's answer has as its error. */
export function notFound(what?: string): CloudError {
  return what === undefined
    ? new CloudError('notFound', 'Not Found', { type: 'Object Not Found' })
    : new CloudError('notFound', what, { type: 'not_found' })
}

/** As RabbitMQ's texts show a value: an Erlang term. */
export function term(value: JsonValue | undefined): string {
  if (typeof value === 'string') return `<<"${value}">>`
  if (Array.isArray(value)) return `[${value.map(term).join(',')}]`
  if (typeof value === 'object' && value !== null)
    return `#{${Object.entries(value)
      .map(([key, member]) => `${term(key)} => ${term(member)}`)
      .join(',')}}`
  return String(value ?? 'undefined')
}

export function pairTerms(pairs: [string, JsonValue][]): string {
  return `[${pairs.map(([key, value]) => `{${term(key)},${term(value)}}`).join(',')}]`
}

// Query arguments in placement's words: resources, traits, aggregates, trees. The list of providers and the candidates
// share them.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Query } from '#kit/http/route.ts'
import type { PlacementContext } from '../app.ts'
import { canonical } from './provider.ts'
import { missingClass, missingTraits } from './vocabulary.ts'

/** Each list in `required` is a choice of which one must be there; none of `forbidden` may. */
export type TraitWish = { required: string[][]; forbidden: string[] }
/** Each list in `memberOf` is a choice; all lists must be met. */
export type AggregateWish = { memberOf: string[][]; notMemberOf: string[] }

const forbiddenTraitsSince = 1022
const repeatedMemberOfSince = 1024
const forbiddenAggregatesSince = 1032
const anyTraitSince = 1039

export function invalidQuery(
  reason: string,
  code?: 'bad_value' | 'missing_value' | 'duplicate_key',
): CloudError {
  return new CloudError('badRequest', reason, code && { type: `placement.query.${code}` })
}

/** `since` has the version from which each argument is known. */
export function refuseUnknown(query: Query, since: Record<string, number>, version: number): void {
  const unknown = query.names().filter((name) => !Object.hasOwn(since, name) || version < since[name]!)
  if (unknown.length === 0) return
  const names = unknown.map((name) => `'${name}'`).join(', ')
  throw invalidQuery(
    `Invalid query string parameters: Additional properties are not allowed (${names} ${unknown.length > 1 ? 'were' : 'was'} unexpected)`,
  )
}

/** An argument of limited length, as names and ids of projects and users are. */
export function readText(query: Query, name: string, longest = 255): string | undefined {
  const value = query.get(name)
  if (value === undefined) return undefined
  const keyword = value === '' ? 'minLength' : value.length > longest ? 'maxLength' : undefined
  if (!keyword) return value
  const wrong = keyword === 'minLength' ? 'too short' : 'too long'
  throw invalidQuery(
    `Invalid query string parameters: '${value.slice(0, 300)}' is ${wrong} Failed validating '${keyword}' in schema['properties']['${name}']`,
  )
}

export function readResources(value: string): [string, number][] {
  const form =
    'Badly formed resources parameter. Expected resources query string parameter in form: ?resources=VCPU:2,MEMORY_MB:1024. Got:'
  if (value === '') throw invalidQuery(`${form} empty string.`)
  const amounts = new Map<string, number>()
  for (const part of value.split(',')) {
    const [name, amount, ...more] = part.split(':').map((each) => each.trim())
    if (!name || amount === undefined || more.length > 0) throw invalidQuery(`${form} ${part}.`)
    if (!/^[+-]?\d+$/.test(amount) || !Number.isSafeInteger(Number(amount)))
      throw invalidQuery(`Requested resource ${name} expected positive integer amount. Got: ${amount}.`)
    if (Number(amount) < 1)
      throw invalidQuery(`Requested resource ${name} requires amount >= 1. Got: ${amount}.`)
    amounts.set(name, Number(amount))
  }
  return [...amounts]
}

/** `HW_CPU_X86_VMX,!CUSTOM_SLOW`, and from 1.39 on `in:A,B`, which may stand beside others by repetition. */
export function readTraits(values: readonly string[], version: number): TraitWish {
  const wish: TraitWish = { required: [], forbidden: [] }
  // A repetition was overlooked before it had a meaning: the last one counted.
  for (const value of version >= anyTraitSince ? values : values.slice(-1)) {
    const any = value.startsWith('in:')
    if (any && version < anyTraitSince)
      throw invalidQuery(
        `Invalid query string parameters: The format 'in:HW_CPU_X86_VMX,CUSTOM_MAGIC' only supported since microversion 1.39. Got: ${value}`,
      )
    const names = (any ? value.slice('in:'.length) : value).split(',').map((name) => name.trim())
    const mayForbid = !any && version >= forbiddenTraitsSince
    if (!names.every((name) => traitForm.test(mayForbid ? name.replace(/^!/, '') : name)))
      throw invalidQuery(
        `Invalid query string parameters: Expected 'required' parameter value of the form: HW_CPU_X86_VMX,${version >= forbiddenTraitsSince ? '!' : ''}CUSTOM_MAGIC. Got: ${value}`,
      )
    if (any) wish.required.push([...new Set(names)])
    else
      for (const name of new Set(names)) {
        if (name.startsWith('!')) wish.forbidden.push(name.slice(1))
        else wish.required.push([name])
      }
  }
  return wish
}

const traitForm = /^[^!,\s]+$/

/** Traits of which one is required and all are forbidden. */
export function conflictsIn({ required, forbidden }: TraitWish): string[] {
  return required.filter((choice) => choice.every((name) => forbidden.includes(name))).flat()
}

/** Each value is an aggregate, `in:` a choice of them, or with `!` before it what a provider must not belong to. */
export function readMemberOf(values: readonly string[], version: number): AggregateWish {
  if (values.length > 1 && version < repeatedMemberOfSince)
    throw invalidQuery('Multiple member_of parameters are not supported')
  const wish: AggregateWish = { memberOf: [], notMemberOf: [] }
  for (const value of values) {
    const forbids = value.startsWith('!')
    if (forbids && version < forbiddenAggregatesSince)
      throw invalidQuery('Forbidden member_of parameters are not supported in the specified microversion')
    const bare = forbids ? value.slice(1) : value
    const many = bare.startsWith('in:')
    if (!many && bare.includes(','))
      throw invalidQuery(
        "Multiple values for 'member_of' must be prefixed with the 'in:' or '!in:' keyword using the valid microversion. Got: " +
          value,
      )
    const list = (many ? bare.slice('in:'.length) : bare).split(',').map(canonical)
    if (!list.every(isUuid))
      throw invalidQuery(
        `Invalid query string parameters: Expected 'member_of' parameter to contain valid UUID(s). Got: ${value}`,
      )
    if (forbids) wish.notMemberOf.push(...list)
    else wish.memberOf.push(list)
  }
  return wish
}

/** An id of a provider, with dashes. */
export function readUuid(name: string, value: string): string {
  const uuid = canonical(value)
  if (!isUuid(uuid))
    throw invalidQuery(
      `Invalid query string parameters: Expected '${name}' parameter to be a format of uuid. Got: ${value}`,
    )
  return uuid
}

export const isUuid = (text: string) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)

/** Refuses classes and traits that nobody has made. */
export async function assertKnown(
  { app }: PlacementContext,
  classes: Iterable<string>,
  traits: Iterable<string>,
): Promise<void> {
  const noClass = await missingClass(app.db, [...new Set(classes)])
  if (noClass !== undefined)
    throw invalidQuery(`Invalid resource class in resources parameter: No such resource class ${noClass}.`)
  const noTraits = await missingTraits(app.db, [...new Set(traits)])
  if (noTraits.length > 0) throw invalidQuery(`No such trait(s): ${noTraits.sort().join(', ')}.`)
}

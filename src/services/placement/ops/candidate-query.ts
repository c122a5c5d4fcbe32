// What a question for allocation candidates says: groups of resources with the traits and aggregates they want. The list of
// providers words its filters in the same way.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Query } from '#kit/http/route.ts'
import { canonical } from './provider.ts'

export type Group = {
  /** '' for the group without a number, whose resources may come from several providers of one tree. */
  suffix: string
  resources: [resourceClass: string, amount: number][]
  required: string[]
  forbidden: string[]
  /** Each list is a choice; all lists must be met. */
  memberOf: string[][]
}
export type CandidateQuery = { groups: Group[]; isolate: boolean; limit: number | undefined }

const names = /^(resources|required|member_of)([1-9]\d*)?$/
/** The version from which each argument is known. */
const since: Record<string, number> = {
  resources: 1010,
  limit: 1016,
  required: 1017,
  member_of: 1021,
  group_policy: 1025,
}
const forbiddenSince = 1022
export const repeatedMemberOfSince = 1024
const granularSince = 1025

export function readCandidateQuery(query: Query, version: number): CandidateQuery {
  const groups = new Map<string, Group>()
  const groupOf = (suffix: string) => {
    let group = groups.get(suffix)
    if (!group) {
      group = { suffix, resources: [], required: [], forbidden: [], memberOf: [] }
      groups.set(suffix, group)
    }
    return group
  }
  for (const name of query.names()) {
    const match = names.exec(name)
    const argument = match?.[1] ?? name
    if (!(argument in since) || version < since[argument]! || (match?.[2] && version < granularSince)) {
      throw invalid(`Additional properties are not allowed ('${name}' was unexpected)`)
    }
    if (!match) continue
    const group = groupOf(match[2] ?? '')
    const value = query.get(name)!
    if (argument === 'resources') group.resources = readResources(value)
    else if (argument === 'required') Object.assign(group, readTraits(value, version >= forbiddenSince))
    else group.memberOf = readMemberOf(query.all(name), version >= repeatedMemberOfSince)
  }
  if (groups.size === 0) throw invalid("'resources' is a required property")
  for (const group of groups.values()) {
    if (group.resources.length === 0)
      throw new CloudError(
        'badRequest',
        `All request groups must specify resources, and group '${group.suffix}' does not`,
      )
  }
  const numbered = [...groups.keys()].filter((suffix) => suffix !== '')
  const policy = query.get('group_policy')
  if (policy !== undefined && policy !== 'none' && policy !== 'isolate')
    throw invalid("group_policy must be 'none' or 'isolate'")
  if (numbered.length > 1 && policy === undefined) {
    throw new CloudError(
      'badRequest',
      'The "group_policy" parameter is required when specifying more than one "resources{N}" parameter.',
    )
  }
  return { groups: [...groups.values()], isolate: policy === 'isolate', limit: readLimit(query.get('limit')) }
}

export function readResources(value: string): [string, number][] {
  const form =
    'Badly formed resources parameter. Expected resources query string parameter in form: ?resources=VCPU:2,MEMORY_MB:1024. Got:'
  if (value === '') throw new CloudError('badRequest', `${form} empty string.`)
  const seen = new Set<string>()
  return value.split(',').map((part) => {
    const match = /^([A-Z0-9_]+):(\d+)$/.exec(part.trim())
    if (!match) throw new CloudError('badRequest', `${form} ${value}.`)
    const amount = Number(match[2])
    if (amount < 1 || !Number.isSafeInteger(amount))
      throw new CloudError(
        'badRequest',
        `Requested resource ${match[1]} requires a positive amount, not ${match[2]}`,
      )
    if (seen.has(match[1]!)) throw new CloudError('badRequest', `Resource class ${match[1]} is named twice`)
    seen.add(match[1]!)
    return [match[1]!, amount] as [string, number]
  })
}

/** `HW_CPU_X86_VMX,!CUSTOM_SLOW`; without `mayForbid` the second of these is refused. */
export function readTraits(value: string, mayForbid: boolean): Pick<Group, 'required' | 'forbidden'> {
  const traits = { required: [] as string[], forbidden: [] as string[] }
  for (const part of value.split(',')) {
    const forbidden = part.startsWith('!')
    const name = forbidden ? part.slice(1) : part
    if (!/^[A-Z0-9_]+$/.test(name) || (forbidden && !mayForbid)) {
      throw new CloudError(
        'badRequest',
        `Invalid query string parameters: Expected 'required' parameter value of the form: HW_CPU_X86_VMX,CUSTOM_MAGIC. Got: ${value}`,
      )
    }
    if (forbidden) traits.forbidden.push(name)
    else traits.required.push(name)
  }
  const both = traits.required.find((name) => traits.forbidden.includes(name))
  if (both) throw new CloudError('badRequest', `Conflicting required and forbidden traits: ${both}`)
  return traits
}

/** Each value is an aggregate, or a choice of them as `in:<id>,<id>`. */
export function readMemberOf(values: string[], mayRepeat: boolean): string[][] {
  if (values.length > 1 && !mayRepeat) throw invalid('Only one member_of parameter is supported')
  return values.map((value) => {
    const list = (value.startsWith('in:') ? value.slice(3).split(',') : [value]).map(canonical)
    if (!list.every((uuid) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(uuid))) {
      throw new CloudError(
        'badRequest',
        `Invalid query string parameters: Expected 'member_of' parameter to contain valid UUID(s). Got: ${value}`,
      )
    }
    return list
  })
}

function readLimit(value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  if (!/^[1-9]\d*$/.test(value))
    throw invalid(`'${value}' does not match '^[1-9][0-9]*$'. Failed validating 'pattern'`)
  return Number(value)
}

function invalid(reason: string): CloudError {
  return new CloudError('badRequest', `Invalid query string parameters: ${reason}`, {
    type: 'placement.query.bad_value',
  })
}

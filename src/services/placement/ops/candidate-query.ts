// What a question for allocation candidates says: groups of resources with the traits, aggregates and trees they want, and
// how these groups hang together.
import type { Query } from '#kit/http/route.ts'
import {
  type AggregateWish,
  conflictsIn,
  invalidQuery,
  readMemberOf,
  readResources,
  readTraits,
  readUuid,
  type TraitWish,
} from './query.ts'

export type Group = TraitWish &
  AggregateWish & {
    /** '' for the group without one, whose resources may come from several providers of one tree. */
    suffix: string
    resources: [resourceClass: string, amount: number][]
    /** A provider; only its tree gives anything to the group. */
    inTree: string | undefined
  }
export type CandidateQuery = {
  groups: Group[]
  /** No provider serves two groups with suffixes. */
  isolate: boolean
  /** Of each list of suffixes one provider must be the others' ancestor. */
  sameSubtree: string[][]
  /** What the root of the tree must have and must not. */
  root: TraitWish
  limit: number | undefined
}

const sinceGranular = 1025
const sinceNamed = 1033
const sinceResourceless = 1036
/** The version from which each argument is known. */
const since: Record<string, number> = {
  resources: 1010,
  limit: 1016,
  required: 1017,
  member_of: 1021,
  group_policy: 1025,
  in_tree: 1031,
  root_required: 1035,
  same_subtree: 1036,
}
const perGroup = ['member_of', 'required', 'resources', 'in_tree']

export function readCandidateQuery(query: Query, version: number): CandidateQuery {
  const groups = new Map<string, Group>()
  for (const name of query.names()) {
    const place = placeOf(name, version)
    if (!place) throw unknownName(name, version)
    if (place.suffix !== undefined)
      fill(groupOf(groups, place.suffix), place.argument, query.all(name), version)
  }
  const limit = readLimit(query.all('limit')[0])
  const policy = query.all('group_policy')[0]
  if (policy !== undefined && policy !== 'none' && policy !== 'isolate')
    throw invalidQuery(`Invalid query string parameters: '${policy}' is not one of ['none', 'isolate']`)
  const root = readRoot(query.all('root_required'), version)
  const sameSubtree = query.all('same_subtree').map(readSuffixes)

  const all = [...groups.values()]
  if (version < sinceGranular && !groups.get('')?.resources.length && !query.has('resources'))
    throw invalidQuery("Invalid query string parameters: 'resources' is a required property")
  if (version >= sinceResourceless) refuseLoose(groups, sameSubtree.flat())
  else refuseOrphans(all)
  refuseConflicts(all)
  if (policy === undefined && all.filter((group) => group.suffix !== '').length > 1)
    throw invalidQuery(
      'The "group_policy" parameter is required when specifying more than one "resources{N}" parameter.',
    )
  return { groups: all, isolate: policy === 'isolate', sameSubtree, root, limit }
}

/** The group that an argument belongs to; no suffix where it belongs to the whole question. */
function placeOf(name: string, version: number): { argument: string; suffix?: string } | undefined {
  const known = (argument: string) => version >= (since[argument] ?? Number.POSITIVE_INFINITY)
  if (!perGroup.includes(name) && Object.hasOwn(since, name))
    return known(name) ? { argument: name } : undefined
  const argument = perGroup.find((each) => name.startsWith(each))
  if (!argument || !known(argument)) return undefined
  const suffix = name.slice(argument.length)
  return suffix === '' || new RegExp(`^${suffixForm(version)}$`).test(suffix)
    ? { argument, suffix }
    : undefined
}

/** What a suffix may be: nothing, then numbers, then nearly any text. */
function suffixForm(version: number): string {
  if (version < sinceGranular) return '(?!)'
  return version < sinceNamed ? '[1-9][0-9]*' : '[a-zA-Z0-9_-]{1,64}'
}

function unknownName(name: string, version: number): Error {
  if (version < sinceGranular)
    return invalidQuery(
      `Invalid query string parameters: Additional properties are not allowed ('${name}' was unexpected)`,
    )
  const forms = perGroup
    .filter((each) => version >= since[each]!)
    .map((each) => `'^${each}(${suffixForm(version)})?$'`)
    .join(', ')
  return invalidQuery(
    `Invalid query string parameters: '${name}' does not match any of the regexes: ${forms}`,
  )
}

function groupOf(groups: Map<string, Group>, suffix: string): Group {
  let group = groups.get(suffix)
  if (!group) {
    group = {
      suffix,
      resources: [],
      required: [],
      forbidden: [],
      memberOf: [],
      notMemberOf: [],
      inTree: undefined,
    }
    groups.set(suffix, group)
  }
  return group
}

function fill(group: Group, argument: string, values: string[], version: number): void {
  if (argument === 'resources') group.resources = readResources(values.at(-1)!)
  else if (argument === 'required') Object.assign(group, readTraits(values, version))
  else if (argument === 'member_of') Object.assign(group, readMemberOf(values, version))
  else group.inTree = readUuid(`in_tree${group.suffix}`, values.at(-1)!)
}

/** A group must ask for resources. */
function refuseOrphans(groups: Group[]): void {
  const bare = groups.filter((group) => group.resources.length === 0)
  const keys = (argument: string, has: (group: Group) => boolean) =>
    bare
      .filter(has)
      .map((group) => `${argument}${group.suffix}`)
      .sort()
      .join(', ')
  const traits = keys('required', (group) => group.required.length + group.forbidden.length > 0)
  if (traits)
    throw invalidQuery(
      `All traits parameters must be associated with resources. Found the following orphaned traits keys: ${traits}`,
    )
  const aggregates = keys('member_of', (group) => group.memberOf.length + group.notMemberOf.length > 0)
  if (aggregates)
    throw invalidQuery(
      `All member_of parameters must be associated with resources. Found the following orphaned member_of keys: ${aggregates}`,
    )
  if (bare.length > 0) throw invalidQuery('All request groups must specify resources.')
  if (groups.length === 0)
    throw invalidQuery('At least one request group (`resources` or `resources{$S}`) is required.')
}

/** From 1.36 on a group may ask for a place alone, if its relation to others says why. */
function refuseLoose(groups: Map<string, Group>, related: string[]): void {
  const all = [...groups.values()]
  if (!all.some((group) => group.resources.length > 0))
    throw invalidQuery('There must be at least one resources or resources[$S] parameter.', 'missing_value')
  const loose = all.filter((group) => group.resources.length === 0 && !related.includes(group.suffix))
  if (loose.length > 0)
    throw invalidQuery(
      `Resourceless suffixed group request should be specified in \`same_subtree\` query param: bad group(s) - ${loose.map((group) => group.suffix || "''").join(', ')}.`,
      'bad_value',
    )
  const unreal = related.filter((suffix) => !groups.has(suffix))
  if (unreal.length > 0)
    throw invalidQuery(
      `Real suffixes should be specified in \`same_subtree\`: ${unreal.join(', ')} not found in ${[...groups.keys()].join(', ')}.`,
      'bad_value',
    )
}

function refuseConflicts(groups: Group[]): void {
  const found = groups
    .map((group) => ({ key: `required${group.suffix}`, names: conflictsIn(group) }))
    .filter(({ names }) => names.length > 0)
    .map(({ key, names }) => `${key}: (${names.join(', ')})`)
  if (found.length > 0)
    throw invalidQuery(
      `Conflicting required and forbidden traits found in the following traits keys: ${found.join(', ')}`,
    )
}

function readRoot(values: string[], version: number): TraitWish {
  if (values.length > 1)
    throw invalidQuery("Query parameter 'root_required' may be specified only once.", 'duplicate_key')
  // It never learnt of choices.
  const root =
    values.length === 0 ? { required: [], forbidden: [] } : readTraits(values, Math.min(version, 1038))
  const conflicts = conflictsIn(root)
  if (conflicts.length > 0)
    throw invalidQuery(
      `Conflicting required and forbidden traits found in root_required: ${conflicts.join(', ')}`,
      'bad_value',
    )
  return root
}

function readSuffixes(value: string): string[] {
  const suffixes = [...new Set(value.split(',').map((suffix) => suffix.trim()))]
  if (suffixes.includes(''))
    throw invalidQuery('Empty string (unsuffixed group) can not be specified in `same_subtree`', 'bad_value')
  return suffixes
}

function readLimit(value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  if (!/^[1-9]\d*$/.test(value))
    throw invalidQuery(
      `Invalid query string parameters: '${value}' does not match '^[1-9][0-9]*$' Failed validating 'pattern'`,
    )
  return Number(value)
}

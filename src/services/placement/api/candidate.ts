// The route of allocation candidates.
import { route } from '../app.ts'
import { type Candidate, findCandidates, type Node } from '../ops/candidate.ts'
import { readCandidateQuery } from '../ops/candidate-query.ts'
import { allocationRules } from '../resources/allocation.ts'
import { datedJson } from './reply.ts'

const byProviderSince = 1012
const traitsSince = 1017
const allClassesSince = 1027
const treesSince = 1029
const mappingsSince = 1034

export const candidateRoutes = [
  route('GET', '/allocation_candidates', {
    policy: allocationRules.candidates,
    since: '1.10',
    handle: async (context, { query }) => {
      const version = context.version ?? 0
      const asked = readCandidateQuery(query, version)
      const found = await findCandidates(context, asked)
      const requests = found.candidates.map((candidate) => requestOf(candidate, version))
      const classes = new Set(asked.groups.flatMap((group) => group.resources.map(([name]) => name)))
      const summaries = found.providers.map((provider) => summaryOf(provider, version, classes))
      // A thousand hosts are a megabyte, mostly traits: text is made where it is the same for many.
      const text = `{"allocation_requests":${JSON.stringify(requests)},"provider_summaries":{${summaries.join()}}}`
      return datedJson(context, text)
    },
  }),
]

function requestOf({ allocations, mappings }: Candidate, version: number): unknown {
  if (version < byProviderSince) {
    const listed = [...allocations].map(([uuid, resources]) => ({ resource_provider: { uuid }, resources }))
    return { allocations: listed }
  }
  const byProvider: Record<string, unknown> = {}
  for (const [uuid, resources] of allocations) byProvider[uuid] = { resources }
  return version < mappingsSince ? { allocations: byProvider } : { allocations: byProvider, mappings }
}

/** As a member of a JSON object. */
function summaryOf(provider: Node, version: number, classes: ReadonlySet<string>): string {
  const { uuid, room, traits, parentUuid, rootUuid } = provider
  const resources: string[] = []
  for (const { resourceClass, capacity, used } of room.values())
    if (version >= allClassesSince || classes.has(resourceClass))
      resources.push(`"${resourceClass}":{"capacity":${capacity},"used":${used}}`)
  const marks = version >= traitsSince ? `,"traits":${textOf(traits)}` : ''
  const place =
    version >= treesSince
      ? `,"parent_provider_uuid":${JSON.stringify(parentUuid)},"root_provider_uuid":"${rootUuid}"`
      : ''
  return `"${uuid}":{"resources":{${resources.join()}}${marks}${place}}`
}

const texts = new WeakMap<ReadonlySet<string>, string>()

/** Providers with the same traits share one set of them. */
function textOf(traits: ReadonlySet<string>): string {
  let text = texts.get(traits)
  if (text === undefined) {
    text = JSON.stringify([...traits])
    texts.set(traits, text)
  }
  return text
}

// The route of allocation candidates.
import { route } from '../app.ts'
import { type Candidate, type Candidates, findCandidates } from '../ops/candidate.ts'
import { readCandidateQuery } from '../ops/candidate-query.ts'
import { allocationRules } from '../resources/allocation.ts'
import { dated } from './reply.ts'

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
      const classes = new Set(asked.groups.flatMap((group) => group.resources.map(([name]) => name)))
      return dated(context, {
        allocation_requests: found.candidates.map((candidate) => requestOf(candidate, version)),
        provider_summaries: summaries(found, version, classes),
      })
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

function summaries(
  { providers }: Candidates,
  version: number,
  classes: Set<string>,
): Record<string, unknown> {
  const shown: Record<string, unknown> = {}
  for (const { uuid, room, traits, parentUuid, rootUuid } of providers) {
    const resources: Record<string, unknown> = {}
    for (const { resourceClass, capacity, used } of room.values())
      if (version >= allClassesSince || classes.has(resourceClass))
        resources[resourceClass] = { capacity, used }
    const summary: Record<string, unknown> = { resources }
    if (version >= traitsSince) summary.traits = [...traits]
    if (version >= treesSince) {
      summary.parent_provider_uuid = parentUuid
      summary.root_provider_uuid = rootUuid
    }
    shown[uuid] = summary
  }
  return shown
}

// Routes of allocations, usages and candidates.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { route } from '../app.ts'
import { type Claim, deleteAllocations, getAllocations, replaceAllocations } from '../ops/allocation.ts'
import { type Candidates, findCandidates } from '../ops/candidate.ts'
import { readCandidateQuery } from '../ops/candidate-query.ts'
import {
  allocationRules,
  allocationsListed,
  allocationsSince112,
  allocationsSince128,
  type ConsumerBody,
  manyConsumers,
  manyConsumersSince128,
} from '../resources/allocation.ts'
import { usageOf } from '../store/allocation.ts'
import { listProviders } from '../store/provider.ts'
import { dated } from './reply.ts'

/** The owner of a consumer that was written before versions asked for one. */
const unknownOwner = '00000000-0000-0000-0000-000000000000'

export const allocationRoutes = [
  route('GET', '/allocations/:consumer', {
    policy: allocationRules.list,
    handle: async (context, { params }) => {
      const { consumer, allocations } = await getAllocations(context, params.consumer!)
      const uuids = [...new Set(allocations.map((row) => row.providerUuid))]
      const generations = new Map(
        (uuids.length ? await listProviders(context.app.db, { uuids }) : []).map((p) => [
          p.uuid,
          p.generation,
        ]),
      )
      const byProvider: Record<
        string,
        { generation: number | undefined; resources: Record<string, number> }
      > = {}
      for (const row of allocations) {
        byProvider[row.providerUuid] ??= { generation: generations.get(row.providerUuid), resources: {} }
        byProvider[row.providerUuid]!.resources[row.resourceClass] = row.used
      }
      const version = context.version ?? 0
      return dated(context, {
        allocations: byProvider,
        ...(consumer && version >= 1012 && { project_id: consumer.projectId, user_id: consumer.userId }),
        ...(consumer && version >= 1028 && { consumer_generation: consumer.generation }),
      })
    },
  }),
  route('PUT', '/allocations/:consumer', {
    policy: allocationRules.update,
    until: '1.11',
    body: allocationsListed,
    handle: (context, { params, body }) =>
      replaceAllocations(context, [
        {
          consumerUuid: params.consumer!,
          allocations: body.allocations.map((each) => ({
            providerUuid: each.resource_provider.uuid,
            resources: each.resources,
          })),
          projectId: body.projectId ?? unknownOwner,
          userId: body.userId ?? unknownOwner,
          consumerGeneration: undefined,
        },
      ]),
  }),
  route('PUT', '/allocations/:consumer', {
    policy: allocationRules.update,
    since: '1.12',
    until: '1.27',
    body: allocationsSince112,
    handle: (context, { params, body }) =>
      replaceAllocations(context, [
        {
          consumerUuid: params.consumer!,
          allocations: listed(body.allocations),
          projectId: body.projectId,
          userId: body.userId,
          consumerGeneration: undefined,
        },
      ]),
  }),
  route('PUT', '/allocations/:consumer', {
    policy: allocationRules.update,
    since: '1.28',
    body: allocationsSince128,
    handle: (context, { params, body }) =>
      replaceAllocations(context, [
        {
          consumerUuid: params.consumer!,
          allocations: listed(body.allocations),
          projectId: body.projectId,
          userId: body.userId,
          consumerGeneration: body.consumerGeneration,
        },
      ]),
  }),
  route('POST', '/allocations', {
    policy: allocationRules.manage,
    since: '1.13',
    body: 'json',
    handle: (context, { body }) => {
      const parse = (context.version ?? 0) >= 1028 ? manyConsumersSince128 : manyConsumers
      return replaceAllocations(
        context,
        Object.entries(parse(body)).map(([uuid, given]) => claimOf(uuid, given)),
      )
    },
  }),
  route('DELETE', '/allocations/:consumer', {
    policy: allocationRules.delete,
    handle: (context, { params }) => deleteAllocations(context, params.consumer!),
  }),
  route('GET', '/usages', {
    policy: 'token',
    since: '1.9',
    handle: async (context, { query }) => {
      const projectId = query.get('project_id')
      if (!projectId)
        throw new CloudError(
          'badRequest',
          "Invalid query string parameters: 'project_id' is a required property",
        )
      context.authorize(allocationRules.usages, { project_id: projectId })
      return dated(context, { usages: await usageOf(context.app.db, projectId, query.get('user_id')) })
    },
  }),
  route('GET', '/allocation_candidates', {
    policy: allocationRules.candidates,
    since: '1.10',
    handle: async (context, { query }) => {
      const version = context.version ?? 0
      const asked = readCandidateQuery(query, version)
      const found = await findCandidates(context, asked)
      const classes = new Set(asked.groups.flatMap((group) => group.resources.map(([name]) => name)))
      return dated(context, {
        allocation_requests: requests(found, version),
        provider_summaries: summaries(found, version, classes),
      })
    },
  }),
]

function listed(map: Record<string, { resources: Record<string, number> }>): Claim['allocations'] {
  return Object.entries(map).map(([providerUuid, { resources }]) => ({ providerUuid, resources }))
}

function claimOf(consumerUuid: string, given: ConsumerBody): Claim {
  return {
    consumerUuid,
    allocations: listed(given.allocations),
    projectId: given.project_id,
    userId: given.user_id,
    consumerGeneration: given.consumer_generation,
  }
}

function requests({ candidates }: Candidates, version: number): unknown[] {
  return candidates.map((candidate) => {
    const entries = [...candidate]
    return version < 1012
      ? { allocations: entries.map(([uuid, resources]) => ({ resource_provider: { uuid }, resources })) }
      : { allocations: Object.fromEntries(entries.map(([uuid, resources]) => [uuid, { resources }])) }
  })
}

function summaries(found: Candidates, version: number, classes: Set<string>): Record<string, unknown> {
  return Object.fromEntries(
    found.providers.map((provider) => {
      const rows = (found.inventories.get(provider.uuid) ?? []).filter(
        (row) => version >= 1027 || classes.has(row.resourceClass),
      )
      const resources = Object.fromEntries(
        rows.map((row) => [row.resourceClass, { capacity: row.capacity, used: row.used }]),
      )
      return [
        provider.uuid,
        {
          resources,
          ...(version >= 1017 && { traits: found.traits.get(provider.uuid) ?? [] }),
          ...(version >= 1029 && {
            parent_provider_uuid: provider.parentUuid,
            root_provider_uuid: provider.rootUuid,
          }),
        },
      ]
    }),
  )
}

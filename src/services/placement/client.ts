// What compute asks of placement: providers with their inventories and traits, candidates, and claims.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { type RestRequest, restClient } from '#kit/http/client.ts'
import type { Journal, Trace } from '#kit/journal/journal.ts'
import type { Platform } from '#kit/service/platform.ts'

/** By resource class: VCPU, MEMORY_MB, DISK_GB. */
export type Resources = Record<string, number>

export type Inventory = {
  total: number
  reserved: number
  minUnit: number
  maxUnit: number
  stepSize: number
  allocationRatio: number
}

export type Candidate = {
  providerId: string
  /** Of the provider: capacity and what is used of it. */
  resources: Record<string, { capacity: number; used: number }>
  traits: string[]
}

export type Claim = { providerId: string; resources: Resources; projectId: string; userId: string }

/** The version in which all of these calls have the shapes below. */
const version = { 'openstack-api-version': 'placement 1.29' }

export type PlacementClient = ReturnType<typeof placementClient>

export function placementClient({ platform, journal }: { platform: Platform; journal: Journal }) {
  const rest = restClient({
    http: platform.http,
    journal,
    baseUrl: () => platform.endpoint('placement'),
    peer: 'placement-api',
  })
  const ask = <T>(trace: Trace, token: string, method: string, template: string, request: RestRequest = {}) =>
    rest.request<T>(trace, token, method, template, { ...request, headers: version })

  async function allocations(trace: Trace, token: string, consumerId: string, subject?: string) {
    const { body } = await ask<{
      allocations: Record<string, { resources: Resources }>
      consumer_generation?: number
    }>(trace, token, 'GET', '/allocations/:id', { params: { id: consumerId }, subject })
    const held = Object.entries(body.allocations).map(([providerId, { resources }]) => ({
      providerId,
      resources,
    }))
    return { held, generation: body.consumer_generation ?? null }
  }

  async function deleteProvider(trace: Trace, token: string, id: string) {
    const { status } = await ask(trace, token, 'DELETE', '/resource_providers/:id', {
      params: { id },
      accept: [404, 409],
    })
    if (status === 409) throw new CloudError('conflict', `Resource provider ${id} still has allocations`)
  }

  return {
    /** Providers with room for all of `resources`, in placement's own order. */
    async candidates(
      trace: Trace,
      token: string,
      wanted: { resources: Resources; required?: readonly string[]; limit?: number },
      subject?: string,
    ): Promise<Candidate[]> {
      const { body } = await ask<{
        allocation_requests: { allocations: Record<string, unknown> }[]
        provider_summaries: Record<
          string,
          { resources: Record<string, { capacity: number; used: number }>; traits: string[] }
        >
      }>(trace, token, 'GET', '/allocation_candidates', {
        query: {
          resources: Object.entries(wanted.resources)
            .map(([name, amount]) => `${name}:${amount}`)
            .join(','),
          required: wanted.required?.length ? wanted.required.join(',') : undefined,
          limit: wanted.limit === undefined ? undefined : String(wanted.limit),
        },
        subject,
      })
      return body.allocation_requests.flatMap((request) => {
        const [providerId, ...more] = Object.keys(request.allocations)
        const summary = providerId === undefined ? undefined : body.provider_summaries[providerId]
        // Spread over several providers: nothing that we make has such a tree.
        if (!summary || more.length > 0) return []
        return [{ providerId: providerId!, resources: summary.resources, traits: summary.traits }]
      })
    },

    allocations,

    /** Claims all at once, or refuses with 'conflict'. The same claim again is no error. */
    async claim(trace: Trace, token: string, consumerId: string, claim: Claim, subject?: string) {
      const before = await allocations(trace, token, consumerId)
      if (before.held.length === 1 && before.held[0]!.providerId === claim.providerId) return
      await ask(trace, token, 'PUT', '/allocations/:id', {
        params: { id: consumerId },
        subject,
        body: {
          allocations: { [claim.providerId]: { resources: claim.resources } },
          project_id: claim.projectId,
          user_id: claim.userId,
          consumer_generation: before.generation,
        },
      })
    },

    /** No error where there is nothing to release. */
    async release(trace: Trace, token: string, consumerId: string, subject?: string) {
      await ask(trace, token, 'DELETE', '/allocations/:id', {
        params: { id: consumerId },
        subject,
        accept: [404],
      })
    },

    /** All consumers that hold something of a provider. */
    async consumers(trace: Trace, token: string, providerId: string): Promise<string[]> {
      const { body } = await ask<{ allocations: Record<string, unknown> }>(
        trace,
        token,
        'GET',
        '/resource_providers/:id/allocations',
        { params: { id: providerId } },
      )
      return Object.keys(body.allocations)
    },

    /**
     * Makes the provider where it is absent, and gives its generation. Another provider of the same name is what the
     * host was before it was forgotten, and goes; 'conflict' where something is still claimed of it.
     */
    async ensureProvider(
      trace: Trace,
      token: string,
      provider: { id: string; name: string },
    ): Promise<number> {
      type Provider = { generation: number; name: string }
      const found = await ask<Provider>(trace, token, 'GET', '/resource_providers/:id', {
        params: { id: provider.id },
        accept: [404],
      })
      if (found.status === 200) return found.body.generation
      const make = (accept: number[]) =>
        ask<Provider>(trace, token, 'POST', '/resource_providers', {
          body: { uuid: provider.id, name: provider.name },
          accept,
        })
      const made = await make([409])
      if (made.status !== 409) return made.body.generation
      const { body } = await ask<{ resource_providers: { uuid: string }[] }>(
        trace,
        token,
        'GET',
        '/resource_providers',
        { query: { name: provider.name } },
      )
      for (const { uuid } of body.resource_providers) await deleteProvider(trace, token, uuid)
      return (await make([])).body.generation
    },

    /** Replaces all inventories; gives the new generation. */
    async setInventories(
      trace: Trace,
      token: string,
      id: string,
      generation: number,
      inventories: Record<string, Inventory>,
    ): Promise<number> {
      const shown = Object.entries(inventories).map(([name, each]) => [
        name,
        {
          total: each.total,
          reserved: each.reserved,
          min_unit: each.minUnit,
          max_unit: each.maxUnit,
          step_size: each.stepSize,
          allocation_ratio: each.allocationRatio,
        },
      ])
      const { body } = await ask<{ resource_provider_generation: number }>(
        trace,
        token,
        'PUT',
        '/resource_providers/:id/inventories',
        {
          params: { id },
          body: { resource_provider_generation: generation, inventories: Object.fromEntries(shown) },
        },
      )
      return body.resource_provider_generation
    },

    /** Replaces all traits; those that placement does not know must begin with CUSTOM_ and are made. */
    async setTraits(
      trace: Trace,
      token: string,
      id: string,
      generation: number,
      traits: readonly string[],
    ): Promise<number> {
      for (const name of traits.filter((each) => each.startsWith('CUSTOM_')))
        await ask(trace, token, 'PUT', '/traits/:name', { params: { name } })
      const { body } = await ask<{ resource_provider_generation: number }>(
        trace,
        token,
        'PUT',
        '/resource_providers/:id/traits',
        { params: { id }, body: { resource_provider_generation: generation, traits } },
      )
      return body.resource_provider_generation
    },

    /** Replaces the aggregates by their ids; gives the new generation. */
    async setAggregates(
      trace: Trace,
      token: string,
      id: string,
      generation: number,
      aggregates: readonly string[],
    ): Promise<number> {
      const { body } = await ask<{ resource_provider_generation: number }>(
        trace,
        token,
        'PUT',
        '/resource_providers/:id/aggregates',
        { params: { id }, body: { resource_provider_generation: generation, aggregates } },
      )
      return body.resource_provider_generation
    },

    /** No error where it is gone. */
    deleteProvider,
  }
}

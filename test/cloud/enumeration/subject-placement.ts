// Placement's routes: which rule guards each, with what body it is asked, and the samples that it is asked about.
import { randomUUID } from 'node:crypto'
import type { Bench, Guard, Guards, Maker, Subject } from './bench.ts'

const ids = (bench: Bench) => bench.ids.placement!
const of = (rule: string, more: Partial<Guard> = {}): Guard => ({ rule: `placement:${rule}`, ...more })
const stock = { total: 8 }

const guards: Guards = {
  'GET /': { rule: 'public' },
  'GET /resource_classes': of('resource_classes:list'),
  'POST /resource_classes': of('resource_classes:create', { body: () => ({ name: custom() }) }),
  'GET /resource_classes/:name': of('resource_classes:show'),
  'PUT /resource_classes/:name': of('resource_classes:update', {
    body: () => ({ name: custom() }),
    // Until 1.6 it gives the class another name.
    before: async (bench) => ({ resource_classes: await makers.resource_classes!(bench) }),
  }),
  'DELETE /resource_classes/:name': of('resource_classes:delete'),
  'GET /traits': of('traits:list'),
  'GET /traits/:name': of('traits:show'),
  'PUT /traits/:name': of('traits:update'),
  'DELETE /traits/:name': of('traits:delete'),
  'GET /resource_providers': of('resource_providers:list'),
  'POST /resource_providers': of('resource_providers:create', {
    body: (bench) => ({ name: bench.name() }),
  }),
  'GET /resource_providers/:uuid': of('resource_providers:show'),
  'PUT /resource_providers/:uuid': of('resource_providers:update', {
    body: (bench) => ({ name: bench.name() }),
  }),
  'DELETE /resource_providers/:uuid': of('resource_providers:delete'),
  'GET /resource_providers/:uuid/inventories': of('resource_providers:inventories:list'),
  'PUT /resource_providers/:uuid/inventories': of('resource_providers:inventories:update', {
    body: () => ({ resource_provider_generation: 0, inventories: { VCPU: stock } }),
    before: another,
  }),
  'POST /resource_providers/:uuid/inventories': of('resource_providers:inventories:create', {
    body: () => ({ resource_provider_generation: 0, resource_class: 'VCPU', ...stock }),
    before: another,
  }),
  'DELETE /resource_providers/:uuid/inventories': of('resource_providers:inventories:delete', {
    before: another,
    // What it was before it came to be, in 1.5.
    answers: [405],
  }),
  'GET /resource_providers/:uuid/inventories/:resource_class': of('resource_providers:inventories:show'),
  'PUT /resource_providers/:uuid/inventories/:resource_class': of('resource_providers:inventories:update', {
    body: () => ({ resource_provider_generation: 1, ...stock }),
    before: stocked,
  }),
  'DELETE /resource_providers/:uuid/inventories/:resource_class': of(
    'resource_providers:inventories:delete',
    {
      before: stocked,
    },
  ),
  'GET /resource_providers/:uuid/usages': of('resource_providers:usages'),
  'GET /resource_providers/:uuid/allocations': of('resource_providers:allocations:list'),
  'GET /resource_providers/:uuid/traits': of('resource_providers:traits:list', { before: withTrait }),
  'PUT /resource_providers/:uuid/traits': of('resource_providers:traits:update', {
    body: (bench) => ({ resource_provider_generation: 0, traits: [ids(bench).traits] }),
    before: another,
  }),
  'DELETE /resource_providers/:uuid/traits': of('resource_providers:traits:delete', { before: another }),
  'GET /resource_providers/:uuid/aggregates': of('resource_providers:aggregates:list', {
    before: inAggregate,
  }),
  'PUT /resource_providers/:uuid/aggregates': of('resource_providers:aggregates:update', {
    body: () => ({ resource_provider_generation: 0, aggregates: [randomUUID()] }),
    versions: { 'until 1.18': () => [randomUUID()] },
    before: another,
  }),
  'GET /allocations/:consumer': of('allocations:list'),
  'PUT /allocations/:consumer': of('allocations:update', {
    body: claim,
    versions: { 'until 1.11': listedClaim, 'until 1.27': ownedClaim },
    before: async () => ({ allocations: randomUUID() }),
  }),
  'POST /allocations': of('allocations:manage', { body: (bench) => ({ [randomUUID()]: claim(bench) }) }),
  'DELETE /allocations/:consumer': of('allocations:delete'),
  'POST /reshaper': of('reshaper:reshape', {
    body: (bench) => ({
      inventories: {
        [ids(bench).spare!]: { resource_provider_generation: 0, inventories: { VCPU: stock } },
      },
      allocations: {},
    }),
    before: async (bench) => {
      ids(bench).spare = await makeProvider(bench)
      return undefined
    },
  }),
  'GET /usages': of('usages', {
    target: ({ projectId }) => ({ project_id: projectId }),
    query: (who) => `project_id=${who.projectId ?? 'none'}`,
  }),
  'GET /allocation_candidates': of('allocation_candidates:list', { query: () => 'resources=VCPU:1' }),
}

const custom = () => `CUSTOM_${randomUUID().replaceAll('-', '').toUpperCase()}`

function ownedClaim(bench: Bench) {
  const { people } = bench
  return {
    allocations: { [ids(bench).resource_providers!]: { resources: { VCPU: 1 } } },
    project_id: people.home.projectId,
    user_id: people.owner.userId,
  }
}
function claim(bench: Bench) {
  return { ...ownedClaim(bench), consumer_generation: null, consumer_type: 'INSTANCE' }
}
function listedClaim(bench: Bench) {
  const { allocations: _, ...owner } = ownedClaim(bench)
  const provider = { uuid: ids(bench).resource_providers }
  return { ...owner, allocations: [{ resource_provider: provider, resources: { VCPU: 1 } }] }
}

async function makeProvider(bench: Bench): Promise<string> {
  return (await bench.ask('placement', 'POST', '/resource_providers', { name: bench.name() })).uuid
}
async function another(bench: Bench) {
  return { resource_providers: await makeProvider(bench) }
}
async function withTrait(bench: Bench) {
  const made = await another(bench)
  const body = { resource_provider_generation: 0, traits: [ids(bench).traits] }
  await bench.ask('placement', 'PUT', `/resource_providers/${made.resource_providers}/traits`, body)
  return made
}
async function inAggregate(bench: Bench) {
  const made = await another(bench)
  const body = { resource_provider_generation: 0, aggregates: [randomUUID()] }
  await bench.ask('placement', 'PUT', `/resource_providers/${made.resource_providers}/aggregates`, body)
  return made
}
async function makeStock(bench: Bench): Promise<string> {
  const uuid = await makeProvider(bench)
  const body = { resource_provider_generation: 0, inventories: { VCPU: { total: 1000 } } }
  await bench.ask('placement', 'PUT', `/resource_providers/${uuid}/inventories`, body)
  return uuid
}
async function stocked(bench: Bench) {
  return { resource_providers: await makeStock(bench) }
}

const makers: Record<string, Maker> = {
  resource_classes: async (bench) => {
    const name = custom()
    await bench.ask('placement', 'POST', '/resource_classes', { name })
    return name
  },
  traits: async (bench) => {
    const name = custom()
    await bench.ask('placement', 'PUT', `/traits/${name}`)
    return name
  },
  resource_providers: async (bench) => {
    // The shared one has stock that the claims below take from; one that is to be deleted must have nothing.
    return ids(bench).resource_providers === undefined ? makeStock(bench) : makeProvider(bench)
  },
  spare: makeProvider,
  allocations: async (bench) => {
    const uuid = randomUUID()
    await bench.ask('placement', 'PUT', `/allocations/${uuid}`, claim(bench))
    return uuid
  },
}

export const placement: Subject = {
  type: 'placement',
  guards,
  makers,
  fixed: () => ({ inventories: 'VCPU' }),
  target: ({ people: { home } }) => ({ project_id: home.projectId }),
}

// Each call of placement's API answers as clients of each version know it: a table of requests, in the order in which they
// are sent, with the status, the shape of the body and the headers of the answer.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { allRoutes } from './api/index.ts'
import { at, claim, testPlacement } from './test-placement.ts'

type Wanted = {
  status: number
  body?: unknown
  headers?: Record<string, unknown>
  /** No such headers. */
  without?: string[]
}
type Step = [title: string, version: string, call: string, body: unknown, wanted: Wanted]

const host = 'c0000000-0000-4000-8000-000000000001'
const child = 'c0000000-0000-4000-8000-000000000002'
const server = 'd0000000-0000-4000-8000-000000000001'
const other = 'd0000000-0000-4000-8000-000000000002'
const rack = 'e0000000-0000-4000-8000-000000000001'
const p = `/resource_providers/${host}`
const dated = { 'cache-control': 'no-cache', 'last-modified': expect.stringMatching(/^\w{3}, .* GMT$/) }
const error = (status: number, code: string, detail: string) => ({
  status,
  body: { errors: [expect.objectContaining({ status, code, detail: expect.stringContaining(detail) })] },
})
const undefinedCode = 'placement.undefined_code'
const stock = { min_unit: 1, max_unit: 2147483647, step_size: 1, reserved: 0, allocation_ratio: 1 }

const steps: Step[] = [
  [
    'the versions',
    '1.39',
    'GET /',
    undefined,
    {
      status: 200,
      headers: { ...dated, 'openstack-api-version': 'placement 1.39', vary: 'openstack-api-version' },
      body: {
        versions: [
          {
            id: 'v1.0',
            status: 'CURRENT',
            min_version: '1.0',
            max_version: '1.39',
            links: [{ rel: 'self', href: '' }],
          },
        ],
      },
    },
  ],
  [
    'no dates before 1.15',
    '1.14',
    'GET /',
    undefined,
    { status: 200, without: ['cache-control', 'last-modified'] },
  ],
  [
    'a version of old',
    '0.9',
    'GET /traits',
    undefined,
    {
      status: 406,
      body: {
        errors: [
          expect.objectContaining({
            min_version: '1.0',
            max_version: '1.39',
            detail: expect.stringContaining('Unacceptable version header: 0.9'),
          }),
        ],
      },
    },
  ],
  [
    'a version that is none',
    '1.x',
    'GET /traits',
    undefined,
    {
      status: 400,
      body: {
        errors: [expect.objectContaining({ detail: expect.stringContaining('invalid version string: 1.x') })],
      },
    },
  ],
  [
    'a wrong method',
    '1.39',
    'POST /traits',
    {},
    {
      ...error(405, undefinedCode, 'The method POST is not allowed for this resource.'),
      headers: { allow: 'GET' },
    },
  ],
  [
    'an unknown path',
    '1.39',
    'GET /nowhere',
    undefined,
    error(404, undefinedCode, 'The resource could not be found.'),
  ],
  [
    'an error before codes',
    '1.22',
    `GET ${p}`,
    undefined,
    {
      status: 404,
      body: {
        errors: [
          {
            status: 404,
            title: 'Not Found',
            detail: `No resource provider with uuid ${host} found`,
            request_id: expect.stringMatching(/^req-/),
          },
        ],
      },
    },
  ],

  [
    'a class to be',
    '1.2',
    'POST /resource_classes',
    { name: 'CUSTOM_GOLD' },
    { status: 201, headers: { location: expect.stringMatching(/\/resource_classes\/CUSTOM_GOLD$/) } },
  ],
  [
    'a class once more',
    '1.39',
    'POST /resource_classes',
    { name: 'CUSTOM_GOLD' },
    error(409, undefinedCode, 'Conflicting resource class already exists'),
  ],
  [
    'a class that is standard',
    '1.39',
    'POST /resource_classes',
    { name: 'VCPU' },
    error(400, undefinedCode, 'does not match'),
  ],
  [
    'a class by name',
    '1.39',
    'GET /resource_classes/CUSTOM_GOLD',
    undefined,
    {
      status: 200,
      body: { name: 'CUSTOM_GOLD', links: [{ rel: 'self', href: '/resource_classes/CUSTOM_GOLD' }] },
    },
  ],
  [
    'a class with another name',
    '1.6',
    'PUT /resource_classes/CUSTOM_GOLD',
    { name: 'CUSTOM_SILVER' },
    {
      status: 200,
      body: { name: 'CUSTOM_SILVER', links: [{ rel: 'self', href: '/resource_classes/CUSTOM_SILVER' }] },
    },
  ],
  ['a class made sure of', '1.7', 'PUT /resource_classes/CUSTOM_GOLD', undefined, { status: 201 }],
  ['and again', '1.7', 'PUT /resource_classes/CUSTOM_GOLD', undefined, { status: 204 }],
  ['a class away', '1.39', 'DELETE /resource_classes/CUSTOM_SILVER', undefined, { status: 204 }],
  ['no class at 1.1', '1.1', 'GET /resource_classes', undefined, { status: 404 }],
  [
    'all classes',
    '1.39',
    'GET /resource_classes',
    undefined,
    {
      status: 200,
      headers: dated,
      body: {
        resource_classes: expect.arrayContaining([
          { name: 'VCPU', links: [{ rel: 'self', href: '/resource_classes/VCPU' }] },
        ]),
      },
    },
  ],

  [
    'a trait',
    '1.39',
    'PUT /traits/CUSTOM_RED',
    undefined,
    { status: 201, headers: { ...dated, location: expect.stringMatching(/\/traits\/CUSTOM_RED$/) } },
  ],
  ['a trait there', '1.39', 'GET /traits/CUSTOM_RED', undefined, { status: 204 }],
  [
    'traits by name',
    '1.39',
    'GET /traits?name=in:CUSTOM_RED,HW_NUMA_ROOT',
    undefined,
    { status: 200, body: { traits: expect.arrayContaining(['CUSTOM_RED', 'HW_NUMA_ROOT']) } },
  ],
  [
    'traits of nobody',
    '1.39',
    'GET /traits?name=startswith:CUSTOM&associated=true',
    undefined,
    { status: 200, body: { traits: [] } },
  ],
  [
    'a trait of ours',
    '1.39',
    'DELETE /traits/HW_NUMA_ROOT',
    undefined,
    error(400, undefinedCode, 'Cannot delete standard trait'),
  ],

  [
    'a provider',
    '1.39',
    'POST /resource_providers',
    { name: 'host', uuid: host },
    {
      status: 200,
      headers: { ...dated, location: expect.stringMatching(new RegExp(`${p}$`)) },
      body: {
        uuid: host,
        name: 'host',
        generation: 0,
        parent_provider_uuid: null,
        root_provider_uuid: host,
        links: ['', '/inventories', '/usages', '/aggregates', '/traits', '/allocations'].map((each) => ({
          rel: each.slice(1) || 'self',
          href: p + each,
        })),
      },
    },
  ],
  [
    'its name once more',
    '1.39',
    'POST /resource_providers',
    { name: 'host' },
    error(409, 'placement.duplicate_name', 'Conflicting resource provider name: host already exists.'),
  ],
  [
    'a child',
    '1.39',
    'POST /resource_providers',
    { name: 'child', uuid: child, parent_provider_uuid: host },
    { status: 200, body: expect.objectContaining({ parent_provider_uuid: host, root_provider_uuid: host }) },
  ],
  [
    'its own parent',
    '1.39',
    'POST /resource_providers',
    { name: 'loop', uuid: other, parent_provider_uuid: other },
    error(400, undefinedCode, 'parent provider UUID cannot be same as UUID'),
  ],
  [
    'a parent below',
    '1.39',
    `PUT ${p}`,
    { name: 'host', parent_provider_uuid: child },
    error(400, undefinedCode, 'creating loop in the provider tree'),
  ],
  [
    'out of its tree, too early',
    '1.36',
    `PUT /resource_providers/${child}`,
    { name: 'child', parent_provider_uuid: null },
    error(400, undefinedCode, 'un-parenting a provider is not currently allowed'),
  ],
  [
    'out of its tree',
    '1.37',
    `PUT /resource_providers/${child}`,
    { name: 'child', parent_provider_uuid: null },
    { status: 200, body: expect.objectContaining({ parent_provider_uuid: null, root_provider_uuid: child }) },
  ],
  [
    'and back',
    '1.37',
    `PUT /resource_providers/${child}`,
    { name: 'child', parent_provider_uuid: host },
    { status: 200, body: expect.objectContaining({ root_provider_uuid: host }) },
  ],
  [
    'a parent deleted',
    '1.39',
    `DELETE ${p}`,
    undefined,
    error(409, 'placement.resource_provider.cannot_delete_parent', 'It has child resource providers'),
  ],
  [
    'a tree',
    '1.14',
    `GET /resource_providers?in_tree=${child}`,
    undefined,
    {
      status: 200,
      body: {
        resource_providers: [
          expect.objectContaining({ uuid: host }),
          expect.objectContaining({ uuid: child }),
        ],
      },
    },
  ],

  [
    'an inventory',
    '1.39',
    `POST ${p}/inventories`,
    { resource_class: 'VCPU', total: 8 },
    {
      status: 201,
      headers: { location: expect.stringMatching(/\/inventories\/VCPU$/) },
      body: { resource_provider_generation: 1, total: 8, ...stock },
    },
  ],
  [
    'an inventory twice',
    '1.39',
    `POST ${p}/inventories`,
    { resource_class: 'VCPU', total: 8 },
    error(409, 'placement.concurrent_update', 'Update conflict'),
  ],
  [
    'all inventories',
    '1.39',
    `PUT ${p}/inventories`,
    {
      resource_provider_generation: 1,
      inventories: { VCPU: { total: 8, reserved: 1 }, CUSTOM_GOLD: { total: 3 } },
    },
    {
      status: 200,
      headers: dated,
      body: {
        resource_provider_generation: 2,
        inventories: { VCPU: { ...stock, total: 8, reserved: 1 }, CUSTOM_GOLD: { ...stock, total: 3 } },
      },
    },
  ],
  [
    'an old generation',
    '1.39',
    `PUT ${p}/inventories`,
    { resource_provider_generation: 1, inventories: {} },
    error(409, 'placement.concurrent_update', 'resource provider generation conflict'),
  ],
  [
    'a class that nobody knows',
    '1.39',
    `PUT ${p}/inventories`,
    { resource_provider_generation: 2, inventories: { CUSTOM_TIN: { total: 1 } } },
    error(400, undefinedCode, 'No such resource class CUSTOM_TIN'),
  ],
  [
    'all reserved, too early',
    '1.25',
    `PUT ${p}/inventories/VCPU`,
    { resource_provider_generation: 2, total: 8, reserved: 8 },
    error(400, undefinedCode, 'greater than or equal to total'),
  ],
  [
    'one inventory',
    '1.39',
    `PUT ${p}/inventories/VCPU`,
    { resource_provider_generation: 2, total: 8 },
    { status: 200, body: { resource_provider_generation: 3, ...stock, total: 8 } },
  ],
  [
    'none of this class',
    '1.39',
    `GET ${p}/inventories/PCPU`,
    undefined,
    error(404, undefinedCode, 'No inventory of class PCPU'),
  ],
  ['all away, too early', '1.4', `DELETE ${p}/inventories`, undefined, { status: 405 }],

  [
    'aggregates as a list',
    '1.1',
    `PUT ${p}/aggregates`,
    [rack],
    { status: 200, body: { aggregates: [rack] } },
  ],
  [
    'aggregates with a generation',
    '1.19',
    `PUT ${p}/aggregates`,
    { resource_provider_generation: 3, aggregates: [rack] },
    { status: 200, body: { aggregates: [rack], resource_provider_generation: 4 } },
  ],
  [
    'aggregates of an old generation',
    '1.39',
    `PUT ${p}/aggregates`,
    { resource_provider_generation: 3, aggregates: [] },
    error(409, 'placement.concurrent_update', 'generation'),
  ],
  [
    'aggregates shown',
    '1.18',
    `GET ${p}/aggregates`,
    undefined,
    { status: 200, body: { aggregates: [rack] } },
  ],
  [
    'traits',
    '1.39',
    `PUT ${p}/traits`,
    { resource_provider_generation: 4, traits: ['CUSTOM_RED', 'HW_NUMA_ROOT'] },
    { status: 200, body: { resource_provider_generation: 5, traits: ['CUSTOM_RED', 'HW_NUMA_ROOT'] } },
  ],
  [
    'a trait in use',
    '1.39',
    'DELETE /traits/CUSTOM_RED',
    undefined,
    error(409, undefinedCode, 'in use by a resource provider'),
  ],
  [
    'providers by all of it',
    '1.39',
    `GET /resource_providers?resources=VCPU:8&required=in:CUSTOM_RED,HW_CPU_X86_AVX&member_of=${rack}`,
    undefined,
    { status: 200, body: { resource_providers: [expect.objectContaining({ uuid: host })] } },
  ],

  [
    'a claim of the first kind',
    '1.0',
    `PUT /allocations/${server}`,
    { allocations: [{ resource_provider: { uuid: host }, resources: { VCPU: 2 } }] },
    { status: 204 },
  ],
  [
    'a claim without an owner',
    '1.8',
    `PUT /allocations/${server}`,
    { allocations: [{ resource_provider: { uuid: host }, resources: { VCPU: 2 } }] },
    { status: 400 },
  ],
  [
    'a claim by provider',
    '1.12',
    `PUT /allocations/${server}`,
    { allocations: { [host]: { resources: { VCPU: 2 } } }, project_id: 'project', user_id: 'user' },
    { status: 204 },
  ],
  [
    'what a consumer holds',
    '1.28',
    `GET /allocations/${server}`,
    undefined,
    {
      status: 200,
      body: {
        allocations: { [host]: { generation: 7, resources: { VCPU: 2 } } },
        project_id: 'project',
        user_id: 'user',
        consumer_generation: 2,
      },
    },
  ],
  [
    'its type from 1.38 on',
    '1.38',
    `GET /allocations/${server}`,
    undefined,
    { status: 200, body: expect.objectContaining({ consumer_type: 'unknown' }) },
  ],
  [
    'an old consumer',
    '1.39',
    `PUT /allocations/${server}`,
    claim({ [host]: { VCPU: 1 } }),
    error(409, 'placement.concurrent_update', 'consumer generation conflict - expected 2 but got null'),
  ],
  [
    'a claim with mappings',
    '1.39',
    `PUT /allocations/${server}`,
    { ...claim({ [host]: { VCPU: 1, CUSTOM_GOLD: 1 } }, 2), mappings: { '': [host] } },
    { status: 204 },
  ],
  [
    'a claim over all there is',
    '1.39',
    `PUT /allocations/${other}`,
    claim({ [host]: { VCPU: 9 } }),
    error(409, undefinedCode, 'Unable to allocate inventory'),
  ],
  [
    'a consumer that is none',
    '1.39',
    'PUT /allocations/nobody',
    claim({ [host]: { VCPU: 1 } }),
    error(400, undefinedCode, 'Malformed consumer_uuid'),
  ],
  [
    'a claim of what is not there',
    '1.39',
    `PUT /allocations/${other}`,
    claim({ [rack]: { VCPU: 1 } }),
    error(400, 'placement.resource_provider.not_found', 'that does not exist'),
  ],
  [
    'several consumers',
    '1.39',
    'POST /allocations',
    { [other]: claim({ [host]: { VCPU: 1 } }, null, 'MIGRATION') },
    { status: 204 },
  ],
  [
    'what is held of a provider',
    '1.39',
    `GET ${p}/allocations`,
    undefined,
    {
      status: 200,
      body: {
        resource_provider_generation: 9,
        allocations: {
          [server]: { resources: { VCPU: 1, CUSTOM_GOLD: 1 }, consumer_generation: 3 },
          [other]: { resources: { VCPU: 1 }, consumer_generation: 1 },
        },
      },
    },
  ],
  [
    'usages of a provider',
    '1.39',
    `GET ${p}/usages`,
    undefined,
    { status: 200, body: { resource_provider_generation: 9, usages: { VCPU: 2, CUSTOM_GOLD: 1 } } },
  ],
  [
    'usages of a project',
    '1.9',
    'GET /usages?project_id=project',
    undefined,
    { status: 200, body: { usages: { VCPU: 2, CUSTOM_GOLD: 1 } } },
  ],
  [
    'usages by type',
    '1.38',
    'GET /usages?project_id=project&user_id=user',
    undefined,
    {
      status: 200,
      body: {
        usages: {
          INSTANCE: { consumer_count: 1, VCPU: 1, CUSTOM_GOLD: 1 },
          MIGRATION: { consumer_count: 1, VCPU: 1 },
        },
      },
    },
  ],
  [
    'usages of all types',
    '1.38',
    'GET /usages?project_id=project&consumer_type=all',
    undefined,
    { status: 200, body: { usages: { all: { consumer_count: 2, VCPU: 2, CUSTOM_GOLD: 1 } } } },
  ],
  [
    'usages of nobody',
    '1.39',
    'GET /usages',
    undefined,
    error(400, undefinedCode, "'project_id' is a required property"),
  ],
  [
    'an inventory in use',
    '1.39',
    `DELETE ${p}/inventories/VCPU`,
    undefined,
    error(409, 'placement.inventory.inuse', "Inventory for 'VCPU'"),
  ],
  ['a provider in use', '1.39', `DELETE /resource_providers/${child}`, undefined, { status: 204 }],
  [
    'a host in use',
    '1.39',
    `DELETE ${p}`,
    undefined,
    error(409, 'placement.resource_provider.inuse', 'Resource provider has allocations'),
  ],
  [
    'a class in use',
    '1.39',
    'DELETE /resource_classes/CUSTOM_GOLD',
    undefined,
    error(409, undefinedCode, 'Class is in use in inventory'),
  ],
  ['nothing held any more', '1.39', `PUT /allocations/${server}`, { ...claim({}, 3) }, { status: 204 }],
  [
    'a consumer forgotten',
    '1.39',
    `GET /allocations/${server}`,
    undefined,
    { status: 200, body: { allocations: {} } },
  ],
  ['a claim given back', '1.39', `DELETE /allocations/${other}`, undefined, { status: 204 }],
  [
    'and once more',
    '1.39',
    `DELETE /allocations/${other}`,
    undefined,
    error(404, undefinedCode, 'No allocations for consumer'),
  ],
  [
    'no reshaper before 1.30',
    '1.29',
    'POST /reshaper',
    { inventories: {}, allocations: {} },
    { status: 404 },
  ],
  ['one inventory away', '1.39', `DELETE ${p}/inventories/CUSTOM_GOLD`, undefined, { status: 204 }],
  ['all inventories away', '1.5', `DELETE ${p}/inventories`, undefined, { status: 204 }],
  ['traits away', '1.39', `DELETE ${p}/traits`, undefined, { status: 204 }],
  ['a trait away', '1.39', 'DELETE /traits/CUSTOM_RED', undefined, { status: 204 }],
  ['a provider away', '1.39', `DELETE ${p}`, undefined, { status: 204 }],
  [
    'a provider gone',
    '1.39',
    `DELETE ${p}`,
    undefined,
    error(404, undefinedCode, `No resource provider with uuid ${host} found for delete`),
  ],
]

/** Asked elsewhere: candidates have a file of their own. */
const elsewhere = [
  'POST /reshaper',
  'GET /allocation_candidates',
  'GET /resource_providers/:uuid/traits',
  'GET /resource_providers/:uuid/inventories',
]

describe('placement answers', () => {
  let rig: Awaited<ReturnType<typeof testPlacement>>
  beforeAll(async () => {
    rig = await testPlacement()
  })
  afterAll(() => rig.service.stop())

  test.each(steps)('%s (%s %s)', async (_, version, line, body, wanted) => {
    const [method, url] = line.split(' ') as [string, string]
    const answer = await rig.as('admin')(method, url, body, at(version))
    expect(answer.status, JSON.stringify(answer.body)).toBe(wanted.status)
    if (wanted.body !== undefined) expect(answer.body).toEqual(wanted.body)
    if (wanted.headers) expect(answer.headers).toMatchObject(wanted.headers)
    for (const name of wanted.without ?? []) expect(answer.headers).not.toHaveProperty(name)
  })

  test('every route is asked', () => {
    const asked = new Set(steps.map(([, , line]) => line.split('?')[0]!))
    const matches = ({ method, path }: { method: string; path: string }) => {
      const form = new RegExp(`^${method} ${path.replace(/:\w+/g, '[^/]+')}$`)
      return [...asked].some((line) => form.test(line)) || elsewhere.includes(`${method} ${path}`)
    }
    expect(
      allRoutes.filter((route) => !matches(route)).map(({ method, path }) => `${method} ${path}`),
    ).toEqual([])
  })

  test.each([
    ['text/plain', 'text/plain', 406, 'Only application/json is provided'],
    ['text/html', 'text/html', 406, '<h1>406 Not Acceptable</h1>'],
    ['text/html,*/*;q=0.1', 'application/json', 200, ''],
  ])('Accept: %s', async (accept, type, status, words) => {
    const { headers, ...answer } = await rig.call('GET', '/resource_providers', undefined, { accept })
    expect(answer.status).toBe(status)
    expect(headers['content-type']).toContain(type)
    if (words) expect(answer.body).toContain(words)
  })

  test.each([
    ['text/plain', 'text', 415, 'The media type text/plain is not supported, use application/json'],
    ['application/json', '{', 400, 'Malformed JSON'],
    ['application/json', '', 400, 'Malformed JSON'],
  ])('a body of %s: %j', async (type, body, status, words) => {
    const answer = await rig.call('POST', '/resource_providers', body, { 'content-type': type })
    expect(answer.status).toBe(status)
    expect(answer.body.errors[0].detail).toContain(words)
  })

  test('the reshaper is for other services, and what it may not do it names', async () => {
    const body = { inventories: {}, allocations: {} }
    expect((await rig.as('member')('POST', '/reshaper', body)).status).toBe(403)
    expect((await rig.as('service')('POST', '/reshaper', body)).status).toBe(400)
  })
})

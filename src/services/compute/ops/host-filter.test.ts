// Each filter refuses for its one reason, and the weighers spread what is left.
import { describe, expect, it } from 'vitest'
import { withDefaults } from '#kit/config/section.ts'
import { seededRandom } from '#kit/world/virtual.ts'
import { computeConfig } from '../config.ts'
import { filterHosts, type HostState, matches, type Wanted } from './host-filter.ts'
import { weighHosts } from './host-weight.ts'

const host = (change: Partial<HostState> = {}): HostState => ({
  host: 'h1',
  node: change.host ?? 'h1',
  providerId: 'p1',
  zone: 'nova',
  up: true,
  enabled: true,
  hypervisorType: 'QEMU',
  hypervisorVersion: 7_002_000,
  architecture: 'x86_64',
  aggregates: [],
  freeVcpus: 4,
  freeMemoryMb: 4096,
  freeDiskGb: 40,
  servers: 0,
  building: 0,
  neighbours: new Set(),
  ...change,
})
const wanted = (change: Partial<Wanted> = {}): Wanted => ({
  zone: null,
  vcpus: 1,
  memoryMb: 512,
  diskGb: 1,
  extraSpecs: {},
  image: null,
  exclude: [],
  forcedHost: null,
  forcedNode: null,
  requestedHost: null,
  requestedNode: null,
  sameHost: [],
  differentHost: [],
  group: null,
  ...change,
})
const image = (properties: Record<string, string>) => ({ id: 'i', minRam: 0, minDisk: 0, properties })
const group = (policy: 'affinity' | 'anti-affinity', mostPerHost = 1) => ({
  policy,
  members: ['s1', 's2'],
  mostPerHost,
})

describe('a host is refused', () => {
  it.each<[string, Partial<HostState>, Partial<Wanted>]>([
    ['ComputeFilter', { up: false }, {}],
    ['ComputeFilter', { enabled: false }, {}],
    ['RequestedHostFilter', {}, { exclude: ['h1'] }],
    ['RequestedHostFilter', {}, { forcedHost: 'h2' }],
    ['RequestedHostFilter', {}, { requestedNode: 'h2' }],
    ['AvailabilityZoneFilter', { zone: 'lab' }, { zone: 'nova' }],
    ['CapacityFilter', { freeVcpus: 0 }, {}],
    ['CapacityFilter', { freeMemoryMb: 511 }, {}],
    ['CapacityFilter', { freeDiskGb: 0 }, {}],
    ['ComputeCapabilitiesFilter', {}, { extraSpecs: { 'capabilities:hypervisor_type': 's== ironic' } }],
    ['ComputeCapabilitiesFilter', {}, { extraSpecs: { 'capabilities:nothing_known': 'x' } }],
    [
      'AggregateInstanceExtraSpecsFilter',
      {},
      { extraSpecs: { 'aggregate_instance_extra_specs:ssd': 'true' } },
    ],
    ['ImagePropertiesFilter', {}, { image: image({ hw_architecture: 'aarch64' }) }],
    ['ImagePropertiesFilter', {}, { image: image({ img_hv_type: 'hyperv' }) }],
    ['SameHostFilter', {}, { sameHost: ['s9'] }],
    ['DifferentHostFilter', { neighbours: new Set(['s9']) }, { differentHost: ['s9'] }],
    ['ServerGroupAntiAffinityFilter', { neighbours: new Set(['s1']) }, { group: group('anti-affinity') }],
    ['ServerGroupAffinityFilter', {}, { group: group('affinity') }],
  ])('by %s: %j, %j', (name, state, wish) => {
    const { left, results } = filterHosts([host(state)], wanted(wish))
    expect(left).toEqual([])
    expect(results.at(-1)).toEqual({ name, hosts: [] })
  })
})

it.each<[Partial<HostState>, Partial<Wanted>]>([
  [{}, {}],
  [{ aggregates: [{ ssd: 'true' }] }, { extraSpecs: { 'aggregate_instance_extra_specs:ssd': 'true' } }],
  [{}, { extraSpecs: { 'capabilities:hypervisor_version': '>= 7000000' } }],
  [{}, { image: image({ hw_architecture: 'x86_64', img_hv_type: 'kvm' }) }],
  [{ neighbours: new Set(['s1']) }, { group: group('anti-affinity', 2) }],
  [{ neighbours: new Set(['s1']) }, { group: group('affinity') }],
  [{ neighbours: new Set(['s9']) }, { sameHost: ['s9'] }],
])('a host with %j passes %j', (state, wish) => {
  expect(filterHosts([host(state)], wanted(wish)).left).toHaveLength(1)
})

it.each([
  ['4', '4', true],
  ['4', '>= 3', true],
  ['4', '<= 3', false],
  ['4', '= 5', false],
  ['4', '!= 4', false],
  ['abc', '<in> b', true],
  ['b', '<or> a <or> b', true],
  ['c', '<or> a <or> b', false],
  ['abc', 's!= abc', false],
])('%j against %j is %s', (fact, wish, result) => {
  expect(matches(fact, wish)).toBe(result)
})

describe('among those that are left', () => {
  const config = withDefaults(computeConfig)
  const order = (hosts: HostState[], wish: Partial<Wanted> = {}, seed = 1) =>
    weighHosts(hosts, wanted(wish), config, seededRandom(seed)).map((each) => each.host.host)

  it('the one with most room is first, and one that builds waits', () => {
    const small = host({ host: 'small', freeMemoryMb: 1024 })
    const large = host({ host: 'large' })
    expect(order([small, large])).toEqual(['large', 'small'])
    expect(order([host({ host: 'busy', building: 3 }), host({ host: 'idle' })])).toEqual(['idle', 'busy'])
  })

  it('equal ones come in any order, the same for the same seed', () => {
    const hosts = ['a', 'b', 'c', 'd'].map((name) => host({ host: name }))
    const firsts = new Set(Array.from({ length: 40 }, (_, seed) => order(hosts, {}, seed + 1)[0]))
    expect(firsts.size).toBe(4)
    expect(order(hosts, {}, 7)).toEqual(order(hosts, {}, 7))
  })

  it('a soft group draws together or apart', () => {
    const with1 = host({ host: 'with', neighbours: new Set(['s1']) })
    const without = host({ host: 'without' })
    const soft = (policy: 'soft-affinity' | 'soft-anti-affinity') => ({
      group: { policy, members: ['s1'], mostPerHost: 1 },
    })
    expect(order([with1, without], soft('soft-affinity'))[0]).toBe('with')
    expect(order([with1, without], soft('soft-anti-affinity'))[0]).toBe('without')
  })
})

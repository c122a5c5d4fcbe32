// The tester tested: facts of a small cloud in which all holds, and one thing made wrong at a time, which must be found.
import { expect, test } from 'vitest'
import type { Thing } from '../workload/thing.ts'
import { judge } from './check.ts'
import type { Facts, HostFacts, Row } from './fact.ts'
import { operationDone } from './operation.ts'

type Writable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer E)[] ? E[] : T[K] }
type Plant = {
  [K in 'compute' | 'network' | 'volume' | 'image' | 'placement' | 'identity']: Record<string, Row[]>
} & { host: Writable<HostFacts>; imageFiles: string[]; queues: NonNullable<Facts['queues']>[number][] }

/** One server with a card and a volume, on one host that serves its network and its router. */
function cloud(): Plant {
  const flavor = JSON.stringify({ vcpus: 1, memoryMb: 64, rootGb: 1, ephemeralGb: 0, swapMb: 0 })
  return {
    compute: {
      server: [
        {
          id: 's1',
          name: 'p1c1-server-1',
          project_id: 'project',
          vm_state: 'active',
          task_state: null,
          host: 'node1',
          flavor,
          fault: 'null',
          metadata: '{"note":"mine"}',
          tags: '[]',
          launched_at: 1,
          deleted_at: null,
        },
      ],
      block_device: [
        {
          id: 'b1',
          server_id: 's1',
          volume_id: 'v1',
          attachment_id: 'a1',
          state: 'attached',
          boot_index: null,
        },
      ],
      task: [{ id: 't1', kind: 'server-create', subject: 'server:s1', status: 'done', lease_owner: null }],
      server_action: [{ number: 1, server_id: 's1', request_id: 'r1' }],
      server_action_event: [{ number: 1, action_number: 1, event: 'build', finish_at: 2 }],
      hypervisor: [{ id: 'h1', host: 'node1' }],
      request_spec: [],
      server_group: [{ id: 'g1', name: 'group' }],
      server_group_member: [{ group_id: 'g1', server_id: 's1' }],
      keypair: [],
      flavor: [],
      aggregate: [],
      service: [],
    },
    network: {
      network: [{ id: 'n1', name: 'net', admin_state_up: 1 }],
      subnet: [{ id: 'u1', network_id: 'n1', enable_dhcp: 1, ip_version: 4 }],
      port: [
        {
          id: 'p1',
          network_id: 'n1',
          device_id: 's1',
          device_owner: 'compute:nova',
          host_id: 'node1',
          status: 'ACTIVE',
          admin_state_up: 1,
          vif_type: 'ovs',
          mac_address: 'fa:16:3e:00:00:01',
        },
        {
          id: 'p2',
          network_id: 'n1',
          device_id: '',
          device_owner: 'network:floatingip',
          host_id: '',
          status: 'DOWN',
        },
      ],
      ipallocations: [{ port_id: 'p1', ip_address: '10.0.0.5', subnet_id: 'u1', network_id: 'n1' }],
      network_segment: [],
      security_group: [],
      security_group_rule: [],
      port_security_group: [],
      agent: [{ id: 'd1', host: 'node1' }],
      network_dhcp_agent: [{ network_id: 'n1', agent_id: 'd1' }],
      router: [{ id: 'r1', name: 'router', status: 'ACTIVE', admin_state_up: 1 }],
      router_l3_agent: [{ router_id: 'r1', agent_id: 'd1' }],
      floatingip: [
        { id: 'f1', floating_port_id: 'p2', fixed_port_id: 'p1', router_id: 'r1', status: 'ACTIVE' },
      ],
      compute_event: [],
    },
    volume: {
      volume: [{ id: 'v1', host: 'node1@sim', status: 'in-use' }],
      volume_attachment: [{ id: 'a1', volume_id: 'v1', server_id: 's1', status: 'attached' }],
      task: [],
    },
    image: { image: [{ id: 'i1', status: 'active' }], image_property: [], image_tag: [], image_member: [] },
    placement: {
      resource_provider: [{ uuid: 'h1' }],
      inventory: ['VCPU', 'MEMORY_MB', 'DISK_GB'].map((resource_class, index) => ({
        provider_uuid: 'h1',
        resource_class,
        capacity: 100,
        used: [1, 64, 1][index],
      })),
      consumer: [{ uuid: 's1' }],
      allocation: ['VCPU', 'MEMORY_MB', 'DISK_GB'].map((resource_class, index) => ({
        consumer_uuid: 's1',
        provider_uuid: 'h1',
        resource_class,
        used: [1, 64, 1][index],
      })),
    },
    identity: { project: [], application_credential: [] },
    host: {
      name: 'node1',
      up: true,
      guests: [
        {
          id: 's1',
          number: 1,
          domain: 'instance-00000001',
          generation: 1,
          power: 'running',
          nics: [{ portId: 'p1', mac: 'fa:16:3e:00:00:01', tap: 'tap1' }],
          volumes: [{ volumeId: 'v1', device: '/dev/vdb' }],
        },
      ],
      ports: [
        {
          portId: 'p1',
          networkId: 'n1',
          mac: 'fa:16:3e:00:00:01',
          device: 'tap1',
          kind: 'tap',
          deviceId: 's1',
          localVlan: 1,
          ready: true,
        },
      ],
      namespaces: ['qdhcp-n1', 'qrouter-r1'],
      processes: [{ namespace: 'qdhcp-n1', pid: 7, startTicks: 0, command: ['dnsmasq'] }],
      applied: undefined,
      volumes: ['v1'],
      unconfirmedVolumes: [],
      dhcpHosts: new Map([['n1', ['fa:16:3e:00:00:01,host-10-0-0-5.openstacklocal,10.0.0.5']]]),
    },
    imageFiles: ['i1'],
    queues: [{ vhost: '/', name: 'conductor', ready: 0, unacked: 0, consumers: 1 }],
  }
}

const factsOf = ({ host, ...rest }: Plant) => ({ ...rest, hosts: [host], events: [] }) as unknown as Facts
const found = (change: (plant: Plant) => void) => {
  const plant = cloud()
  change(plant)
  return judge(factsOf(plant)).map(({ invariant, words }) => `${invariant}: ${words}`)
}

test('a cloud in which all holds breaks nothing', () => {
  expect(found(() => {})).toEqual([])
})

const planted: [string, (plant: Plant) => void, RegExp][] = [
  [
    'a server that is still building',
    ({ compute }) => {
      compute.server![0]!.vm_state = 'building'
    },
    /transient/,
  ],
  [
    'a task state without an end',
    ({ compute }) => {
      compute.server![0]!.task_state = 'rebooting'
    },
    /rebooting/,
  ],
  [
    'a volume that is still reserved',
    ({ volume }) => {
      volume.volume![0]!.status = 'reserved'
    },
    /reserved/,
  ],
  [
    'a disk that is being detached',
    ({ compute }) => {
      compute.block_device![0]!.state = 'detaching'
    },
    /detaching/,
  ],
  [
    'an event that compute never heard',
    ({ network }) => void network.compute_event!.push({ name: 'x' }),
    /not told/,
  ],
  [
    'an error without a reason',
    ({ compute }) => {
      compute.server![0]!.vm_state = 'error'
    },
    /^fault/,
  ],
  [
    'an action without an end',
    ({ compute }) => {
      compute.server_action_event![0]!.finish_at = null
    },
    /no end/,
  ],
  [
    'a task that waits',
    ({ compute }) => {
      compute.task![0]!.status = 'waiting'
    },
    /^task/,
  ],
  ['a guest that is gone', ({ host }) => void host.guests.pop(), /no such guest/],
  [
    'a guest without a server',
    ({ compute }) => {
      compute.server![0]!.deleted_at = 5
    },
    /has no server/,
  ],
  [
    'a guest that does not run',
    ({ host }) => {
      host.guests[0]!.power = 'shutdown'
    },
    /its guest shutdown/,
  ],
  ['a card that is missing', ({ host }) => void host.guests[0]!.nics.pop(), /no card/],
  ['a disk that is missing', ({ host }) => void host.guests[0]!.volumes.pop(), /no disk/],
  [
    'a claim too many',
    ({ placement }) => {
      placement.allocation![0]!.consumer_uuid = 's9'
    },
    /is no server/,
  ],
  [
    'a claim too small',
    ({ placement }) => {
      placement.allocation![1]!.used = 63
    },
    /claims 63/,
  ],
  [
    'a sum that is wrong',
    ({ placement }) => {
      placement.inventory![0]!.used = 2
    },
    /1 are claimed/,
  ],
  ['a provider of no host', ({ placement }) => void placement.resource_provider!.push({ uuid: 'h9' }), /h9/],
  [
    'a port bound elsewhere',
    ({ network }) => {
      network.port![0]!.host_id = 'node2'
    },
    /bound to 'node2'/,
  ],
  [
    'a port that is not wired',
    ({ host }) => {
      host.ports[0]!.localVlan = 0
    },
    /not wired/,
  ],
  [
    'a port of nobody on a host',
    ({ host }) => {
      host.ports[0]!.portId = 'p9'
    },
    /not bound to it/,
  ],
  [
    'a port that stays down',
    ({ network }) => {
      network.port![0]!.status = 'DOWN'
    },
    /is DOWN/,
  ],
  [
    'an address of no port',
    ({ network }) => {
      network.ipallocations![0]!.port_id = 'p9'
    },
    /is gone/,
  ],
  ['a namespace left behind', ({ host }) => void host.namespaces.push('qdhcp-n9'), /doesn't serve/],
  ['no dnsmasq', ({ host }) => void host.processes.pop(), /0 dnsmasq/],
  [
    'a host that dnsmasq does not know',
    ({ host }) => {
      host.dhcpHosts = new Map([['n1', []]])
    },
    /doesn't know/,
  ],
  ['a router without its namespace', ({ host }) => void host.namespaces.pop(), /no namespace for router/],
  [
    'a floating IP that stays down',
    ({ network }) => {
      network.floatingip![0]!.status = 'DOWN'
    },
    /is DOWN/,
  ],
  ['a volume that is nowhere', ({ host }) => void host.volumes.pop(), /has nothing of it/],
  ['a volume of nobody', ({ host }) => void host.volumes.push('v9'), /API doesn't know/],
  [
    'an attachment of a server that is gone',
    ({ volume }) => {
      volume.volume_attachment![0]!.server_id = 's9'
    },
    /gone/,
  ],
  ['a volume in use by nobody', ({ volume }) => void volume.volume_attachment!.pop(), /in use by nobody/],
  ['an image without its file', ({ imageFiles }) => void imageFiles.pop(), /has no file/],
  ['half of an upload', ({ imageFiles }) => void imageFiles.push('i9'), /of no active image/],
  [
    'a member of a group who is gone',
    ({ compute }) => {
      compute.server_group_member![0]!.server_id = 's9'
    },
    /^part/,
  ],
  [
    'a message that nobody took',
    ({ queues }) => void queues.push({ ...queues[0]!, name: 'q', ready: 1 }),
    /1 messages/,
  ],
  [
    'a queue that nobody reads',
    ({ queues }) => void queues.push({ ...queues[0]!, consumers: 0 }),
    /no reader/,
  ],
]

test.each(planted)('%s is found', (_, change, words) => {
  expect(found(change)).toContainEqual(expect.stringMatching(words))
})

const thing = (change: Partial<Thing>): Thing => ({
  kind: 'server',
  name: 'p1c1-server-1',
  client: 'p1c1',
  project: 'p1',
  projectId: 'project',
  id: 's1',
  standing: 'there',
  seen: new Map([['name', ['p1c1-server-1']]]),
  link: new Map(),
  ...change,
})
const witnessed = (change: Partial<Thing>) => [...operationDone(factsOf(cloud()), [thing(change)])]

test('what users own is held against what they know of it', () => {
  expect(witnessed({})).toEqual([])
  expect(witnessed({ id: 's9' })).toContainEqual(expect.stringContaining('nobody deleted it'))
  expect(witnessed({ standing: 'gone' })).toContainEqual(expect.stringContaining('was deleted, and is there'))
  expect(witnessed({ standing: 'going' })).toContainEqual(expect.stringContaining('was to be deleted'))
  expect(witnessed({ standing: 'unsure' })).toEqual([])
  expect(witnessed({ seen: new Map([['metadata', [{ note: 'other' }]]]) })).toContainEqual(
    expect.stringContaining('metadata is'),
  )
  expect(witnessed({ seen: new Map([['metadata', [{ note: 'other' }, { note: 'mine' }]]]) })).toEqual([])
  expect(witnessed({ projectId: 'another' })).toContainEqual(expect.stringContaining('belongs to project'))
  expect(witnessed({ name: 'p1c1-server-2' })).toContainEqual(expect.stringContaining('asked for by nobody'))
})

// Agents of the hosts, the networks and routers that they serve, and each host's wiring generation.
import { c, type RowOf, table } from '#kit/db/table.ts'
import type { Attribute } from './attribute.ts'
import { adminOnly, guard } from './policy.ts'
import { orNull, text, toBoolean } from './value.ts'

export const agent = table(
  'agent',
  {
    id: c.id(),
    agentType: c.text(255),
    binary: c.text(255),
    topic: c.text(255),
    host: c.text(255),
    availabilityZone: c.nullable(c.text(255)),
    adminStateUp: c.bool(),
    description: c.nullable(c.text(255)),
    configurations: c.json<Record<string, unknown>>(),
    /** Of an L2 agent that has one: the tunneling_ip of its configurations. */
    tunnelIp: c.nullable(c.text(64)),
    createdAt: c.time(),
    startedAt: c.time(),
    heartbeatAt: c.time(),
  },
  { unique: [['agentType', 'host']] },
)
export type Agent = RowOf<typeof agent>
export type WholeAgent = Agent & { alive: boolean }

/** Which DHCP agent serves a network; one does. */
export const networkDhcpAgent = table(
  'network_dhcp_agent',
  { networkId: c.id(), agentId: c.id() },
  { primaryKey: ['networkId'], index: [['agentId']] },
)

/** Raised by each change of what the host should wire. */
export const hostWiring = table(
  'host_wiring',
  { host: c.text(255), generation: c.bigint() },
  { primaryKey: ['host'] },
)

export const agentRules = {
  get: guard('get_agent', adminOnly, 'Show an agent'),
  update: guard('update_agent', adminOnly, 'Change an agent'),
  delete: guard('delete_agent', adminOnly, 'Delete an agent'),
  getDhcpNetworks: guard('get_dhcp-networks', adminOnly, 'List the networks of a DHCP agent'),
  addDhcpNetwork: guard('create_dhcp-network', adminOnly, 'Give a network to a DHCP agent'),
  removeDhcpNetwork: guard('delete_dhcp-network', adminOnly, 'Take a network from a DHCP agent'),
  getDhcpAgents: guard('get_dhcp-agents', adminOnly, 'List the DHCP agents of a network'),
  getRouters: guard('get_l3-routers', adminOnly, 'List the routers of an L3 agent'),
  addRouter: guard('create_l3-router', adminOnly, 'Give a router to an L3 agent'),
  removeRouter: guard('delete_l3-router', adminOnly, 'Take a router from an L3 agent'),
  getL3Agents: guard('get_l3-agents', adminOnly, 'List the L3 agents of a router'),
  getZones: guard('get_availability_zone', 'role:reader', 'List availability zones', 'rule:regular_user'),
}

/** 2026-01-01 00:00:00, as agents alone have it. */
const spaced = (ms: number) => new Date(ms).toISOString().slice(0, 19).replace('T', ' ')

export const agentAttributes = {
  id: { get: (a: WholeAgent) => a.id, filter: 'id', sort: true },
  agent_type: { get: (a: WholeAgent) => a.agentType, filter: 'agentType', sort: true },
  binary: { get: (a: WholeAgent) => a.binary, filter: 'binary', sort: true },
  topic: { get: (a: WholeAgent) => a.topic, filter: 'topic', sort: true },
  host: { get: (a: WholeAgent) => a.host, filter: 'host', sort: true },
  availability_zone: {
    get: (a: WholeAgent) => a.availabilityZone,
    filter: 'availabilityZone',
    sort: true,
  },
  admin_state_up: {
    put: true,
    read: toBoolean,
    get: (a: WholeAgent) => a.adminStateUp,
    filter: 'adminStateUp',
    filterRead: toBoolean,
    sort: true,
  },
  description: {
    put: true,
    read: orNull(text(255)),
    get: (a: WholeAgent) => a.description,
    filter: 'description',
    sort: true,
  },
  alive: { get: (a: WholeAgent) => a.alive },
  configurations: { get: (a: WholeAgent) => a.configurations },
  resources_synced: { get: () => null },
  created_at: { get: (a: WholeAgent) => spaced(a.createdAt), sort: true, as: 'createdAt' },
  started_at: { get: (a: WholeAgent) => spaced(a.startedAt), sort: true, as: 'startedAt' },
  heartbeat_timestamp: { get: (a: WholeAgent) => spaced(a.heartbeatAt), sort: true, as: 'heartbeatAt' },
} as const satisfies Record<string, Attribute<WholeAgent>>

export const agentResource = { name: 'agent', collection: 'agents', attributes: agentAttributes } as const

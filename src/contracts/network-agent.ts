// The bus between the network service and the agents of a host, in both directions.
// Agents ask for all they should have; casts towards them only say "look again".
import { type Static, Type } from 'typebox'
import { call, cast, contract, hostContract } from '#kit/bus/contract.ts'
import {
  AgentPortSchema,
  DhcpNetworkSchema,
  HostWiringSchema,
  PortWiringSchema,
  RouterWiringSchema,
  WiringKnownSchema,
  WiringNewsSchema,
} from './network-port.ts'

export * from './network-port.ts'

const Id = Type.String({ minLength: 1, maxLength: 64 })
const Host = Type.String({ minLength: 1, maxLength: 255 })

/** What `network agent list` shows as 'Agent type'. */
export const agentTypes = {
  l2: { agentType: 'Open vSwitch agent', binary: 'neutron-openvswitch-agent' },
  dhcp: { agentType: 'DHCP agent', binary: 'neutron-dhcp-agent' },
  l3: { agentType: 'L3 agent', binary: 'neutron-l3-agent' },
  metadata: { agentType: 'Metadata agent', binary: 'neutron-metadata-agent' },
} as const

/** `accepted` is false where the port is gone, bound elsewhere, or the generation is not its newest. */
const Accepted = Type.Object({ accepted: Type.Boolean() })
const NetworkOrRouter = Type.Object({
  /** Who asks: a host serves the network's DHCP or has the router, or is told nothing. */
  host: Type.Optional(Host),
  networkId: Type.Union([Id, Type.Null()]),
  routerId: Type.Union([Id, Type.Null()]),
  /** The caller's fixed IP. */
  ip: Type.String(),
})

/** Served by the network service, asked by the agents. */
export const networkPlugin = contract('neutron', 'q-plugin', '1.3', {
  /** All at once, for agents of before 1.2. */
  hostWiring: call(Type.Object({ host: Host }), HostWiringSchema, { routine: true }),
  /** Networks and groups of ten thousand ports change all the time: a host is told what it doesn't know yet. */
  wiringSince: call(WiringKnownSchema, WiringNewsSchema, { routine: true }),
  /** Those of the ports that exist and are bound to the host. */
  portDetails: call(
    Type.Object({ host: Host, portIds: Type.Array(Id) }),
    Type.Object({ ports: Type.Array(PortWiringSchema) }),
  ),
  /** The port's flows of this generation are in place: it may become ACTIVE. */
  portUp: call(Type.Object({ host: Host, portId: Id, generation: Type.Integer() }), Accepted),
  /** The port's device has gone from the host. */
  portDown: call(Type.Object({ host: Host, portId: Id }), Accepted),
  /** The heart-beat: every 30 s, and at once after a start. `startedAt` is in milliseconds since the epoch. */
  agentReport: call(
    Type.Object({
      host: Host,
      agentType: Type.String(),
      binary: Type.String(),
      topic: Type.String(),
      availabilityZone: Type.String(),
      /** As Neutron shows them: bridge_mappings, tunneling_ip, tunnel_types, devices, ... */
      configurations: Type.Record(Type.String(), Type.Unknown()),
      startedAt: Type.Integer(),
    }),
    /** 'new': not seen before, or it was taken for dead; the agent looks at everything again. */
    Type.Object({ status: Type.Union([Type.Literal('new'), Type.Literal('alive')]) }),
    { routine: true },
  ),
  /** The networks that this host's DHCP agent serves. */
  hostDhcp: call(
    Type.Object({ host: Host }),
    Type.Object({ generation: Type.Integer(), networks: Type.Array(DhcpNetworkSchema) }),
    { routine: true },
  ),
  /** Makes the host's DHCP port on the network, or gives the one that is there, with an address in each DHCP subnet. */
  ensureDhcpPort: call(Type.Object({ host: Host, networkId: Id }), Type.Object({ port: AgentPortSchema })),
  releaseDhcpPort: call(Type.Object({ host: Host, networkId: Id }), Accepted),
  /** dnsmasq knows all hosts of this generation of the network: their ports need wait no longer. */
  dhcpReady: cast(Type.Object({ host: Host, networkId: Id, generation: Type.Integer() })),
  /** The routers that are scheduled to this host's L3 agent. */
  hostRouters: call(
    Type.Object({ host: Host }),
    Type.Object({ generation: Type.Integer(), routers: Type.Array(RouterWiringSchema) }),
    { routine: true },
  ),
  routerStatus: cast(
    Type.Object({
      host: Host,
      routerId: Id,
      generation: Type.Integer(),
      status: Type.Union([Type.Literal('ACTIVE'), Type.Literal('DOWN'), Type.Literal('ERROR')]),
    }),
  ),
  floatingIpStatus: cast(
    Type.Object({
      host: Host,
      routerId: Id,
      statuses: Type.Array(
        Type.Object({
          floatingIpId: Id,
          status: Type.Union([Type.Literal('ACTIVE'), Type.Literal('DOWN'), Type.Literal('ERROR')]),
        }),
      ),
    }),
  ),
  /** Whose address it is on that network, or behind that router: exactly one port, or null (row 214). */
  metadataPort: call(
    NetworkOrRouter,
    Type.Object({
      port: Type.Union([
        Type.Object({ portId: Id, instanceId: Type.String(), tenantId: Type.String() }),
        Type.Null(),
      ]),
    }),
  ),
})

/** Served by each host's L2 agent. */
export const l2Agent = hostContract('neutron', 'q-agent-notifier', '1.0', {
  wiringChanged: cast(Type.Object({ generation: Type.Integer() }), { routine: true }),
})

/** Served by each host's DHCP agent. */
export const dhcpAgent = hostContract('neutron', 'dhcp_agent', '1.0', {
  networkChanged: cast(Type.Object({ networkId: Id })),
})

/** Served by each host's L3 agent. */
export const l3Agent = hostContract('neutron', 'l3_agent', '1.0', {
  routerChanged: cast(Type.Object({ routerId: Id })),
})

export type MetadataPort = Static<(typeof networkPlugin.methods.metadataPort)['result']>

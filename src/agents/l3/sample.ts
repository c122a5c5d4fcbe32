// A router for tests of the L3 agent.
import type { AgentPort, RouterWiring, SubnetView } from '#contracts/network-agent.ts'

const subnet = (subnetId: string, cidr: string, gatewayIp: string): SubnetView => ({
  subnetId,
  cidr,
  ipVersion: 4,
  gatewayIp,
  enableDhcp: false,
  dnsNameservers: [],
  hostRoutes: [],
  ipv6RaMode: null,
  ipv6AddressMode: null,
  hasRouter: true,
})

const port = (portId: string, networkId: string, on: SubnetView, ipAddress: string): AgentPort => ({
  portId,
  networkId,
  mac: `fa:16:3e:00:00:${portId.slice(0, 2)}`,
  mtu: 1450,
  adminUp: true,
  fixedIps: [{ subnetId: on.subnetId, ipAddress, prefix: Number(on.cidr.split('/')[1]) }],
  subnets: [on],
})

const sampleGateway = port(
  '9f1b7c2d-31aa-4d0e-8f7b-2b3c4d5e6f70',
  'net-public',
  subnet('sub-public', '172.24.4.0/24', '172.24.4.1'),
  '172.24.4.10',
)
export const sampleInterface = port(
  '5c6d7e8f-90aa-4d0e-8f7b-2b3c4d5e6f71',
  'net-1',
  subnet('sub-1', '10.0.0.64/26', '10.0.0.126'),
  '10.0.0.126',
)

export const sampleFloating = (last: number) => ({
  floatingIpId: `fip-${last}`,
  floatingIp: `172.24.4.${last}`,
  fixedIp: `10.0.0.${last}`,
  portId: `port-${last}`,
})

export const sampleRouter = (change: Partial<RouterWiring> = {}): RouterWiring => ({
  routerId: 'router-1',
  projectId: 'project-1',
  adminUp: true,
  enableSnat: true,
  gateway: sampleGateway,
  interfaces: [sampleInterface],
  floatingIps: [],
  routes: [],
  generation: 1,
  ...change,
})

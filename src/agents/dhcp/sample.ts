// A network for tests of the DHCP agent.
import type { AgentPort, DhcpHost, DhcpNetwork, SubnetView } from '#contracts/network-agent.ts'

export const sampleSubnet: SubnetView = {
  subnetId: 'sub-1',
  cidr: '10.0.0.64/26',
  ipVersion: 4,
  gatewayIp: '10.0.0.126',
  enableDhcp: true,
  dnsNameservers: [],
  hostRoutes: [],
  ipv6RaMode: null,
  ipv6AddressMode: null,
  hasRouter: true,
}

export const samplePort: AgentPort = {
  portId: '1332271e-0dc1-4a6b-8d5e-1c2b3a495867',
  networkId: 'net-1',
  mac: 'fa:16:3e:00:00:02',
  mtu: 1450,
  adminUp: true,
  fixedIps: [{ subnetId: 'sub-1', ipAddress: '10.0.0.66', prefix: 26 }],
  subnets: [sampleSubnet],
}

export const sampleHost = (last: number, change: Partial<DhcpHost> = {}): DhcpHost => ({
  portId: `port-${last}`,
  mac: `fa:16:3e:00:01:${last.toString(16).padStart(2, '0')}`,
  hostname: `host-10-0-0-${last}`,
  fixedIps: [{ subnetId: 'sub-1', ipAddress: `10.0.0.${last}` }],
  options: [],
  ...change,
})

export const sampleNetwork = (change: Partial<DhcpNetwork> = {}): DhcpNetwork => ({
  networkId: 'net-1',
  projectId: 'project-1',
  mtu: 1450,
  adminUp: true,
  dnsDomain: 'openstacklocal',
  subnets: [sampleSubnet],
  port: samplePort,
  hosts: [sampleHost(70)],
  generation: 1,
  ...change,
})

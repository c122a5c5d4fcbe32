// What other services ask of networks: ports of a server above all.
import { type RestRequest, restClient } from '#kit/http/client.ts'
import type { Journal, Trace } from '#kit/journal/journal.ts'
import type { Platform } from '#kit/service/platform.ts'

export type Network = {
  id: string
  name: string
  shared: boolean
  'router:external'?: boolean
  project_id: string
  subnets: string[]
  port_security_enabled?: boolean
  mtu?: number
}
export type Subnet = {
  id: string
  cidr: string
  enable_dhcp: boolean
  gateway_ip: string | null
  dns_nameservers: string[]
  host_routes: { destination: string; nexthop: string }[]
  ipv6_address_mode?: string | null
}
export type PortBody = {
  id: string
  name: string
  network_id: string
  project_id: string
  mac_address: string
  status: string
  device_id: string
  device_owner: string
  fixed_ips: { subnet_id: string; ip_address: string }[]
  security_groups?: string[]
  admin_state_up: boolean
  'binding:host_id'?: string
  'binding:vnic_type'?: string
  'binding:profile'?: Record<string, unknown>
}
export type PortWish = Partial<{
  network_id: string
  project_id: string
  device_id: string
  device_owner: string
  admin_state_up: boolean
  'binding:host_id': string
  'binding:profile': Record<string, unknown>
  fixed_ips: { subnet_id?: string; ip_address?: string }[]
  security_groups: string[]
  dns_name: string
}>
export type FloatingIp = {
  id: string
  port_id: string | null
  fixed_ip_address: string | null
  floating_ip_address: string
}
export type SecurityGroup = {
  id: string
  name: string
  description: string
  project_id: string
  security_group_rules: SecurityGroupRule[]
}
export type SecurityGroupRule = {
  id: string
  security_group_id: string
  direction: string
  ethertype: string
  protocol: string | null
  port_range_min: number | null
  port_range_max: number | null
  remote_ip_prefix: string | null
  remote_group_id: string | null
}

export type NetworkClient = ReturnType<typeof networkClient>

export function networkClient({ platform, journal }: { platform: Platform; journal: Journal }) {
  const rest = restClient({
    http: platform.http,
    journal,
    baseUrl: () => platform.endpoint('network'),
    peer: 'neutron-server',
  })
  const list = async <T>(
    trace: Trace,
    token: string,
    kind: string,
    path: string,
    query: RestRequest['query'],
    subject?: string,
  ): Promise<T[]> => {
    const { body } = await rest.request<Record<string, T[]>>(trace, token, 'GET', path, { query, subject })
    return body[kind] ?? []
  }
  return {
    listPorts: (trace: Trace, token: string, query: Record<string, string | string[]>, subject?: string) =>
      list<PortBody>(trace, token, 'ports', '/v2.0/ports', query, subject),
    listNetworks: (trace: Trace, token: string, query: Record<string, string | string[]> = {}) =>
      list<Network>(trace, token, 'networks', '/v2.0/networks', query),
    listSubnets: (trace: Trace, token: string, query: Record<string, string | string[]> = {}) =>
      list<Subnet>(trace, token, 'subnets', '/v2.0/subnets', query),
    listSecurityGroups: (trace: Trace, token: string, query: Record<string, string | string[]> = {}) =>
      list<SecurityGroup>(trace, token, 'security_groups', '/v2.0/security-groups', query),

    listFloatingIps: (trace: Trace, token: string, query: Record<string, string | string[]> = {}) =>
      list<FloatingIp>(trace, token, 'floatingips', '/v2.0/floatingips', query),

    async getPort(trace: Trace, token: string, id: string): Promise<PortBody> {
      const { body } = await rest.request<{ port: PortBody }>(trace, token, 'GET', '/v2.0/ports/:id', {
        params: { id },
      })
      return body.port
    },
    async createPort(trace: Trace, token: string, port: PortWish, subject?: string): Promise<PortBody> {
      const { body } = await rest.request<{ port: PortBody }>(trace, token, 'POST', '/v2.0/ports', {
        body: { port },
        subject,
      })
      return body.port
    },
    async updatePort(
      trace: Trace,
      token: string,
      id: string,
      port: PortWish,
      subject?: string,
    ): Promise<PortBody> {
      const { body } = await rest.request<{ port: PortBody }>(trace, token, 'PUT', '/v2.0/ports/:id', {
        params: { id },
        body: { port },
        subject,
      })
      return body.port
    },
    /** No error where it is gone. */
    async deletePort(trace: Trace, token: string, id: string, subject?: string): Promise<void> {
      await rest.request(trace, token, 'DELETE', '/v2.0/ports/:id', {
        params: { id },
        subject,
        accept: [404],
      })
    },
  }
}

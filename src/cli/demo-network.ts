// The networks of the demo: an external one for all, and one of project demo's own behind a router.
import { ensureNamed, type Named } from './ensure.ts'
import type { Session } from './openstack.ts'

export type PublicNetwork = {
  cidr: string
  gateway: string
  first: string
  last: string
  physicalNetwork: string
}

type Router = Named & { external_gateway_info: { network_id: string } | null }

/** The provider network through which guests reach the world and floating IPs are reached. Returns its id. */
export async function ensurePublicNetwork(admin: Session, wanted: PublicNetwork): Promise<string> {
  const network = await ensureNamed(admin, 'network', '/v2.0/networks', 'network', {
    name: 'public',
    'router:external': true,
    'provider:network_type': 'flat',
    'provider:physical_network': wanted.physicalNetwork,
  })
  await ensureNamed(admin, 'network', '/v2.0/subnets', 'subnet', {
    name: 'public-subnet',
    network_id: network.id,
    ip_version: 4,
    cidr: wanted.cidr,
    gateway_ip: wanted.gateway,
    allocation_pools: [{ start: wanted.first, end: wanted.last }],
    enable_dhcp: false,
  })
  return network.id
}

/** Network, subnet and a router to the public network. Returns the network's id. */
export async function ensurePrivateNetwork(demo: Session, publicId: string): Promise<string> {
  const mine = `project_id=${demo.projectId}`
  const network = await ensureNamed(demo, 'network', '/v2.0/networks', 'network', { name: 'private' }, mine)
  const subnet = await ensureNamed(
    demo,
    'network',
    '/v2.0/subnets',
    'subnet',
    {
      name: 'private-subnet',
      network_id: network.id,
      ip_version: 4,
      cidr: '10.0.0.0/24',
      dns_nameservers: ['1.1.1.1'],
    },
    mine,
  )
  const router = await ensureNamed<Router>(
    demo,
    'network',
    '/v2.0/routers',
    'router',
    { name: 'router' },
    mine,
  )
  if (!router.external_gateway_info) {
    const body = { router: { external_gateway_info: { network_id: publicId } } }
    await demo.call('network', { method: 'PUT', path: `/v2.0/routers/${router.id}`, body })
  }
  const ports = await demo.call<{ ports: { fixed_ips: { subnet_id: string }[] }[] }>('network', {
    path: `/v2.0/ports?device_id=${router.id}`,
  })
  const joined = ports.ports.some((port) => port.fixed_ips.some((ip) => ip.subnet_id === subnet.id))
  if (!joined) {
    const path = `/v2.0/routers/${router.id}/add_router_interface`
    await demo.call('network', { method: 'PUT', path, body: { subnet_id: subnet.id } })
  }
  return network.id
}

/** A security group that lets ssh and ping in. Returns its id. */
export async function ensureSecurityGroup(demo: Session): Promise<string> {
  type Rule = { direction: string; protocol: string | null; port_range_min: number | null }
  const mine = `project_id=${demo.projectId}`
  const group = await ensureNamed<Named & { security_group_rules?: Rule[] }>(
    demo,
    'network',
    '/v2.0/security-groups',
    'security_group',
    { name: 'ssh-and-ping', description: 'Lets ssh and ping in' },
    mine,
  )
  const wanted = [
    { protocol: 'tcp', port_range_min: 22, port_range_max: 22 },
    { protocol: 'icmp', port_range_min: null, port_range_max: null },
  ]
  for (const rule of wanted) {
    const there = group.security_group_rules?.some(
      (each) =>
        each.direction === 'ingress' &&
        each.protocol === rule.protocol &&
        each.port_range_min === rule.port_range_min,
    )
    if (there) continue
    const body = {
      security_group_rule: {
        security_group_id: group.id,
        direction: 'ingress',
        ethertype: 'IPv4',
        remote_ip_prefix: '0.0.0.0/0',
        ...rule,
      },
    }
    await demo.call('network', { method: 'POST', path: '/v2.0/security-group-rules', body })
  }
  return group.id
}

/** The floating IP of the server's first port; made and bound where it has none yet. */
export async function ensureFloatingIp(demo: Session, publicId: string, serverId: string): Promise<string> {
  type FloatingIp = { id: string; floating_ip_address: string; port_id: string | null }
  const { ports } = await demo.call<{ ports: Named[] }>('network', {
    path: `/v2.0/ports?device_id=${serverId}`,
  })
  const port = ports[0]!
  const { floatingips } = await demo.call<{ floatingips: FloatingIp[] }>('network', {
    path: `/v2.0/floatingips?project_id=${demo.projectId}`,
  })
  const bound = floatingips.find((each) => each.port_id === port.id)
  if (bound) return bound.floating_ip_address
  const spare = floatingips.find((each) => each.port_id === null)
  const body = { floatingip: { floating_network_id: publicId, port_id: port.id } }
  const { floatingip } = spare
    ? await demo.call<{ floatingip: FloatingIp }>('network', {
        method: 'PUT',
        path: `/v2.0/floatingips/${spare.id}`,
        body: { floatingip: { port_id: port.id } },
      })
    : await demo.call<{ floatingip: FloatingIp }>('network', {
        method: 'POST',
        path: '/v2.0/floatingips',
        body,
      })
  return floatingip.floating_ip_address
}

// Networks, subnets, routers and what they stand on, made as users make them: the stages of network's tests.
import { expect } from 'vitest'
import type { Answered, Ask, TestNetwork } from './test-network.ts'

/** Makes one and gives it as it is answered. */
export async function make(as: Ask, kind: string, body: object, path = `/v2.0/${kind}s`) {
  const made = await as('POST', path, { [kind]: body })
  expect(made.status, JSON.stringify(made.body)).toBe(201)
  return made.body[kind]
}

export async function get(as: Ask, kind: string, id: string) {
  return (await as('GET', `/v2.0/${kind}s/${id}`)).body[kind]
}

/** The status, and Neutron's name of what is wrong. */
export const refusal = (answer: Answered) => [answer.status, answer.body?.NeutronError?.type]

/** A network with one subnet. */
export async function lan(as: Ask, cidr: string, more: object = {}, ofNetwork: object = {}) {
  const network = await make(as, 'network', { name: 'lan', ...ofNetwork })
  const ip_version = cidr.includes(':') ? 6 : 4
  return { network, subnet: await make(as, 'subnet', { network_id: network.id, ip_version, cidr, ...more }) }
}

/** An external network. */
export async function outside(net: TestNetwork, cidr = '203.0.113.0/24', physnet = 'public') {
  const provider = { 'provider:network_type': 'flat', 'provider:physical_network': physnet }
  return lan(
    net.admin,
    cidr,
    { enable_dhcp: false },
    { name: 'public', 'router:external': true, ...provider },
  )
}

type Router = { id: string }
export const join = (as: Ask, router: Router, wish: object) =>
  as('PUT', `/v2.0/routers/${router.id}/add_router_interface`, wish)
export const part = (as: Ask, router: Router, wish: object) =>
  as('PUT', `/v2.0/routers/${router.id}/remove_router_interface`, wish)
export const setGateway = (as: Ask, router: Router, info: object | null) =>
  as('PUT', `/v2.0/routers/${router.id}`, { router: { external_gateway_info: info } })

/** A router of alice between her network and the outside, with a guest's port behind it. */
export async function wholeWay(net: TestNetwork) {
  const external = await outside(net)
  const inside = await lan(net.alice, '10.0.0.0/24')
  const router = await make(net.alice, 'router', {
    name: 'r',
    external_gateway_info: { network_id: external.network.id },
  })
  expect((await join(net.alice, router, { subnet_id: inside.subnet.id })).status).toBe(200)
  const port = await make(net.alice, 'port', { network_id: inside.network.id })
  return { external, inside, router, port }
}

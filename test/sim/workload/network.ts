// Networks, subnets, ports, routers and floating IPs, as a project lays them out for its servers.
import type { Act } from './act.ts'
import type { Client, OwnThing } from './client.ts'
import type { Ground } from './ground.ts'
import { isRefusal } from './operation.ts'
import type { Kind } from './thing.ts'

const withOwn = (
  kind: Kind,
  name: string,
  weight: number,
  run: (client: Client, thing: OwnThing) => Promise<unknown>,
): Act => ({
  name: `${kind}.${name}`,
  weight,
  possible: (client) => client.own(kind).length > 0,
  async run(client) {
    await run(client, client.pick(client.own(kind))!)
  },
})
/** There and gone in one request. */
export const removing = (kind: Kind, weight: number, from = 1): Act => ({
  ...withOwn(kind, 'delete', weight, async (client, thing) => {
    if (await client.remove(thing)) thing.standing = 'gone'
  }),
  possible: (client) => client.own(kind).length >= from,
})

export function networkActs(ground: Ground): Act[] {
  return [
    {
      name: 'network.create',
      weight: 6,
      possible: (client) => client.own('network').length < 3,
      run: createNetwork,
    },
    withOwn('network', 'update', 2, (client, network) =>
      client.update(network, { description: `d${client.random.int(0, 1000)}` }),
    ),
    withOwn('network', 'show', 2, (client, network) =>
      client.operate('network.show', network, async () => {
        await client.show(network)
        await client.ask('network', { path: '/v2.0/networks' })
      }),
    ),
    // Its subnets go with it; with servers on it that is refused.
    {
      ...withOwn('network', 'delete', 2, async (client, network) => {
        if (!(await client.remove(network))) return
        network.standing = 'gone'
        for (const thing of client.things)
          if (thing.link.get('network') === network.id) thing.standing = 'gone'
      }),
      possible: (client) => client.own('network').length > 1,
    },
    withOwn('subnet', 'update', 2, (client, subnet) =>
      client.update(subnet, {
        name: subnet.name,
        ...(client.chance(50) && { dns_nameservers: [`9.9.9.${client.random.int(1, 200)}`] }),
        ...(client.chance(25) && { enable_dhcp: client.chance(70) }),
      }),
    ),
    {
      name: 'port.create',
      weight: 4,
      possible: (client) => client.own('port').length < 4 && client.shared('network').length > 0,
      async run(client) {
        const network = client.pick(client.shared('network'))!
        const body = { network_id: network.id, description: 'of the simulation' }
        await client.create('port', body, {
          link: { network: network.id },
          expect: { network_id: network.id, description: 'of the simulation' },
        })
      },
    },
    withOwn('port', 'update', 2, (client, port) =>
      client.update(port, { description: `d${client.random.int(0, 1000)}` }),
    ),
    withOwn('port', 'show', 2, (client, port) =>
      client.operate('port.show', port, async () => void (await client.show(port))),
    ),
    // A server's port may be deleted under it, as users do; compute is told.
    removing('port', 3),
    {
      name: 'router.create',
      weight: 4,
      possible: (client) => client.own('router').length < 2,
      async run(client) {
        const outside = client.chance(80) && { external_gateway_info: { network_id: ground.publicNetwork } }
        const router = await client.create('router', { ...outside })
        if (router) await addInterface(client, router)
      },
    },
    withOwn('router', 'add-interface', 3, addInterface),
    withOwn('router', 'remove-interface', 2, async (client, router) => {
      const subnet = client.pick(client.own('subnet').filter((each) => each.link.get('router') === router.id))
      if (!subnet) return
      await client.operate('router.remove-interface', router, async () => {
        await client.once('network', {
          method: 'PUT',
          path: `/v2.0/routers/${router.id}/remove_router_interface`,
          body: { subnet_id: subnet.id },
        })
        subnet.link.delete('router')
      })
    }),
    withOwn('router', 'gateway', 2, (client, router) =>
      client.operate('router.gateway', router, async () => {
        const gateway = client.chance(70) ? { network_id: ground.publicNetwork } : null
        await client.ask('network', {
          method: 'PUT',
          path: `/v2.0/routers/${router.id}`,
          body: { router: { external_gateway_info: gateway } },
        })
      }),
    ),
    removing('router', 2),
    {
      name: 'floatingip.create',
      weight: 3,
      possible: (client) => client.own('floatingip').length < 3,
      async run(client) {
        await client.create('floatingip', { floating_network_id: ground.publicNetwork })
      },
    },
    withOwn('floatingip', 'associate', 5, async (client, floating) => {
      const server = client.pick(client.own('server'))
      if (!server) return
      await client.operate('floatingip.associate', floating, async () => {
        const path = `/v2.0/ports?device_id=${server.id}`
        const { ports } = await client.ask<{ ports: { id: string }[] }>('network', { path })
        const port = client.pick(ports)
        if (port) await pointFloating(client, floating, port.id)
      })
    }),
    withOwn('floatingip', 'disassociate', 2, (client, floating) =>
      client.operate('floatingip.disassociate', floating, () => pointFloating(client, floating, null)),
    ),
    removing('floatingip', 2),
  ]
}

async function pointFloating(client: Client, floating: OwnThing, port: string | null): Promise<void> {
  await client.ask('network', {
    method: 'PUT',
    path: `/v2.0/floatingips/${floating.id}`,
    body: { floatingip: { port_id: port } },
  })
}

async function createNetwork(client: Client): Promise<void> {
  const network = await client.create(
    'network',
    { description: 'first' },
    { expect: { description: 'first' } },
  )
  if (!network) return
  const third = client.random.int(1, 250)
  await client.create(
    'subnet',
    { network_id: network.id, ip_version: 4, cidr: `10.${client.random.int(1, 200)}.${third}.0/24` },
    { link: { network: network.id }, expect: { network_id: network.id } },
  )
}

async function addInterface(client: Client, router: OwnThing): Promise<void> {
  const subnet = client.pick(client.own('subnet').filter((each) => !each.link.has('router')))
  if (!subnet) return
  await client.operate('router.add-interface', router, async () => {
    try {
      await client.once('network', {
        method: 'PUT',
        path: `/v2.0/routers/${router.id}/add_router_interface`,
        body: { subnet_id: subnet.id },
      })
    } catch (error) {
      // Perhaps it was done: which of the two shows when it is taken away.
      if (!isRefusal(error)) subnet.link.set('router', router.id)
      throw error
    }
    subnet.link.set('router', router.id)
  })
}

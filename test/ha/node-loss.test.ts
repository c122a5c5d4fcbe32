// A cloud on a RabbitMQ cluster that loses a node while fifty servers are being made: no user operation fails by it.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Session } from '#cli/openstack.ts'
import { type LiveCloud, prepareLiveCloud, succeeded, until, world } from '#test/interop/live-cloud.ts'
import { liftQuotas, makeNetwork } from '../../bench/project.ts'
import { type ClusterNode, type RabbitCluster, rabbitCluster } from './rabbit-cluster.ts'

const servers = 50
/** In the midst of it; and before the first, when the controller has never yet published to most hosts' queues. */
const ways = [
  ['its three nodes', 12],
  ['HAProxy', 1],
] as const

describe.each(ways)('a cloud on a RabbitMQ cluster, by the URL of %s', (way, killAfter) => {
  let cluster: RabbitCluster
  let cloud: LiveCloud
  let session: Session
  beforeAll(async () => {
    expect(process.getuid?.(), 'namespaces need root').toBe(0)
    cluster = await rabbitCluster('nbha', '10.185.0')
    cloud = await prepareLiveCloud('ha', 'sim')
    const { user, password, nodes, proxy } = cluster
    const hosts = way === 'HAProxy' ? [proxy] : nodes.map(({ address }) => address)
    const at = (port: number) => `${user}:${password}@${hosts.map((host) => `${host}:${port}`).join(',')}`
    await world.files.makeFolder(cloud.root, { mode: 0o711 })
    await world.files.write(
      `${cloud.root}/nimbo.yaml`,
      [
        'cloud:',
        '  data_plane: sim',
        '  hosts: 3',
        `  port_base: ${cloud.portBase}`,
        `  transport_url: 'rabbit://${at(5672)}/'`,
        `  transport_management_url: 'http://${at(15_672)}'`,
        '',
      ].join('\n'),
    )
    succeeded(await cloud.up())
    session = await cloud.session('admin')
  }, 600_000)
  afterAll(async () => {
    await cloud?.destroy()
    await cluster?.destroy()
  }, 120_000)

  test('goes on while a node is killed under fifty server creates, and none of them fails', async () => {
    const [image, flavor, network] = await parts(session)
    const victim = await busiestNode(cluster)
    const clients = await connectionsOn(cluster, victim)
    expect(clients, 'of the cloud on the node that is killed').toBeGreaterThan(0)
    const began = world.clock.monotonic()
    const ids: string[] = []
    const refused: string[] = []
    for (let index = 1; index <= servers; index++) {
      if (index === killAfter) await cluster.kill(victim)
      try {
        const { server } = await session.call<{ server: { id: string } }>('compute', {
          method: 'POST',
          path: '/servers',
          body: {
            server: { name: `s${index}`, imageRef: image, flavorRef: flavor, networks: [{ uuid: network }] },
          },
        })
        ids.push(server.id)
      } catch (error) {
        refused.push(String(error))
      }
    }
    const asked = world.clock.monotonic()
    const states = await until(
      'all servers have come to an end',
      async () => {
        const { servers: all } = await session.call<{ servers: { id: string; status: string }[] }>(
          'compute',
          { path: '/servers/detail?limit=200' },
        )
        const ours = all.filter(({ id }) => ids.includes(id))
        return ours.length === ids.length && ours.every(({ status }) => status !== 'BUILD') && ours
      },
      240_000,
      500,
    )
    const ended = world.clock.monotonic()
    console.info(
      `by ${way}: ${ids.length} of ${servers} asked for in ${Math.round(asked - began)} ms, all at rest after ` +
        `${Math.round(ended - began)} ms, ${states.filter(({ status }) => status === 'ACTIVE').length} ACTIVE; ` +
        `${victim.name} with ${clients} of the cloud's connections was killed before number ${killAfter}; nodes running: ${await cluster.running()}`,
    )
    expect(refused.slice(0, 3)).toEqual([])
    expect(states.filter(({ status }) => status !== 'ACTIVE')).toEqual([])
    expect(ids).toHaveLength(servers)
  }, 400_000)

  test('takes the node back, and deletes all of them', async () => {
    for (const node of cluster.nodes) if (!node.alive) await cluster.start(node)
    await until('the node is back', async () => (await cluster.running()) === 3, 120_000, 1_000)
    const { servers: all } = await session.call<{ servers: { id: string }[] }>('compute', {
      path: '/servers?limit=200&all_tenants=1',
    })
    for (const { id } of all) await session.call('compute', { method: 'DELETE', path: `/servers/${id}` })
    await until(
      'no server is left',
      async () =>
        (await session.call<{ servers: unknown[] }>('compute', { path: '/servers?all_tenants=1' })).servers
          .length === 0,
      240_000,
      500,
    )
  }, 400_000)
})

async function parts(session: Session): Promise<string[]> {
  const { images } = await session.call<{ images: { id: string }[] }>('image', { path: '/v2/images' })
  const { flavors } = await session.call<{ flavors: { id: string; name: string }[] }>('compute', {
    path: '/flavors',
  })
  const networkId = await makeNetwork(session, 'ha', '10.20.0.0/24')
  // Fifty servers are more than a project may have.
  await liftQuotas(session)
  return [images[0]!.id, flavors.find(({ name }) => name === 'm1.micro')!.id, networkId]
}

/** The one with most clients, and of these the one that leads most queues: its loss is felt. */
async function busiestNode(cluster: RabbitCluster): Promise<ClusterNode> {
  const queues = await cluster.ask<{ node: string }[]>('queues')
  const weights = new Map<ClusterNode, number>()
  for (const node of cluster.nodes)
    weights.set(
      node,
      1000 * (await connectionsOn(cluster, node)) +
        queues.filter((queue) => queue.node === `rabbit@${node.address}`).length,
    )
  return cluster.nodes.toSorted((a, b) => weights.get(b)! - weights.get(a)!)[0]!
}

async function connectionsOn(cluster: RabbitCluster, { address }: ClusterNode): Promise<number> {
  const connections = await cluster.ask<{ node: string }[]>('connections')
  return connections.filter(({ node }) => node === `rabbit@${address}`).length
}

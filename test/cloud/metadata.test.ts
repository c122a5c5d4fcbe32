// What the hosts' DHCP, L3 and metadata agents make of networks, routers and servers, in the whole cloud.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Session } from '#cli/openstack.ts'
import type { SimWiring } from '#drivers/wiring/load.ts'
import { askForServer, deleteServer, prepareBoot, showServer } from './test-boot.ts'
import { type TestCloud, testCloud } from './test-cloud.ts'

const publicKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBxVvCUbY3z3cVyfzFwFZKrYTFxkLFJv0oBx6j3LbW3Q me@here'

describe('agents of the network', () => {
  let cloud: TestCloud
  let member: Session
  beforeAll(async () => {
    cloud = await testCloud()
    member = await cloud.project()
  })
  afterAll(() => cloud?.stop())

  const post = async <T>(as: Session, kind: string, body: object): Promise<T> =>
    (
      await as.call<Record<string, T>>('network', {
        method: 'POST',
        path: `/v2.0/${kind.endsWith('y') ? kind : `${kind}s`}`,
        body: { [kind]: body },
      })
    )[kind]!
  const inventory = () => (cloud.hosts[0]!.wiring as SimWiring).inventory()

  /** As haproxy asks, over the socket of the host's agent. */
  async function ask(path: string, networkId: string, ip: string): Promise<{ status: number; body: string }> {
    const { agents } = await cloud.admin.call<{
      agents: { agent_type: string; configurations: { metadata_proxy_socket?: string } }[]
    }>('network', { path: '/v2.0/agents' })
    const socket = agents.find((agent) => agent.agent_type === 'Metadata agent')!
    const connection = await cloud.world.sockets.connect({
      path: socket.configurations.metadata_proxy_socket!,
    })
    const lines = [
      `GET ${path} HTTP/1.1`,
      'Host: 169.254.169.254',
      `X-Forwarded-For: ${ip}`,
      `X-Neutron-Network-ID: ${networkId}`,
      'Connection: close',
    ]
    connection.write(`${lines.join('\r\n')}\r\n\r\n`)
    const chunks: Buffer[] = []
    for await (const chunk of connection) chunks.push(Buffer.from(chunk))
    const [head, ...body] = Buffer.concat(chunks).toString().split('\r\n\r\n')
    return { status: Number(head!.split(' ')[1]), body: body.join('\r\n\r\n') }
  }

  test("a network's DHCP comes with its subnet and goes with it", async () => {
    const network = await post<{ id: string }>(member, 'network', { name: 'private' })
    const subnet = await post<{ id: string }>(member, 'subnet', {
      network_id: network.id,
      ip_version: 4,
      cidr: '10.5.0.0/24',
    })
    await cloud.settle()
    const namespace = `qdhcp-${network.id}`
    expect(inventory()).toContain(`namespace ${namespace}`)
    expect(inventory()).toContain(`process dnsmasq in ${namespace}`)
    expect(inventory()).toContain(`process haproxy in ${namespace}`)
    await member.call('network', { method: 'DELETE', path: `/v2.0/subnets/${subnet.id}` })
    await member.call('network', { method: 'DELETE', path: `/v2.0/networks/${network.id}` })
    await cloud.settle()
    expect(inventory().filter((line) => line.includes(namespace))).toEqual([])
  })

  test('a server learns its own metadata over its network, and nobody else does', async () => {
    const parts = await prepareBoot(cloud, member)
    await member.call('compute', {
      method: 'POST',
      path: '/os-keypairs',
      body: { keypair: { name: 'mine', public_key: publicKey } },
    })
    const id = await askForServer(member, parts, {
      key_name: 'mine',
      metadata: { colour: 'blue' },
      user_data: Buffer.from('#!/bin/sh\n').toString('base64'),
    })
    await cloud.settle()
    const server = await showServer(member, id)
    const address = server.addresses.private![0]!.addr
    const get = (path: string) => ask(path, parts.networkId, address)
    const described = JSON.parse((await get('/openstack/latest/meta_data.json')).body)
    expect(described).toMatchObject({
      uuid: id,
      name: 'hello',
      hostname: 'hello.novalocal',
      availability_zone: 'nova',
      project_id: member.projectId,
      meta: { colour: 'blue' },
    })
    expect(described.public_keys.mine.trim()).toBe(publicKey)
    expect((await get('/2009-04-04/user-data')).body).toBe('#!/bin/sh\n')
    expect((await get('/2009-04-04/meta-data/local-ipv4')).body).toBe(address)
    const network = JSON.parse((await get('/openstack/latest/network_data.json')).body)
    expect(network.links[0]).toMatchObject({ type: 'ovs', mtu: 1450 })
    expect(network.networks[0]).toMatchObject({ type: 'ipv4_dhcp', network_id: parts.networkId })
    expect((await ask('/openstack', parts.networkId, '10.0.0.250')).status).toBe(404)
    expect((await ask('/openstack', cloud.world.random.uuid(), address)).status).toBe(404)
    await deleteServer(cloud, member, id)
    await cloud.world.advance(10_000)
    expect((await get('/openstack')).status).toBe(404)
  })

  test('a server with a config drive becomes active', async () => {
    const other = await cloud.project()
    const parts = await prepareBoot(cloud, other)
    const id = await askForServer(other, parts, { config_drive: true })
    await cloud.settle()
    expect((await showServer(other, id)).status).toBe('ACTIVE')
    const told = cloud.events().filter(({ name }) => name === 'conductor.metadataGet')
    expect(told.some(({ subject }) => subject === `server:${id}`)).toBe(true)
    await deleteServer(cloud, other, id)
  })

  test('a router forwards on a host, and its floating IP becomes ACTIVE and goes DOWN', async () => {
    const outside = await post<{ id: string }>(cloud.admin, 'network', {
      name: 'public',
      'router:external': true,
      'provider:network_type': 'flat',
      'provider:physical_network': 'physnet1',
    })
    await post(cloud.admin, 'subnet', {
      network_id: outside.id,
      ip_version: 4,
      cidr: '172.24.4.0/24',
      enable_dhcp: false,
    })
    const network = await post<{ id: string }>(member, 'network', { name: 'inside' })
    const subnet = await post<{ id: string }>(member, 'subnet', {
      network_id: network.id,
      ip_version: 4,
      cidr: '10.6.0.0/24',
    })
    const router = await post<{ id: string }>(member, 'router', {
      name: 'way-out',
      external_gateway_info: { network_id: outside.id },
    })
    await member.call('network', {
      method: 'PUT',
      path: `/v2.0/routers/${router.id}/add_router_interface`,
      body: { subnet_id: subnet.id },
    })
    await cloud.settle()
    const namespace = `qrouter-${router.id}`
    const devices = inventory().filter((line) => line.endsWith(namespace))
    expect(devices.filter((line) => /^port qg-/.test(line))).toHaveLength(1)
    expect(devices.filter((line) => /^port qr-/.test(line))).toHaveLength(1)

    const port = await post<{ id: string }>(member, 'port', { network_id: network.id })
    const floating = await post<{ id: string }>(member, 'floatingip', {
      floating_network_id: outside.id,
      port_id: port.id,
    })
    await cloud.settle()
    const status = async () =>
      (
        await member.call<{ floatingip: { status: string } }>('network', {
          path: `/v2.0/floatingips/${floating.id}`,
        })
      ).floatingip.status
    expect(await status()).toBe('ACTIVE')
    await member.call('network', {
      method: 'PUT',
      path: `/v2.0/floatingips/${floating.id}`,
      body: { floatingip: { port_id: null } },
    })
    await cloud.settle()
    expect(await status()).toBe('DOWN')
  })
})

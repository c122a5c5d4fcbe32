// Networks from the API to the hosts' wiring and back, over the broker: who reaches whom, and what is left in the end.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Session } from '#cli/openstack.ts'
import type { SimWiring } from '#drivers/wiring/load.ts'
import { type TestCloud, testCloud } from './test-cloud.ts'

type Port = {
  id: string
  status: string
  device_owner: string
  fixed_ips: { ip_address: string }[]
  'binding:vif_type': string
}

describe('ports of guests', () => {
  let cloud: TestCloud
  beforeAll(async () => {
    cloud = await testCloud({ hosts: 2 })
  })
  afterAll(() => cloud?.stop())

  const post = async <T>(as: Session, kind: string, body: object, path = `${kind}s`): Promise<T> => {
    const answer = await as.call<Record<string, T>>('network', {
      method: 'POST',
      path: `/v2.0/${path}`,
      body: { [kind]: body },
    })
    return answer[kind]!
  }
  const remove = (as: Session, path: string) =>
    as.call('network', { method: 'DELETE', path: `/v2.0/${path}` })
  const show = async (id: string) =>
    (await cloud.admin.call<{ port: Port }>('network', { path: `/v2.0/ports/${id}` })).port

  async function makeNetwork(as: Session, cidr: string): Promise<string> {
    const { id } = await post<{ id: string }>(as, 'network', { name: 'private' })
    await post(as, 'subnet', { network_id: id, ip_version: 4, cidr })
    return id
  }
  /** As compute does it: made by the project, bound by the service. */
  async function plug(as: Session, networkId: string, host: number, more: object = {}): Promise<Port> {
    const made = await post<Port>(as, 'port', { network_id: networkId, ...more })
    await cloud.admin.call('network', {
      method: 'PUT',
      path: `/v2.0/ports/${made.id}`,
      body: {
        port: {
          device_id: cloud.world.random.uuid(),
          device_owner: 'compute:nova',
          'binding:host_id': cloud.hosts[host]!.name,
        },
      },
    })
    await cloud.settle()
    return show(made.id)
  }
  const wirings = () => cloud.hosts.map((host) => host.wiring as SimWiring)
  const ping = (from: Port, to: Port) =>
    wirings()[0]!.reach({
      fromPort: from.id,
      toIp: to.fixed_ips[0]!.ip_address,
      protocol: 'icmp',
    })
  const inventory = () => wirings().map((wiring) => wiring.inventory())

  test('become ACTIVE on their hosts, and reach each other across hosts by the default group', async () => {
    const member = await cloud.project()
    const network = await makeNetwork(member, '10.1.0.0/24')
    const one = await plug(member, network, 0)
    const two = await plug(member, network, 1)
    expect([one.status, two.status]).toEqual(['ACTIVE', 'ACTIVE'])
    expect(ping(one, two)).toBe('ok')
    expect(ping(two, one)).toBe('ok')
  })

  test('of two projects never reach each other, though their addresses are the same (row 152)', async () => {
    const [alice, bob] = [await cloud.project(), await cloud.project()]
    const ports: Port[] = []
    for (const member of [alice, bob]) {
      const network = await makeNetwork(member, '10.2.0.0/24')
      ports.push(
        await plug(member, network, 0, { fixed_ips: [{ ip_address: `10.2.0.${10 + ports.length}` }] }),
      )
    }
    expect(ping(ports[0]!, ports[1]!)).toBe('nobody has that address on the network')
  })

  test('follow a change of rules without being bound again', async () => {
    const member = await cloud.project()
    const network = await makeNetwork(member, '10.3.0.0/24')
    const group = await post<{ id: string }>(member, 'security_group', { name: 'web' }, 'security-groups')
    const server = await plug(member, network, 0, { security_groups: [group.id] })
    const client = await plug(member, network, 1)
    expect(ping(client, server)).toBe('no ingress rule of the receiver allows it')
    const rule = await post<{ id: string }>(
      member,
      'security_group_rule',
      { security_group_id: group.id, direction: 'ingress', protocol: 'icmp' },
      'security-group-rules',
    )
    await cloud.settle()
    expect(ping(client, server)).toBe('ok')
    await remove(member, `security-group-rules/${rule.id}`)
    await cloud.settle()
    expect(ping(client, server)).toBe('no ingress rule of the receiver allows it')
    expect((await show(server.id)).status).toBe('ACTIVE')
  })

  test('are wired again after their host’s agents were away', async () => {
    const member = await cloud.project()
    const network = await makeNetwork(member, '10.4.0.0/24')
    const one = await plug(member, network, 0)
    await cloud.hosts[0]!.restart()
    await cloud.settle()
    const two = await plug(member, network, 0)
    expect([(await show(one.id)).status, two.status]).toEqual(['ACTIVE', 'ACTIVE'])
    expect(ping(one, two)).toBe('ok')
  })

  test('leave nothing on any host when they and their network are deleted', async () => {
    const member = await cloud.project()
    const before = inventory()
    const network = await makeNetwork(member, '10.5.0.0/24')
    const ports = [await plug(member, network, 0), await plug(member, network, 1)]
    expect(inventory()).not.toEqual(before)
    for (const port of ports) await remove(member, `ports/${port.id}`)
    await remove(member, `networks/${network}`)
    await cloud.world.advance(120_000)
    expect(inventory()).toEqual(before)
  })
})

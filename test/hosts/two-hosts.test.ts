// A second machine becomes a host by one command, and guests of one network on both reach each other: by VXLAN and by GRE,
// with DHCP, metadata, router and floating IPs wherever they are served. The tests are one story.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '#test/interop/live-cloud.ts'
import type { Machine } from './machine.ts'
import {
  type Guest,
  join,
  killAgent,
  raiseTwoHosts,
  serverIs,
  type TwoHosts,
  uploadImage,
} from './two-hosts.ts'

type Row = Record<string, string>
type Made = { id: string }

const types = ['vxlan', 'gre'] as const
const mtus = { vxlan: 1450, gre: 1458 }

describe('a cloud of two hosts', () => {
  let cloud: TwoHosts
  let imageId: string
  const networks: Record<string, string> = {}
  const guests: Guest[] = []
  beforeAll(async () => {
    expect(process.getuid?.(), 'test hosts need root').toBe(0)
    cloud = await raiseTwoHosts()
    imageId = await uploadImage(cloud)
  }, 600_000)
  afterAll(async () => expect(await cloud?.close()).toEqual([]), 60_000)

  const post = async <T>(type: string, path: string, body: object) =>
    cloud.admin.call<T>(type, { method: 'POST', path, body })
  const networkMade = async <T = Made>(kind: string, body: object) =>
    (await post<Record<string, T>>('network', `/v2.0/${kind.replaceAll('_', '-')}s`, { [kind]: body }))[kind]!
  const flows = (machine: Machine, table: number) =>
    machine.text('ovs-ofctl', '--no-stats', 'dump-flows', 'br-tun', `table=${table}`)
  const macsOn = async (host: string) => {
    const { ports } = await cloud.admin.call<{ ports: Row[] }>('network', {
      path: `/v2.0/ports?binding:host_id=${host}`,
    })
    return ports
      .filter((port) => Object.values(networks).includes(port.network_id!))
      .map((port) => port.mac_address!)
  }
  /** Every ordered pair over each of the two networks; empty where all answered. */
  const silent = async () => {
    const tellers = guests.map(async (guest) => {
      const far = guests.filter((other) => other !== guest).flatMap((other) => Object.values(other.fixed))
      const script = far
        .map((ip) => `ping -c 1 -W 3 ${ip} > /dev/null || echo ${guest.name} to ${ip}`)
        .join('; ')
      return cloud.inGuest(guest, script)
    })
    return (await Promise.all(tellers)).join('')
  }

  test('the second host joins by the line that the controller printed', async () => {
    await join(cloud)
    const computes = await cloud.openstackJson<Row[]>(
      'compute',
      'service',
      'list',
      '--service',
      'nova-compute',
    )
    expect(computes.map((row) => [row.Host, row.State]).sort()).toEqual([
      ['node1', 'up'],
      ['node2', 'up'],
    ])
    const agents = await cloud.openstackJson<Record<string, unknown>[]>('network', 'agent', 'list')
    const kinds = ['DHCP agent', 'L3 agent', 'Metadata agent', 'Open vSwitch agent']
    expect(agents.map((row) => [row.Host, row['Agent Type'], row.Alive]).sort()).toEqual(
      ['node1', 'node2'].flatMap((host) => kinds.map((kind) => [host, kind, true])),
    )
    const hosts = (await cloud.controller.nimbo('host', 'list')).stdout
    expect(hosts).toContain(cloud.joined.address)
  })

  test('the card of each host stays as it was, beside the tunnels', async () => {
    for (const machine of cloud.lab.machines) {
      expect(await machine.text('ip', '-br', '-4', 'address', 'show', 'dev', 'eth0')).toContain(
        `${machine.address}/24`,
      )
      expect(await machine.text('ip', 'route', 'get', cloud.lab.address)).toContain('dev eth0')
    }
    expect(await cloud.controller.text('ip', '-br', 'address', 'show', 'br-ex')).toContain('172.24.4.1/24')
    expect(await cloud.joined.text('ovs-vsctl', 'list-br')).not.toContain('br-ex')
  })

  test('four guests boot, two on each host, with a card on a network of each type', async () => {
    const outer = await networkMade('network', {
      name: 'public',
      'router:external': true,
      'provider:network_type': 'flat',
      'provider:physical_network': 'physnet1',
    })
    await networkMade('subnet', {
      network_id: outer.id,
      ip_version: 4,
      cidr: '172.24.4.0/24',
      enable_dhcp: false,
    })
    const router = await networkMade('router', { external_gateway_info: { network_id: outer.id } })
    const group = await networkMade('security_group', { name: 'all' })
    await networkMade('security_group_rule', {
      security_group_id: group.id,
      direction: 'ingress',
      ethertype: 'IPv4',
    })
    for (const [index, type] of types.entries()) {
      // The first is what users get; the second an administrator asks for.
      const wish = type === 'vxlan' ? {} : { 'provider:network_type': type }
      const network = await networkMade<Made & { mtu: number; 'provider:network_type': string }>('network', {
        name: type,
        ...wish,
      })
      expect(network).toMatchObject({ 'provider:network_type': type, mtu: mtus[type] })
      const cidr = `10.${index + 1}.0.0/24`
      const subnet = await networkMade('subnet', { network_id: network.id, ip_version: 4, cidr })
      networks[type] = network.id
      if (type === 'vxlan')
        await cloud.admin.call('network', {
          method: 'PUT',
          path: `/v2.0/routers/${router.id}/add_router_interface`,
          body: { subnet_id: subnet.id },
        })
    }
    await post('compute', '/os-keypairs', {
      keypair: { name: 'key', public_key: cloud.key.publicKey, type: 'ssh' },
    })
    const names = ['a1', 'b1', 'a2', 'b2']
    const servers = await Promise.all(
      names.map(async (name) => {
        const host = `node${name[1]}`
        const { server } = await post<{ server: Made }>('compute', '/servers', {
          server: {
            name,
            flavorRef: '84',
            imageRef: imageId,
            key_name: 'key',
            availability_zone: `nova:${host}`,
            networks: types.map((type) => ({ uuid: networks[type] })),
            security_groups: [{ name: 'all' }],
            user_data: Buffer.from('#!/bin/sh\necho "user data ran on $(hostname)"\n').toString('base64'),
          },
        })
        return { id: server.id, name, host }
      }),
    )
    for (const { id, name, host } of servers) {
      await serverIs(cloud, id, 'ACTIVE')
      const { ports } = await cloud.admin.call<{
        ports: (Made & { network_id: string; fixed_ips: { ip_address: string }[] })[]
      }>('network', { path: `/v2.0/ports?device_id=${id}` })
      const on = (type: (typeof types)[number]) => ports.find((port) => port.network_id === networks[type])!
      const { floating_ip_address: floating } = await networkMade<Row>('floatingip', {
        floating_network_id: outer.id,
        port_id: on('vxlan').id,
      })
      const fixed = Object.fromEntries(types.map((type) => [type, on(type).fixed_ips[0]!.ip_address]))
      guests.push({ id, name, host, floating: floating!, fixed })
    }
    const shown = await cloud.openstackJson<Row[]>('server', 'list', '--long')
    expect(shown.map((row) => [row.Name, row.Host]).sort()).toEqual([
      ['a1', 'node1'],
      ['a2', 'node2'],
      ['b1', 'node1'],
      ['b2', 'node2'],
    ])
  }, 400_000)

  test('each has its lease, its data from the metadata service and its key, on whichever host it is', async () => {
    for (const guest of guests) {
      const text = await until(
        `user data ran in ${guest.name}`,
        async () => {
          const said = await cloud.consoleOf(guest)
          return said.includes('user-data ended: 0') && said
        },
        240_000,
        1_000,
      )
      expect(text).toContain(`udhcpc: eth0 lease of ${guest.fixed.vxlan} obtained`)
      expect(text).toContain('=== datasource: ec2 net')
      expect(text).toContain(`user data ran on ${guest.name}`)
      expect(await cloud.inGuest(guest, 'hostname')).toBe(`${guest.name}\n`)
    }
    const served = await Promise.all(
      types.map((type) =>
        cloud.openstackJson<Row[]>('network', 'agent', 'list', '--network', networks[type]!),
      ),
    )
    expect(
      served
        .flat()
        .map((row) => row.Host)
        .sort(),
      'each host serves DHCP to guests of both',
    ).toEqual(['node1', 'node2'])
  }, 400_000)

  test('all pairs reach each other by VXLAN and by GRE, with the packets that each carries', async () => {
    const links = await cloud.inGuest(guests[0]!, 'cat /sys/class/net/eth0/mtu /sys/class/net/eth1/mtu')
    expect(links).toBe('1450\n1458\n')
    expect(await silent()).toBe('')
    const far = guests.find((guest) => guest.host === 'node2')!
    for (const type of types) {
      const full = mtus[type] - 28
      await cloud.inGuest(guests[0]!, `ping -c 1 -W 3 -s ${full} ${far.fixed[type]}`)
      await expect(
        cloud.inGuest(guests[0]!, `ping -c 1 -W 1 -s ${full + 1} -M do ${far.fixed[type]}`),
      ).rejects.toThrow()
    }
  }, 200_000)

  test('one router on one host serves guests of both, inwards by floating IPs and outwards', async () => {
    const routers = await cloud.controller.text('ip', 'netns', 'list')
    expect(routers).toContain('qrouter-')
    expect(await cloud.joined.text('ip', 'netns', 'list')).not.toContain('qrouter-')
    for (const guest of guests)
      expect(await cloud.inGuest(guest, 'ping -c 1 -W 3 172.24.4.1 > /dev/null && echo out')).toBe('out\n')
  })

  test('a volume serves guests of the host where it lies, and says so to the others', async () => {
    const { volume } = await post<{ volume: Made }>('block-storage', '/volumes', { volume: { size: 1 } })
    const shown = async () =>
      (await cloud.admin.call<{ volume: Row }>('block-storage', { path: `/volumes/${volume.id}` })).volume
    await until('the volume is there', async () => (await shown()).status === 'available')
    const host = (await shown())['os-vol-host-attr:host']!.split('@')[0]
    const attach = (guest: Guest) =>
      post('compute', `/servers/${guest.id}/os-volume_attachments`, {
        volumeAttachment: { volumeId: volume.id },
      })
    await expect(attach(guests.find((guest) => guest.host !== host)!)).rejects.toThrow(/another host/)
    const near = guests.find((guest) => guest.host === host)!
    await attach(near)
    await until('the guest has its disk', async () => (await cloud.inGuest(near, 'ls /dev')).includes('vdb'))
    await cloud.admin.call('compute', {
      method: 'DELETE',
      path: `/servers/${near.id}/os-volume_attachments/${volume.id}`,
    })
    await until('the volume is free', async () => (await shown()).status === 'available')
    await cloud.admin.call('block-storage', { method: 'DELETE', path: `/volumes/${volume.id}` })
  })

  test('each host knows where the other has its ports', async () => {
    for (const [machine, other] of [
      [cloud.controller, 'node2'],
      [cloud.joined, 'node1'],
    ] as const) {
      const told = (await flows(machine, 20)).split('\n').filter((line) => line.includes('priority=2'))
      const macs = told.map((line) => /dl_dst=([0-9a-f:]+)/.exec(line)![1])
      expect(macs.sort()).toEqual((await macsOn(other)).sort())
    }
  })

  test('a host whose agent was killed shows as down, while its guests go on, and comes back', async () => {
    const guestPids = () => cloud.joined.text('pgrep', 'qemu-system')
    const before = await guestPids()
    await killAgent(cloud.joined)
    const started = Date.now()
    const downAfter = async (what: string, isDown: () => Promise<boolean>) => {
      await until(`${what} is down`, isDown, 120_000, 1_000)
      return (Date.now() - started) / 1000
    }
    const compute = downAfter('nova-compute', async () => {
      const rows = await cloud.openstackJson<Row[]>('compute', 'service', 'list', '--host', 'node2')
      return rows[0]!.State === 'down'
    })
    const network = downAfter('the Open vSwitch agent', async () => {
      const rows = await cloud.openstackJson<Record<string, unknown>[]>(
        'network',
        'agent',
        'list',
        '--host',
        'node2',
      )
      return rows.every((row) => row.Alive === false)
    })
    // Neutron's agent_down_time is 75 s and Nova's service_down_time 60 s; a report may have come just before.
    expect(await compute).toBeLessThan(75)
    expect(await network).toBeLessThan(90)
    expect(await silent(), 'guests and tunnels need no agent').toBe('')
    expect((await cloud.controller.nimbo('host', 'list')).stdout).toMatch(/node2 .*down/)

    const said = await cloud.joined.nimbo('up')
    expect(said.code, said.stderr).toBe(0)
    await until('node2 is up again', async () => {
      const rows = await cloud.openstackJson<Row[]>('compute', 'service', 'list', '--host', 'node2')
      const agents = await cloud.openstackJson<Record<string, unknown>[]>(
        'network',
        'agent',
        'list',
        '--host',
        'node2',
      )
      return rows[0]!.State === 'up' && agents.every((row) => row.Alive === true)
    })
    expect(await guestPids(), 'the same guests').toBe(before)
    expect(await silent()).toBe('')
  }, 400_000)

  test("a host's switch that dies takes the host from nobody, and is put back with all its tunnels", async () => {
    const pid = (await cloud.joined.text('cat', '/run/openvswitch/ovs-vswitchd.pid')).trim()
    await cloud.joined.text('kill', '-9', pid)
    expect(
      await cloud.joined.text('python3', '-c', `import socket; socket.create_connection(('node1', 5000), 5)`),
    ).toBe('')
    await until('all pairs reach each other again', async () => (await silent()) === '', 60_000)
  }, 120_000)

  test('what guests leave behind on the other host goes with them', async () => {
    const [gone] = guests.splice(
      guests.findIndex((guest) => guest.name === 'b2'),
      1,
    )
    const { ports } = await cloud.admin.call<{ ports: Row[] }>('network', {
      path: `/v2.0/ports?device_id=${gone!.id}`,
    })
    await cloud.admin.call('compute', { method: 'DELETE', path: `/servers/${gone!.id}` })
    await until('its ways are gone', async () => {
      const told = await flows(cloud.controller, 20)
      return !ports.some((port) => told.includes(`priority=2,dl_vlan=1,dl_dst=${port.mac_address}`))
    })
  })

  test("the joined host's token opened all that its agent asked for", async () => {
    type Asked = { at: string; kind: string; name: string; user_id?: string; data: { status: number } }
    const { users } = await cloud.admin.call<{ users: Made[] }>('identity', {
      path: '/users?name=agent-node2',
    })
    const asked: Asked[] = []
    for (let until = Number.MAX_SAFE_INTEGER; ; ) {
      const path = `/v1/events?limit=1000&until=${until}`
      const { events } = await cloud.admin.call<{ events: Asked[] }>('journal', { path })
      asked.push(...events.filter((each) => each.kind === 'request' && each.user_id === users[0]!.id))
      const oldest = Math.min(...events.map(({ at }) => Date.parse(at)))
      if (events.length < 1000 || oldest >= until) break
      until = oldest
    }
    const names = new Set(asked.map(({ name }) => name))
    expect([...names]).toEqual(expect.arrayContaining(['GET /v2/images/:id', 'GET /v2.0/ports']))
    const refused = asked.filter(({ data }) => [401, 403].includes(data.status))
    expect(refused.map(({ name }) => name)).toEqual([])
  })

  test('both hosts are left as they were', async () => {
    for (const { id } of guests)
      await cloud.admin.call('compute', { method: 'DELETE', path: `/servers/${id}` })
    await until('the servers are gone', async () => {
      const { servers } = await cloud.admin.call<{ servers: unknown[] }>('compute', { path: '/servers' })
      return servers.length === 0
    })
    for (const machine of [cloud.joined, cloud.controller]) {
      const said = await machine.nimbo('destroy', '--yes')
      expect(said.code, said.stderr).toBe(0)
      const links = (await machine.text('ip', '-br', 'link')).trim().split('\n')
      expect(links.map((line) => line.split(/[ @]/)[0])).toEqual(['lo', 'eth0'])
      expect(await machine.text('ip', 'netns')).toBe('')
      expect(await machine.text('nft', 'list', 'ruleset')).toBe('')
      const programs = new Set((await machine.text('ps', '-e', '-o', 'comm=')).trim().split('\n'))
      for (const own of ['bash', 'sleep', 'ps']) programs.delete(own)
      expect([...programs]).toEqual([])
      expect((await machine.run('ls', ['/var/lib/nimbo'])).code).not.toBe(0)
      expect(await machine.text('ip', '-br', '-4', 'address', 'show', 'dev', 'eth0')).toContain(
        machine.address,
      )
    }
  }, 120_000)
})

// What simulated guests make of their networks: the lease, the metadata and the neighbours that they get, or don't.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Session } from '#cli/openstack.ts'
import { askForServer, type Parts, prepareBoot, showServer } from './test-boot.ts'
import { type TestCloud, testCloud } from './test-cloud.ts'

const publicKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBxVvCUbY3z3cVyfzFwFZKrYTFxkLFJv0oBx6j3LbW3Q me@here'

let cloud: TestCloud
let member: Session
let parts: Parts
beforeAll(async () => {
  cloud = await testCloud({ hosts: 2 })
  // An administrator may say which host a server goes to.
  member = await cloud.project(['member', 'admin'])
  await cloud.admin.call('compute', {
    method: 'PUT',
    path: `/os-quota-sets/${member.projectId}`,
    body: { quota_set: { instances: -1, cores: -1, ram: -1 } },
  })
  parts = await prepareBoot(cloud, member)
})
afterAll(() => cloud?.stop())

async function consoleOf(id: string): Promise<string> {
  const path = `/servers/${id}/action`
  const body = { 'os-getConsoleOutput': {} }
  return (await member.call<{ output: string }>('compute', { method: 'POST', path, body })).output
}
async function boot(more: Record<string, unknown> = {}): Promise<string> {
  const id = await askForServer(member, parts, more)
  await cloud.settle()
  return id
}
const guestOf = (id: string) => cloud.hosts.map(({ machine }) => machine.guest(id)).find(Boolean)!
const on = (host: number) => ({ availability_zone: `nova:${cloud.hosts[host]!.name}` })
async function addressOf(id: string): Promise<string> {
  return Object.values((await showServer(member, id)).addresses)[0]![0]!.addr
}
async function post<T = { id: string }>(
  as: Session,
  kind: string,
  body: object,
  path = `${kind}s`,
): Promise<T> {
  const answer = await as.call<Record<string, T>>('network', {
    method: 'POST',
    path: `/v2.0/${path}`,
    body: { [kind]: body },
  })
  return answer[kind]!
}
async function group(rules: object[]): Promise<{ id: string; name: string }> {
  const name = `group-${cloud.world.random.hexId().slice(0, 8)}`
  const made = await post<{ id: string; security_group_rules: { id: string }[] }>(
    member,
    'security_group',
    { name },
    'security-groups',
  )
  for (const { id } of made.security_group_rules)
    await member.call('network', { method: 'DELETE', path: `/v2.0/security-group-rules/${id}` })
  for (const rule of rules)
    await post(member, 'security_group_rule', { security_group_id: made.id, ...rule }, 'security-group-rules')
  return { id: made.id, name }
}

describe('a guest', () => {
  test('boots line by line, is ACTIVE long before its login prompt, and learns who it is (row 127)', async () => {
    await member.call('compute', {
      method: 'POST',
      path: '/os-keypairs',
      body: { keypair: { name: 'mine', public_key: publicKey } },
    })
    const userData = Buffer.from('#!/bin/sh\necho "made by user data"\n').toString('base64')
    const id = await askForServer(member, parts, { key_name: 'mine', user_data: userData })
    await cloud.world.advance(1000)
    expect((await showServer(member, id)).status).toBe('ACTIVE')
    const early = await consoleOf(id)
    expect(early).toContain('SeaBIOS')
    expect(early).not.toContain('udhcpc')
    await cloud.settle()
    const lines = (await consoleOf(id)).split('\n')
    const address = await addressOf(id)
    const order = [
      'Starting network: udhcpc: started',
      'udhcpc: sending discover',
      `udhcpc: sending select for ${address}`,
      `udhcpc: lease of ${address} obtained from`,
      'route add -net 169.254.169.254/32 gw 10.0.0.',
      'route add default gw 10.0.0.1',
      'checking http://169.254.169.254/2009-04-04/instance-id',
      'successful after 1/20 tries: up ',
      '=== datasource: ec2 net ===',
      'local-hostname: hello.novalocal',
      `authorized key: ${publicKey.split(' ').slice(0, 2).join(' ')}`,
      'made by user data',
      'user-data ended: 0',
      "login as 'cirros' user.",
      'hello login: ',
    ]
    const places = order.map((text) => lines.findIndex((line) => line.startsWith(text)))
    expect(places, lines.join('\n')).toEqual(places.toSorted((a, b) => a - b))
    expect(places[0]).toBeGreaterThan(0)
  })

  test('runs its user data once, and has its lease and its metadata again after a reboot', async () => {
    const userData = Buffer.from('#!/bin/sh\necho once\n').toString('base64')
    const id = await boot({ user_data: userData })
    await member.call('compute', {
      method: 'POST',
      path: `/servers/${id}/action`,
      body: { reboot: { type: 'SOFT' } },
    })
    await cloud.settle()
    const text = await consoleOf(id)
    expect(text).toContain('Requesting system poweroff')
    expect(text.match(/^once$/gm)).toHaveLength(1)
    expect(text.match(/login: /g)).toHaveLength(2)
    expect(text.match(/successful after/g)).toHaveLength(2)
  })

  test('has no lease on a network without a subnet that gives any, and gets it when there is one', async () => {
    const network = await post(member, 'network', { name: 'bare' })
    const subnet = await post(member, 'subnet', {
      network_id: network.id,
      ip_version: 4,
      cidr: '10.40.0.0/24',
      enable_dhcp: false,
    })
    const id = await boot({ networks: [{ uuid: network.id }] })
    const text = await consoleOf(id)
    expect(text).toContain('udhcpc: no lease, forking to background')
    expect(text).not.toContain('checking http')
    expect(text).toContain('=== datasource: none ===')
    await member.call('network', {
      method: 'PUT',
      path: `/v2.0/subnets/${subnet.id}`,
      body: { subnet: { enable_dhcp: true } },
    })
    await cloud.settle()
    await cloud.world.advance(30_000)
    expect(guestOf(id).addresses()).toEqual([`${await addressOf(id)}/24`])
    expect(await consoleOf(id)).toContain(`udhcpc: lease of ${await addressOf(id)} obtained`)
  })

  test('whose group lets nothing out has a lease, and never its metadata', async () => {
    const closed = await group([])
    const id = await boot({ security_groups: [{ name: closed.name }] })
    const text = await consoleOf(id)
    expect(text).toContain(`udhcpc: lease of ${await addressOf(id)} obtained`)
    expect(text).toContain('failed 20/20: up ')
    expect(text).toContain('failed to read iid from metadata')
    expect(text).toContain('=== datasource: none ===')
    expect(text).toContain('hello login: ')
  })

  test('with a config drive needs no network to know who it is', async () => {
    const closed = await group([])
    const id = await boot({ security_groups: [{ name: closed.name }], config_drive: true })
    const text = await consoleOf(id)
    expect(text).toContain('=== datasource: config-drive ===')
    expect(text).toContain('local-hostname: hello.novalocal')
  })

  test('asks for its lease again when dnsmasq was killed, and gets it when the agent has started another', async () => {
    const { id: networkId } = await post(member, 'network', { name: 'fragile' })
    await post(member, 'subnet', { network_id: networkId, ip_version: 4, cidr: '10.41.0.0/24' })
    await cloud.settle()
    for (const { wiring } of cloud.hosts)
      for (const process of await wiring.processes())
        if (process.namespace.endsWith(networkId) && process.command[0] === 'dnsmasq')
          await wiring.signal(process, 'SIGKILL')
    const id = await boot({ networks: [{ uuid: networkId }] })
    expect(guestOf(id).addresses()).toEqual([`${await addressOf(id)}/24`])
  })
})

describe('guests and their neighbours', () => {
  test('reach each other over two hosts until the rule that lets them is removed', async () => {
    const open = await group([
      { direction: 'egress', ethertype: 'IPv4' },
      { direction: 'ingress', ethertype: 'IPv4', protocol: 'icmp' },
    ])
    const [one, two] = [
      await boot({ ...on(0), security_groups: [{ name: open.name }] }),
      await boot({ ...on(1), security_groups: [{ name: open.name }] }),
    ]
    const address = await addressOf(two)
    expect(await guestOf(one).ping(address)).toBe('ok')
    await expect(guestOf(one).connect(address, 22)).rejects.toThrow('no ingress rule of the receiver')
    const { security_group_rules: rules } = await member.call<{
      security_group_rules: { id: string; direction: string }[]
    }>('network', { path: `/v2.0/security-group-rules?security_group_id=${open.id}` })
    const ingress = rules.find((rule) => rule.direction === 'ingress')!
    await member.call('network', { method: 'DELETE', path: `/v2.0/security-group-rules/${ingress.id}` })
    await cloud.settle()
    expect(await guestOf(one).ping(address)).toBe('no ingress rule of the receiver allows it')
  })

  test('are found at a floating IP from outside, and reach the outside by their router', async () => {
    const outside = await post(cloud.admin, 'network', {
      name: 'public',
      'router:external': true,
      'provider:network_type': 'flat',
      'provider:physical_network': 'physnet1',
    })
    const subnet = { network_id: outside.id, ip_version: 4, cidr: '172.24.4.0/24', enable_dhcp: false }
    await post(cloud.admin, 'subnet', subnet)
    const router = await post(member, 'router', {
      name: 'way-out',
      external_gateway_info: { network_id: outside.id },
    })
    const { subnets } = await member.call<{ subnets: { id: string }[] }>('network', {
      path: `/v2.0/subnets?network_id=${parts.networkId}`,
    })
    await member.call('network', {
      method: 'PUT',
      path: `/v2.0/routers/${router.id}/add_router_interface`,
      body: { subnet_id: subnets[0]!.id },
    })
    await cloud.settle()
    const open = await group([
      { direction: 'egress', ethertype: 'IPv4' },
      { direction: 'ingress', ethertype: 'IPv4' },
    ])
    const [id, other] = [
      await boot({ ...on(0), security_groups: [{ name: open.name }] }),
      await boot({ ...on(1), security_groups: [{ name: open.name }] }),
    ]
    expect(await guestOf(id).ping('8.8.8.8')).toBe('ok')
    const { ports } = await member.call<{ ports: { id: string }[] }>('network', {
      path: `/v2.0/ports?device_id=${id}`,
    })
    const floating = await post<{ id: string; floating_ip_address: string }>(member, 'floatingip', {
      floating_network_id: outside.id,
      port_id: ports[0]!.id,
    })
    await cloud.settle()
    const { fabric } = cloud.hosts[0]!.machine
    const world = fabric.outside('physnet1')
    expect(await world.ping(floating.floating_ip_address)).toBe('ok')
    expect(await guestOf(other).ping(floating.floating_ip_address)).toBe('ok')
    const connection = await world.connect(floating.floating_ip_address, 22)
    const [banner] = (await connection[Symbol.asyncIterator]().next()).value.toString().split('\r\n')
    connection.destroy()
    expect(banner).toMatch(/^SSH-2\.0-/)
    await member.call('network', {
      method: 'PUT',
      path: `/v2.0/floatingips/${floating.id}`,
      body: { floatingip: { port_id: null } },
    })
    await cloud.settle()
    expect(await world.ping(floating.floating_ip_address)).not.toBe('ok')
  })

  test('are apart while the link between their hosts is cut', async () => {
    const open = await group([
      { direction: 'egress', ethertype: 'IPv4' },
      { direction: 'ingress', ethertype: 'IPv4' },
    ])
    const [one, two] = [
      await boot({ ...on(0), security_groups: [{ name: open.name }] }),
      await boot({ ...on(1), security_groups: [{ name: open.name }] }),
    ]
    const address = await addressOf(two)
    const { fabric } = cloud.hosts[0]!.machine
    const heal = fabric.cut(cloud.hosts[0]!.name, cloud.hosts[1]!.name)
    expect(await guestOf(one).ping(address)).toBe('the link between the two hosts is cut')
    heal()
    expect(await guestOf(one).ping(address)).toBe('ok')
  })
})

describe('a guest that is told to', () => {
  const stop = (id: string) =>
    member.call('compute', { method: 'POST', path: `/servers/${id}/action`, body: { 'os-stop': null } })

  test('stop takes its time and writes its last words', async () => {
    const id = await boot()
    await stop(id)
    await cloud.world.advance(1000)
    expect((await showServer(member, id)).status).toBe('ACTIVE')
    await cloud.settle()
    expect((await showServer(member, id)).status).toBe('SHUTOFF')
    expect(guestOf(id).console()).toMatch(/Requesting system poweroff\n\[ +\d+\.\d+\] reboot: Power down\n$/)
  })

  test('hang is deaf to its power button and its neighbours, and has its plug pulled', async () => {
    const [id, other] = [await boot(), await boot()]
    const address = await addressOf(id)
    expect(await guestOf(other).ping(address)).toBe('ok')
    guestOf(id).hang()
    expect(await guestOf(other).ping(address)).toBe('the guest does not answer')
    const before = cloud.world.clock.now()
    await stop(id)
    await cloud.settle()
    expect((await showServer(member, id)).status).toBe('SHUTOFF')
    expect(cloud.world.clock.now() - before).toBeGreaterThanOrEqual(60_000)
    expect(guestOf(id).console()).not.toContain('Requesting system poweroff')
  })

  test('panic says so, and lives again after a hard reboot', async () => {
    const id = await boot()
    guestOf(id).panic()
    expect(await consoleOf(id)).toContain('Kernel panic - not syncing')
    await member.call('compute', {
      method: 'POST',
      path: `/servers/${id}/action`,
      body: { reboot: { type: 'HARD' } },
    })
    await cloud.settle()
    expect(guestOf(id).stage).toBe('up')
  })

  test('refuse its network does until it is told otherwise', async () => {
    const [id, other] = [await boot(), await boot()]
    guestOf(id).refuseNetwork()
    expect(await guestOf(other).ping(await addressOf(id))).toBe('the guest does not answer')
    guestOf(id).refuseNetwork(false)
    expect(await guestOf(other).ping(await addressOf(id))).toBe('ok')
  })
})

// Volumes and interfaces of servers, security groups, addresses and what other services tell.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { projectId, type TestCompute, type TestHost, testCompute } from './test-compute.ts'

let compute: TestCompute
let host: TestHost
beforeAll(async () => {
  compute = await testCompute({ hosts: 0, config: { quotaInstances: -1, quotaCores: -1, quotaRam: -1 } })
  host = await compute.host('node1')
})
afterAll(() => compute.stop())

const volume = (given: object = {}) => {
  const id = compute.world.random.uuid()
  compute.peers.volumes.set(id, {
    id,
    name: 'v',
    status: 'available',
    size: 1,
    bootable: 'false',
    project: projectId,
    multiattach: false,
    ...given,
  })
  return id
}
const newest = (method: string, path: string, body?: unknown) =>
  compute.as('member', '2.93')(method, `/v2.1/servers/${path}`, body)

describe('volumes', () => {
  it('come and go with a running server', async () => {
    const { id } = await compute.server()
    const volumeId = volume()
    const attached = await newest('POST', `${id}/os-volume_attachments`, {
      volumeAttachment: { volumeId, tag: 'data' },
    })
    expect(attached.status).toBe(200)
    expect(attached.body.volumeAttachment).toMatchObject({
      serverId: id,
      volumeId,
      device: '/dev/vdb',
      tag: 'data',
      delete_on_termination: false,
    })
    await compute.world.settle()
    expect(compute.peers.volumes.get(volumeId)!.status).toBe('in-use')
    expect(host.guests.get(id)!.volumes).toEqual([volumeId])
    const old = await compute.call('GET', `/v2.1/servers/${id}/os-volume_attachments`)
    expect(old.body.volumeAttachments).toEqual([{ id: volumeId, serverId: id, volumeId, device: '/dev/vdb' }])
    const shown = (await newest('GET', id)).body.server
    expect(shown['os-extended-volumes:volumes_attached']).toEqual([
      { id: volumeId, delete_on_termination: false },
    ])
    const again = await newest('POST', `${id}/os-volume_attachments`, { volumeAttachment: { volumeId } })
    expect(again.body.badRequest.message).toContain('already attached')
    const update = { volumeAttachment: { volumeId, delete_on_termination: true } }
    expect((await newest('PUT', `${id}/os-volume_attachments/${volumeId}`, update)).status).toBe(202)

    expect((await newest('DELETE', `${id}/os-volume_attachments/${volumeId}`)).status).toBe(202)
    await compute.world.settle()
    expect(host.guests.get(id)!.volumes).toEqual([])
    expect(compute.peers.volumes.get(volumeId)!.status).toBe('available')
    expect((await newest('GET', `${id}/os-volume_attachments/${volumeId}`)).status).toBe(404)
  })

  it('that are in use elsewhere, or not there, are refused', async () => {
    const { id } = await compute.server()
    const attach = (volumeId: string) =>
      newest('POST', `${id}/os-volume_attachments`, { volumeAttachment: { volumeId } })
    expect((await attach(volume({ status: 'in-use' }))).status).toBe(400)
    expect((await attach(compute.world.random.uuid())).status).toBe(404)
    expect((await attach('x')).status).toBe(400)
  })

  it('that guests of another host alone reach are refused at once, and stay free', async () => {
    const { id } = await compute.server()
    const volumeId = volume({ elsewhere: true })
    const refused = await newest('POST', `${id}/os-volume_attachments`, { volumeAttachment: { volumeId } })
    expect(refused.status).toBe(400)
    expect(refused.body.badRequest.message).toMatch(/^Invalid volume: .*another host/)
    expect(compute.peers.volumes.get(volumeId)!.status).toBe('available')
    expect(compute.peers.attachments.size).toBe(0)
  })

  it.each(['reserved', 'attaching'])(
    'that stay %s after their request ended are released',
    async (status) => {
      const { id } = await compute.server()
      const [own, stray] = [volume(), volume({ status })]
      await newest('POST', `${id}/os-volume_attachments`, { volumeAttachment: { volumeId: own } })
      const left = { id: compute.world.random.uuid(), volume_id: stray, instance: id, status }
      compute.peers.attachments.set(left.id, left)
      await compute.world.advance(420_000)
      expect([...compute.peers.attachments.values()].map((each) => each.volume_id)).toEqual([own])
      expect(compute.peers.volumes.get(stray)!.status).toBe('available')
      await newest('DELETE', id)
      await compute.world.settle()
    },
  )

  it('are made for a new server, and those that are its own go with it', async () => {
    const kept = volume()
    const { id } = await compute.server({
      block_device_mapping_v2: [
        { source_type: 'volume', destination_type: 'volume', uuid: kept },
        { source_type: 'blank', destination_type: 'volume', volume_size: 5, delete_on_termination: true },
        { source_type: 'blank', destination_type: 'volume', volume_size: 6 },
      ],
    })
    const { body } = await newest('GET', `${id}/os-volume_attachments`)
    expect(body.volumeAttachments.map((each: { device: string }) => each.device)).toEqual([
      '/dev/vdb',
      '/dev/vdc',
      '/dev/vdd',
    ])
    expect(host.guests.get(id)!.volumes).toHaveLength(3)
    await newest('DELETE', id)
    await compute.world.settle()
    const sizes = [...compute.peers.volumes.values()].map((each) => each.size)
    expect(sizes).toContain(6)
    expect(sizes).not.toContain(5)
    expect(compute.peers.volumes.get(kept)!.status).toBe('available')
    expect(compute.peers.attachments.size).toBe(0)
  })

  it('can be what a server boots from', async () => {
    const { id } = await compute.server({
      imageRef: '',
      block_device_mapping_v2: [
        {
          source_type: 'volume',
          destination_type: 'volume',
          uuid: volume({ bootable: 'true' }),
          boot_index: 0,
        },
      ],
    })
    const shown = (await newest('GET', id)).body.server
    expect(shown).toMatchObject({ status: 'ACTIVE', image: '' })
    expect(compute.peers.consumers.get(id)!.resources).not.toHaveProperty('DISK_GB')
  })

  it('that fail to be made leave the server in ERROR and nothing else', async () => {
    compute.peers.hooks.broken.add('POST volumes')
    const { id } = await compute.server({
      block_device_mapping_v2: [{ source_type: 'blank', destination_type: 'volume', volume_size: 5 }],
    })
    compute.peers.hooks.broken.clear()
    await compute.world.settle()
    expect((await newest('GET', id)).body.server.status).toBe('ERROR')
    expect(compute.peers.consumers.has(id)).toBe(false)
  })
})

describe('interfaces', () => {
  it('come and go with a running server', async () => {
    const { id } = await compute.server()
    const network = compute.network({ name: 'green' })
    const attached = await newest('POST', `${id}/os-interface`, { interfaceAttachment: { net_id: network } })
    expect(attached.status).toBe(200)
    const { port_id } = attached.body.interfaceAttachment
    await compute.world.settle()
    expect(host.guests.get(id)!.ports).toContain(port_id)
    const list = await newest('GET', `${id}/os-interface`)
    expect(list.body.interfaceAttachments).toMatchObject([
      { port_id, net_id: network, port_state: 'ACTIVE', tag: null },
    ])
    expect((await compute.call('GET', `/v2.1/servers/${id}/ips`)).body.addresses.green).toEqual([
      { version: 4, addr: expect.stringMatching(/^10\./) },
    ])
    expect((await compute.call('GET', `/v2.1/servers/${id}/ips/blue`)).status).toBe(404)
    expect((await newest('DELETE', `${id}/os-interface/${port_id}`)).status).toBe(202)
    await compute.world.settle()
    expect(host.guests.get(id)!.ports).toEqual([])
    expect(compute.peers.ports.has(port_id)).toBe(false)
    expect((await newest('GET', `${id}/os-interface/${port_id}`)).status).toBe(404)
    expect(
      (await newest('POST', `${id}/os-interface`, { interfaceAttachment: { net_id: network, port_id } }))
        .status,
    ).toBe(400)
  })
})

describe('an interface whose request ended before its port was noted', () => {
  const portsOf = (id: string) => [...compute.peers.ports.values()].filter((each) => each.device_id === id)

  it('gives back the port that was made for it, and no other of the server', async () => {
    const { id } = await compute.server({ networks: [{ uuid: compute.network() }] })
    const [own] = portsOf(id)
    const handmade = { ...own!, id: compute.world.random.uuid() }
    compute.peers.ports.set(handmade.id, handmade)
    compute.peers.hooks.unheard.add('POST ports')
    const answer = await newest('POST', `${id}/os-interface`, {
      interfaceAttachment: { net_id: own!.network_id },
    })
    compute.peers.hooks.unheard.clear()
    expect(answer.status).toBeGreaterThanOrEqual(500)
    expect(portsOf(id)).toHaveLength(3)
    await compute.world.advance(130_000)
    expect(portsOf(id)).toEqual([own, handmade])
  })

  it("gives back the user's own port at once where it can't be noted", async () => {
    const { id } = await compute.server()
    const free = (await compute.server({ networks: [{ uuid: compute.network() }] })).id
    const [port] = portsOf(free)
    Object.assign(port!, { device_id: '', device_owner: '', 'binding:host_id': '' })
    await compute.service.app.db.sql.schema.alterTable('server_action').renameTo('kept_apart').execute()
    const answer = await newest('POST', `${id}/os-interface`, { interfaceAttachment: { port_id: port!.id } })
    await compute.service.app.db.sql.schema.alterTable('kept_apart').renameTo('server_action').execute()
    expect(answer.status).toBe(500)
    await compute.world.settle()
    expect(port).toMatchObject({ device_id: '', 'binding:host_id': '' })
  })
})

describe('security groups', () => {
  it('are added to and removed from the ports', async () => {
    const { id } = await compute.server({ networks: [{ uuid: compute.network() }] })
    const [port] = [...compute.peers.ports.values()].filter((each) => each.device_id === id)
    const group = compute.peers.groups[0]!
    const act = (body: object) => compute.call('POST', `/v2.1/servers/${id}/action`, body)
    expect((await act({ addSecurityGroup: { name: 'web' } })).status).toBe(202)
    expect(port!.security_groups).toEqual([group.id])
    expect((await newest('GET', id)).body.server.security_groups).toEqual([
      { name: 'default' },
      { name: 'web' },
    ])
    const { body } = await newest('GET', `${id}/os-security-groups`)
    expect(body.security_groups).toMatchObject([{ id: group.id, name: 'web' }])
    expect((await act({ removeSecurityGroup: { name: 'web' } })).status).toBe(202)
    expect(port!.security_groups).toEqual([])
    expect((await newest('GET', `${id}/os-security-groups`)).body).toEqual({ security_groups: [] })
    expect((await act({ removeSecurityGroup: { name: 'web' } })).status).toBe(404)
    expect((await act({ addSecurityGroup: { name: 'none' } })).status).toBe(404)
  })
})

describe('what other services tell', () => {
  const tell = (events: object[], version?: string) =>
    compute.as('admin', version)('POST', '/v2.1/os-server-external-events', { events })

  it('is answered event by event', async () => {
    const { id } = await compute.server()
    const unknown = compute.world.random.uuid()
    const event = (server_uuid: string) => ({ name: 'network-changed', server_uuid, status: 'completed' })
    expect(await tell([event(id)])).toMatchObject({
      status: 200,
      body: { events: [{ code: 200, status: 'completed' }] },
    })
    const mixed = await tell([event(id), event(unknown)])
    expect([mixed.status, mixed.body.events.map((each: { code: number }) => each.code)]).toEqual([
      207,
      [200, 404],
    ])
    expect(await tell([event(unknown)])).toMatchObject({
      status: 207,
      body: { events: [{ code: 404, status: 'failed' }] },
    })
    expect((await tell([])).status).toBe(400)
    expect((await tell([{ name: 'nonsense', server_uuid: id }])).status).toBe(400)
    expect((await tell([{ name: 'power-update', server_uuid: id }], '2.75')).status).toBe(400)
    expect(
      (await compute.call('POST', '/v2.1/os-server-external-events', { events: [event(id)] })).status,
    ).toBe(403)
  })

  it('brings floating IPs among the addresses, at once or at the latest in a minute', async () => {
    const { id } = await compute.server({ networks: [{ uuid: compute.network({ name: 'pink' }) }] })
    const [port] = [...compute.peers.ports.values()].filter((each) => each.device_id === id)
    const shown = async () =>
      (await newest('GET', id)).body.server.addresses.pink.map((each: Record<string, unknown>) => [
        each.addr,
        each['OS-EXT-IPS:type'],
      ])
    const fixed = port!.fixed_ips[0]!.ip_address
    compute.peers.floating.push({
      id: 'f',
      port_id: port!.id,
      fixed_ip_address: fixed,
      floating_ip_address: '203.0.113.7',
    })
    await tell([{ name: 'network-changed', server_uuid: id }])
    expect(await shown()).toEqual([
      [fixed, 'fixed'],
      ['203.0.113.7', 'floating'],
    ])
    compute.peers.floating.length = 0
    await compute.world.advance(61_000)
    expect(await shown()).toEqual([[fixed, 'fixed']])
  })
})

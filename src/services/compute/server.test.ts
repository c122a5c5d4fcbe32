// Servers through the API from their making to their end, on hosts that answer in memory.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { projectId, type TestCompute, testCompute } from './test-compute.ts'
import { serverCalls } from './test-server.ts'

let compute: TestCompute
beforeAll(async () => {
  compute = await testCompute({ hosts: 2, config: { quotaInstances: -1, quotaCores: -1, quotaRam: -1 } })
})
afterAll(() => compute.stop())
const { create, show } = serverCalls(() => compute)

describe('a new server', () => {
  it('is also made at the old address for servers that boot from a volume', async () => {
    const server = {
      name: 'old',
      flavorRef: await compute.flavor(),
      imageRef: compute.image(),
      networks: 'none',
    }
    const answer = await compute.as('member', '2.37')('POST', '/v2.1/os-volumes_boot', { server })
    expect(answer.status).toBe(202)
    await compute.world.settle()
    const { body } = await compute.as('member')('GET', `/v2.1/os-volumes_boot/${answer.body.server.id}`)
    expect(body.server).toMatchObject({ name: 'old', status: 'ACTIVE' })
    await compute.as('member')('DELETE', `/v2.1/os-volumes_boot/${answer.body.server.id}`)
    await compute.world.settle()
  })

  it('is answered at once and becomes ACTIVE with its ports', async () => {
    const network = compute.network({ name: 'blue' })
    const answer = await create({
      name: 'hello',
      networks: [{ uuid: network }],
      security_groups: [{ name: 'web' }],
    })
    expect(answer.status).toBe(202)
    expect(Object.keys(answer.body.server).sort()).toEqual([
      'OS-DCF:diskConfig',
      'adminPass',
      'id',
      'links',
      'security_groups',
    ])
    const { id } = answer.body.server
    expect(await show(id)).toMatchObject({
      status: 'BUILD',
      'OS-EXT-STS:vm_state': 'building',
      addresses: {},
    })
    await compute.world.settle()
    const [port] = [...compute.peers.ports.values()].filter((each) => each.device_id === id)
    expect(port).toMatchObject({
      network_id: network,
      project_id: projectId,
      device_owner: 'compute:nova',
      security_groups: [compute.peers.groups[0]!.id],
    })
    expect(await show(id)).toMatchObject({
      status: 'ACTIVE',
      'OS-EXT-STS:power_state': 1,
      'OS-EXT-STS:task_state': null,
      'OS-EXT-AZ:availability_zone': 'nova',
      'OS-EXT-SRV-ATTR:hostname': 'hello',
      security_groups: [{ name: 'web' }],
      addresses: {
        blue: [
          {
            version: 4,
            addr: port!.fixed_ips[0]!.ip_address,
            'OS-EXT-IPS:type': 'fixed',
            'OS-EXT-IPS-MAC:mac_addr': port!.mac_address,
          },
        ],
      },
    })
    expect(compute.peers.consumers.get(id)?.resources).toEqual({ VCPU: 1, MEMORY_MB: 512, DISK_GB: 1 })
    const events = compute.bus.notifications.filter((each) => each.payload.instance_id === id)
    expect(events.map((each) => each.eventType)).toEqual([
      'compute.instance.create.start',
      'compute.instance.create.end',
    ])
  })

  it('shows its host and its name there to administrators alone', async () => {
    const { id } = await compute.server()
    expect(await show(id)).not.toHaveProperty('OS-EXT-SRV-ATTR:host')
    const seen = await show(id, '2.93', 'admin')
    expect(seen['OS-EXT-SRV-ATTR:host']).toMatch(/^node[12]$/)
    expect(seen['OS-EXT-SRV-ATTR:instance_name']).toMatch(/^instance-[0-9a-f]{8}$/)
    expect(seen.host_status).toBe('UP')
  })

  it('has the shape of each version', async () => {
    const { id } = await compute.server({ tags: ['a'], description: 'words' })
    const keys = async (version: string) => Object.keys(await show(id, version))
    expect(await keys('2.1')).not.toEqual(expect.arrayContaining(['locked']))
    expect(await keys('2.9')).toContain('locked')
    expect(await keys('2.18')).not.toContain('description')
    expect((await show(id, '2.19')).description).toBe('words')
    expect((await show(id, '2.26')).tags).toEqual(['a'])
    expect((await show(id, '2.46')).flavor).toHaveProperty('links')
    expect((await show(id, '2.47')).flavor).toMatchObject({
      vcpus: 1,
      ram: 512,
      disk: 1,
      swap: 0,
      extra_specs: {},
    })
    expect(await show(id, '2.63')).toHaveProperty('trusted_image_certificates', null)
    expect(await show(id, '2.71')).toHaveProperty('server_groups', [])
    expect(await show(id, '2.73')).toHaveProperty('locked_reason', null)
    expect(await keys('2.89')).not.toContain('OS-EXT-SRV-ATTR:hostname')
    expect(await keys('2.90')).toContain('OS-EXT-SRV-ATTR:hostname')
  })

  it('lands on the host that an administrator names (row 90)', async () => {
    for (const name of ['node1', 'node2']) {
      const { id } = await compute.server({ availability_zone: `nova:${name}` }, 'admin')
      expect((await show(id, '2.93', 'admin'))['OS-EXT-SRV-ATTR:host']).toBe(name)
    }
    const other = await create({ availability_zone: 'nova:node9' }, 'admin')
    expect(other).toMatchObject({
      status: 400,
      body: { badRequest: { message: 'Compute host node9 could not be found.' } },
    })
    expect((await create({ availability_zone: 'nova:node1' })).status).toBe(403)
    expect((await create({ availability_zone: 'elsewhere' })).body.badRequest.message).toBe(
      'The requested availability zone is not available',
    )
  })

  it('comes in numbers, with a reservation', async () => {
    const answer = await create({ name: 'many', min_count: 2, max_count: 3, return_reservation_id: true })
    expect(answer.body.reservation_id).toMatch(/^r-[a-z0-9]{8}$/)
    await compute.world.settle()
    const list = await compute.call(
      'GET',
      `/v2.1/servers/detail?reservation_id=${answer.body.reservation_id}`,
    )
    expect(
      list.body.servers.map((each: { name: string; status: string }) => [each.name, each.status]),
    ).toEqual([
      ['many-3', 'ACTIVE'],
      ['many-2', 'ACTIVE'],
      ['many-1', 'ACTIVE'],
    ])
  })

  it('takes a port of the user, and gives it back', async () => {
    const network = compute.network()
    const port = {
      id: compute.world.random.uuid(),
      network_id: network,
      project_id: projectId,
      device_id: '',
      device_owner: '',
      status: 'DOWN',
      mac_address: 'fa:16:3e:11:11:11',
      fixed_ips: [{ subnet_id: 's', ip_address: '10.9.9.9' }],
      security_groups: [],
      'binding:host_id': '',
      'binding:profile': {},
    }
    compute.peers.ports.set(port.id, port)
    const { id } = await compute.server({ networks: [{ port: port.id }] })
    expect(port.device_id).toBe(id)
    expect((await create({ networks: [{ port: port.id }] })).body.conflictingRequest.message).toBe(
      `Port ${port.id} is still in use.`,
    )
    expect((await compute.call('DELETE', `/v2.1/servers/${id}`)).status).toBe(204)
    await compute.world.settle()
    expect(compute.peers.ports.get(port.id)).toMatchObject({
      device_id: '',
      device_owner: '',
      'binding:host_id': '',
    })
  })

  it.each<[object, string]>([
    [{ name: '' }, '2.93'],
    [{ name: 'n'.repeat(256) }, '2.93'],
    [{ flavorRef: 'none' }, '2.93'],
    [{ imageRef: '9f0e3b0a-6d67-4b5f-8a38-111111111111' }, '2.93'],
    [{ imageRef: 'no-uuid' }, '2.93'],
    [{ imageRef: '' }, '2.93'],
    [{ key_name: 'none' }, '2.93'],
    [{ networks: undefined }, '2.37'],
    [{ networks: 'auto' }, '2.36'],
    [{ networks: [{ uuid: '9f0e3b0a-6d67-4b5f-8a38-111111111111' }] }, '2.93'],
    [{ networks: [{ uuid: 'x' }] }, '2.93'],
    [{ metadata: { key: 1 } }, '2.93'],
    [{ metadata: { ['k'.repeat(256)]: 'v' } }, '2.93'],
    [{ user_data: '!!!' }, '2.93'],
    [{ min_count: 3, max_count: 2 }, '2.93'],
    [{ min_count: 0 }, '2.93'],
    [{ personality: [] }, '2.57'],
    [{ networks: undefined, personality: [{ path: '/a', contents: 'not encoded.' }] }, '2.1'],
    [{ tags: ['a'] }, '2.51'],
    [{ hostname: 'h1' }, '2.89'],
    [{ hostname: 'a.b' }, '2.93'],
    [{ unknown: 1 }, '2.93'],
    [{ security_groups: [{ name: 'none' }] }, '2.93'],
    [{ accessIPv4: 'fe80::1' }, '2.93'],
    [{ availability_zone: 'a:b:c:d' }, '2.93'],
    [
      { block_device_mapping_v2: [{ source_type: 'blank', destination_type: 'volume', boot_index: 0 }] },
      '2.93',
    ],
  ])('is refused with %j at %s', async (wrong, version) => {
    const answer = await create(wrong, 'admin', version)
    expect([answer.status, Object.keys(answer.body)]).toEqual([400, ['badRequest']])
  })

  it('needs room in its flavor for its image', async () => {
    const message = async (image: Record<string, unknown>) =>
      (await create({ imageRef: compute.image(image) })).body.badRequest?.message
    expect(await message({ min_ram: 4096 })).toBe("Flavor's memory is too small for requested image.")
    expect(await message({ min_disk: 10 })).toContain('Flavor disk is 1 GiB, minimum is 10 GiB')
    expect(await message({ size: 2 ** 33 })).toContain("Flavor's disk is too small")
    expect(await message({ status: 'queued' })).toContain('is not active')
  })

  it('is not for readers, strangers to the project, or without a token', async () => {
    expect((await create({}, 'reader')).status).toBe(403)
    expect((await create({}, 'unknown')).status).toBe(401)
    const { id } = await compute.server()
    expect((await compute.as('stranger')('GET', `/v2.1/servers/${id}`)).body.itemNotFound.message).toBe(
      `Instance ${id} could not be found.`,
    )
    expect((await compute.as('stranger')('DELETE', `/v2.1/servers/${id}`)).status).toBe(404)
    expect((await compute.as('reader')('GET', `/v2.1/servers/${id}`)).status).toBe(200)
    expect((await compute.as('reader')('DELETE', `/v2.1/servers/${id}`)).status).toBe(403)
  })
})

describe('where a build fails', () => {
  it('goes to another host', async () => {
    const [node1, node2] = await Promise.all([compute.host('left'), compute.host('right')])
    for (const host of [node1, node2]) host.failBuilds.push('The disk is full')
    const flavor = await compute.flavor({ ram: 700 })
    const { id } = await compute.server({ flavorRef: flavor, networks: [{ uuid: compute.network() }] })
    const seen = await show(id, '2.93', 'admin')
    expect(seen.status).toBe('ACTIVE')
    const tried = compute.bus.sent.filter(
      (each) => each.method === 'compute.build' && each.params.serverId === id,
    )
    const host = seen['OS-EXT-SRV-ATTR:host']
    expect(tried.at(-1)!.host).toBe(host)
    const ports = [...compute.peers.ports.values()].filter((each) => each.device_id === id)
    expect(ports.map((each) => each['binding:host_id'])).toEqual([host])
    for (const each of [node1, node2]) each.failBuilds.length = 0
    await node1.stop()
    await node2.stop()
  })

  it('ends in ERROR with a fault that tells why, and leaves nothing', async () => {
    const answer = await create({
      flavorRef: await compute.flavor({ ram: 10_000_000 }),
      networks: [{ uuid: compute.network() }],
    })
    const { id } = answer.body.server
    await compute.world.settle()
    expect(await show(id)).toMatchObject({
      status: 'ERROR',
      fault: { code: 500, message: 'No valid host was found. There are not enough hosts available.' },
    })
    expect([...compute.peers.ports.values()].filter((each) => each.device_id === id)).toEqual([])
    expect(compute.peers.consumers.has(id)).toBe(false)
    const actions = await compute.call('GET', `/v2.1/servers/${id}/os-instance-actions`)
    expect(actions.body.instanceActions).toMatchObject([{ action: 'create', message: 'Error' }])
  })

  it('gives up after three hosts, and tells the last error', async () => {
    const only = await testCompute({ hosts: 1 })
    const host = await only.host('bad')
    host.failBuilds.push('No such CPU', 'No such CPU')
    const { id } = await only.server({ availability_zone: 'nova:bad' }, 'admin')
    const { body } = await only.as('admin', '2.93')('GET', `/v2.1/servers/${id}`)
    expect(body.server.status).toBe('ERROR')
    expect(body.server.fault.message).toContain('Last error: No such CPU')
    expect(host.guests.size).toBe(0)
    expect(only.peers.consumers.size).toBe(0)
    await only.stop()
  })
})

describe('deletion', () => {
  it('leaves nothing behind', async () => {
    const { id } = await compute.server({ networks: [{ uuid: compute.network() }] })
    expect((await compute.call('DELETE', `/v2.1/servers/${id}`)).status).toBe(204)
    expect((await compute.call('DELETE', `/v2.1/servers/${id}`)).status).toBe(204)
    await compute.world.settle()
    expect((await compute.call('GET', `/v2.1/servers/${id}`)).status).toBe(404)
    expect((await compute.call('DELETE', `/v2.1/servers/${id}`)).status).toBe(404)
    expect([...compute.peers.ports.values()].filter((each) => each.device_id === id)).toEqual([])
    expect(compute.peers.consumers.has(id)).toBe(false)
    const deleted = await compute.as('member', '2.93')(
      'GET',
      '/v2.1/servers/detail?changes-since=2020-01-01T00:00:00Z',
    )
    expect(deleted.body.servers.find((each: { id: string }) => each.id === id)).toMatchObject({
      status: 'DELETED',
    })
    expect(
      (await compute.as('member', '2.21')('GET', `/v2.1/servers/${id}/os-instance-actions`)).body
        .instanceActions[0].action,
    ).toBe('delete')
  })

  it('stops a build that is under way', async () => {
    const before = { ports: compute.peers.ports.size, consumers: compute.peers.consumers.size }
    const answer = await create({ networks: [{ uuid: compute.network() }] })
    const { id } = answer.body.server
    await compute.world.advance(2)
    expect((await compute.call('DELETE', `/v2.1/servers/${id}`)).status).toBe(204)
    await compute.world.settle()
    expect((await compute.call('GET', `/v2.1/servers/${id}`)).status).toBe(404)
    expect({ ports: compute.peers.ports.size, consumers: compute.peers.consumers.size }).toEqual(before)
  })

  it('does not wait for a host that is down', async () => {
    const host = await compute.host('doomed')
    const { id } = await compute.server({ availability_zone: 'nova:doomed' }, 'admin')
    await host.stop()
    await compute.as('admin')('DELETE', `/v2.1/servers/${id}`)
    await compute.world.settle()
    expect((await compute.as('admin')('GET', `/v2.1/servers/${id}`)).status).toBe(404)
    expect(compute.peers.consumers.has(id)).toBe(false)
  })
})

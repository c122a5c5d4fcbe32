import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createQcow2 } from '#kit/qcow2/create.ts'
import { clientEnv, runClient } from './client-fork.ts'
import { type LiveCloud, prepareLiveCloud, succeeded, until, world } from './live-cloud.ts'

type Row = Record<string, string>
type Named = { id: string; name: string }

/** The tests are one story: each goes on from where the one before it ended. */
describe('the stock openstack client, from an empty cloud on', () => {
  let cloud: LiveCloud
  beforeAll(async () => {
    cloud = await prepareLiveCloud('cli', 'sim')
    succeeded(await cloud.up('--hosts', '2', '--empty'))
  }, 120_000)
  afterAll(() => cloud?.destroy(), 60_000)

  const json = <T = Row[]>(...args: string[]) => cloud.json<T>('admin', ...args)
  const text = (...args: string[]) => cloud.text('admin', ...args)
  const nameOf = (rows: Row[]) => rows.map((row) => row.Name).sort()
  const serverIs = (name: string, wanted: string) =>
    until(`server ${name} is ${wanted}`, async () => {
      const shown = await json<Row>('server', 'show', name)
      if (shown.status === 'ERROR' && wanted !== 'ERROR')
        throw new Error(`${name}: ${JSON.stringify(shown.fault)}`)
      return shown.status === wanted ? shown : undefined
    })

  test('logs in and reads the catalog, projects and users', async () => {
    const token = await json<Row>('token', 'issue')
    expect(token.id).toMatch(/^gAAAAA[\w-]{50,}$/)
    expect(token.project_id).toMatch(/^[0-9a-f]{32}$/)

    const catalog = await json('catalog', 'list')
    expect(catalog.map((row) => row.Type).sort()).toEqual(
      expect.arrayContaining([
        'block-storage',
        'compute',
        'identity',
        'image',
        'network',
        'placement',
        'volumev3',
      ]),
    )
    const keystone = await json<{ type: string; endpoints: { interface: string; url: string }[] }>(
      'catalog',
      'show',
      'keystone',
    )
    expect(keystone.type).toBe('identity')
    expect(keystone.endpoints.map((each) => each.interface).sort()).toEqual(['admin', 'internal', 'public'])
    expect(new Set(keystone.endpoints.map((each) => each.url))).toEqual(
      new Set([`http://127.0.0.1:${cloud.portBase}/v3`]),
    )

    const projects = await json('project', 'list', '--long')
    expect(nameOf(projects)).toEqual(['admin', 'demo', 'service'])
    expect(projects.every((row) => row['Domain ID'] === 'default' && String(row.Enabled) === 'true')).toBe(
      true,
    )
    const users = await json('user', 'list', '--long')
    expect(nameOf(users)).toEqual(['admin', 'cinder', 'demo', 'glance', 'neutron', 'nova', 'placement'])
  })

  test.each([
    ['an answer', ['volume', 'type', 'list']],
    ['an error of the API', ['server', 'show', 'nothing']],
    ['a wrong use', ['server', 'create', '--flavor']],
  ])(
    'says the same from a start of its own as from a fork, which is how these tests run it: %s',
    async (_, words) => {
      const env = { ...clientEnv(), ...(await cloud.login('admin')) }
      const started = await world.processes.run('/usr/bin/openstack', words, { env, timeoutMs: 60_000 })
      expect(await runClient('openstack', words, { env, timeoutMs: 60_000 })).toEqual(started)
    },
  )

  test('uploads an image and downloads it byte for byte (rows 129-131)', async () => {
    const bytes = Buffer.concat([createQcow2({ virtualSize: 2 ** 30 }), Buffer.alloc(3 * 65_536, 'nimbo ')])
    const file = `${cloud.folder}/cirros.qcow2`
    writeFileSync(file, bytes)
    const made = await json<Row>(
      ...['image', 'create', '--disk-format', 'qcow2', '--container-format', 'bare'],
      ...['--public', '--file', file, 'cirros'],
    )
    expect(made.visibility).toBe('public')
    const shown = await json<Row>('image', 'show', 'cirros')
    expect(shown).toMatchObject({
      status: 'active',
      disk_format: 'qcow2',
      size: bytes.length,
      checksum: createHash('md5').update(bytes).digest('hex'),
    })
    const listed = await json('image', 'list')
    expect(listed).toEqual([{ ID: made.id, Name: 'cirros', Status: 'active' }])

    await text('image', 'save', '--file', `${cloud.folder}/saved`, 'cirros')
    expect(readFileSync(`${cloud.folder}/saved`).equals(bytes)).toBe(true)
    const progress = await cloud.text(
      'admin',
      ...['glance', 'image-download', '--file', `${cloud.folder}/glance`, '--progress', made.id!],
    )
    expect(readFileSync(`${cloud.folder}/glance`).equals(bytes)).toBe(true)
    expect(progress).toBeDefined()
  })

  test('makes flavors (row 100), a key pair and security group rules (row 158)', async () => {
    await text('flavor', 'delete', 'm1.nano')
    const flavor = await json<Row>(
      ...['flavor', 'create', '--id', '0', '--vcpus', '1', '--ram', '64', '--disk', '1', 'm1.nano'],
    )
    expect(flavor).toMatchObject({ id: '0', name: 'm1.nano', ram: 64, vcpus: 1, disk: 1 })
    expect(nameOf(await json('flavor', 'list'))).toContain('m1.nano')

    const secret = await text('keypair', 'create', 'linuxtec')
    expect(secret).toMatch(/^-----BEGIN [A-Z ]*PRIVATE KEY-----/)
    expect((await json('keypair', 'list')).map((row) => row.Name)).toEqual(['linuxtec'])

    await text('security', 'group', 'create', 'NonProd_SG')
    await text(
      ...['security', 'group', 'rule', 'create', '--protocol', 'tcp', '--dst-port', '22'],
      ...['--remote-ip', '0.0.0.0/0', 'NonProd_SG'],
    )
    await text('security', 'group', 'rule', 'create', '--protocol', 'icmp', 'NonProd_SG')
    await text(
      ...['neutron', 'security-group-rule-create', '--protocol', 'udp', '--port-range-min', '53'],
      ...[
        '--port-range-max',
        '54',
        '--direction',
        'egress',
        '--remote-ip-prefix',
        '10.0.0.0/8',
        'NonProd_SG',
      ],
    )
    const rules = await json('security', 'group', 'rule', 'list', 'NonProd_SG', '--long')
    const told = rules.map((row) => `${row.Direction} ${row['IP Protocol']} ${row['Port Range']}`)
    expect(told).toEqual(expect.arrayContaining(['ingress tcp 22:22', 'ingress icmp ', 'egress udp 53:54']))
  })

  test('wires a network, a router, an external network and a floating IP (rows 157, 159)', async () => {
    await text(
      ...['network', 'create', '--external', '--provider-network-type', 'flat'],
      ...['--provider-physical-network', 'physnet1', 'public'],
    )
    await text(
      ...[
        'subnet',
        'create',
        '--network',
        'public',
        '--subnet-range',
        '172.24.4.0/24',
        '--gateway',
        '172.24.4.1',
      ],
      ...['--allocation-pool', 'start=172.24.4.10,end=172.24.4.200', '--no-dhcp', 'public-subnet'],
    )
    const network = await json<Row>('network', 'create', 'private')
    expect(network).toMatchObject({ name: 'private', mtu: 1450, 'provider:network_type': 'vxlan' })
    const subnet = await json<Row>(
      ...['subnet', 'create', '--network', 'private', '--subnet-range', '10.0.0.64/26'],
      ...[
        '--allocation-pool',
        'start=10.0.0.70,end=10.0.0.80',
        '--allocation-pool',
        'start=10.0.0.90,end=10.0.0.99',
      ],
      ...['--gateway', '10.0.0.126', 'private-subnet'],
    )
    expect(subnet.allocation_pools).toHaveLength(2)
    await text('router', 'create', 'router')
    await text('router', 'set', '--external-gateway', 'public', 'router')
    await text('router', 'add', 'subnet', 'router', 'private-subnet')
    const router = await json<Row>('router', 'show', 'router')
    expect(router.external_gateway_info).toMatchObject({ enable_snat: true })

    await text('floating', 'ip', 'create', 'public')
    const floating = await json<(Row & { 'Fixed IP Address': null })[]>('floating', 'ip', 'list')
    expect(floating).toHaveLength(1)
    expect(floating[0]).toMatchObject({ 'Fixed IP Address': null, Port: null })
    expect(await text('floating', 'ip', 'list')).toMatch(/\| None +\| None/)
    const csv = await text(
      ...[
        'neutron',
        'port-list',
        '-c',
        'network_id',
        '-c',
        'device_owner',
        '-c',
        'mac_address',
        '-c',
        'fixed_ips',
      ],
      ...['-f', 'csv'],
    )
    expect(csv).toMatch(
      new RegExp(`"${network.id}","network:router_interface","fa:16:3e:[0-9a-f:]{8}",.*10\\.0\\.0\\.126`),
    )
  })

  test('makes a volume', async () => {
    const made = await json<Row>('volume', 'create', '--size', '1', 'data')
    expect(made).toMatchObject({ name: 'data', size: 1 })
    await until('the volume is available', async () => {
      const shown = await json<Row>('volume', 'show', 'data')
      return shown.status === 'available'
    })
    const properties = async () => (await json<Row>('volume', 'show', 'data')).properties
    await text('volume', 'set', '--read-only', 'data')
    expect(await properties()).toEqual({ readonly: 'True' })
    await text('volume', 'set', '--read-write', 'data')
    expect(await properties()).toEqual({})
  })

  test('creates a server as in row 88', async () => {
    const net = (await json<Row>('network', 'show', 'private')).id!
    const made = await json<Row>(
      ...['server', 'create', '--flavor', 'm1.tiny', '--image', 'cirros', '--nic', `net-id=${net}`],
      ...['--security-group', 'NonProd_SG', '--key-name', 'linuxtec', 'web'],
    )
    // The client looks a second time before it shows it.
    expect(made).toMatchObject({
      name: 'web',
      status: expect.stringMatching(/^(BUILD|ACTIVE)$/),
      key_name: 'linuxtec',
    })
    const active = await serverIs('web', 'ACTIVE')
    expect(active).toMatchObject({
      'OS-EXT-STS:vm_state': 'active',
      'OS-EXT-STS:power_state': 1,
      'OS-EXT-SRV-ATTR:instance_name': expect.stringMatching(/^instance-[0-9a-f]{8}$/),
      security_groups: [{ name: 'NonProd_SG' }],
      addresses: { private: [expect.stringMatching(/^10\.0\.0\.(7\d|80|9\d)$/)] },
    })
  })

  /** Where web is, and the other host. */
  let [taken, free] = ['node1', 'node2']

  test('places a server on zone:host as admin, and says clearly why a wrong host is refused (row 90)', async () => {
    // As in Nova, a host with servers in it can't change its zone.
    const web = await json<Record<string, string>>('server', 'show', 'web')
    if (web['OS-EXT-SRV-ATTR:host'] === 'node2') [taken, free] = ['node2', 'node1']
    await text('aggregate', 'create', '--zone', 'NonProduction', 'nonprod')
    await text('aggregate', 'add', 'host', 'nonprod', free)
    const net = (await json<Row>('network', 'show', 'private')).id!
    const create = (zone: string, name: string) => [
      ...['server', 'create', '--flavor', 'm1.tiny', '--image', 'cirros', '--security-group', 'NonProd_SG'],
      ...['--key-name', 'linuxtec', '--nic', `net-id=${net}`, '--availability-zone', zone, name],
    ]
    const sneaky = [
      ...['--os-compute-api-version', '2.37', 'server', 'create', '--flavor', 'm1.tiny', '--image', 'cirros'],
      ...['--nic', 'none', '--availability-zone', `NonProduction:${free}`, 'sneaky'],
    ]
    const [placed, wrong, member] = await Promise.all([
      json<Row>(...create(`NonProduction:${free}`, 'nonprod_testvm'), '--wait'),
      cloud.ask('admin', ...create('NonProduction:nowhere', 'lost')),
      cloud.ask('demo', ...sneaky),
    ])
    expect(placed).toMatchObject({
      status: 'ACTIVE',
      'OS-EXT-SRV-ATTR:host': free,
      'OS-EXT-AZ:availability_zone': 'NonProduction',
    })
    const words = wrong.code === 0 ? JSON.stringify((await serverIs('lost', 'ERROR')).fault) : wrong.stderr
    expect(words).toMatch(/No valid host|nowhere/)
    if (wrong.code === 0) await text('server', 'delete', '--wait', 'lost')
    expect(member.code).not.toBe(0)
    expect(member.stderr).toMatch(/403|Policy doesn't allow|disallowed/i)
  })

  test('lists all servers with their hosts (row 91)', async () => {
    const listed = await json('server', 'list', '--all-projects', '--long', '-c', 'Name', '-c', 'Host')
    expect(listed.map((row) => row.Name).sort()).toEqual(['nonprod_testvm', 'web'])
    for (const row of listed) expect(row.Host).toMatch(/^node[12]$/)
    expect((await cloud.json<Row[]>('demo', 'server', 'list')).length).toBe(0)
  })

  test('gives a server a floating IP and a volume', async () => {
    const [floating] = await json('floating', 'ip', 'list')
    await text('server', 'add', 'floating', 'ip', 'web', floating!['Floating IP Address']!)
    const web = await json<{ addresses: Record<string, string[]> }>('server', 'show', 'web')
    expect(web.addresses.private).toContain(floating!['Floating IP Address'])

    await text('server', 'add', 'volume', 'web', 'data')
    const volume = await until('the volume is in use', async () => {
      const shown = await json<{ status: string; attachments: { server_id: string; device: string }[] }>(
        ...['volume', 'show', 'data'],
      )
      return shown.status === 'in-use' && shown
    })
    expect(volume.attachments[0]!.device).toBe('/dev/vdb')
    expect((await json<Row>('volume', 'show', 'data')).properties).toEqual({ attached_mode: 'rw' })
    await text('server', 'remove', 'volume', 'web', 'data')
    await until('the volume is free again', async () => {
      return (await json<Row>('volume', 'show', 'data')).status === 'available'
    })
    await text('server', 'add', 'volume', 'web', 'data')
  })

  test('shows the console log and a console’s address', async () => {
    await until('the guest is up', async () =>
      /web login:|login: *$/m.test(await text('console', 'log', 'show', 'web')),
    )
    const url = await json<{ type: string; url: string }>('console', 'url', 'show', '--novnc', 'web')
    expect(url.type).toBe('novnc')
    expect(url.url).toMatch(/\/vnc_auto\.html\?path=.*token/)
    const page = await fetch(url.url)
    expect(page.status).toBe(200)
    expect(await page.text()).toContain('<main id="screen">')
  })

  test('reboots, stops and starts a server', async () => {
    // Whoever waits looks every five seconds.
    await Promise.all([
      text('server', 'reboot', '--wait', 'web'),
      text('server', 'reboot', '--hard', '--wait', 'nonprod_testvm'),
    ])
    for (const name of ['web', 'nonprod_testvm'])
      expect(await serverIs(name, 'ACTIVE')).toMatchObject({ 'OS-EXT-STS:power_state': 1 })
    // After that: a guest that has just started is deaf to its power button, which is pressed again ten seconds later.
    await text('server', 'stop', 'web')
    expect(await serverIs('web', 'SHUTOFF')).toMatchObject({ 'OS-EXT-STS:power_state': 4 })
    await text('server', 'start', 'web')
    await serverIs('web', 'ACTIVE')
    const actions = await json('server', 'event', 'list', 'web')
    expect(actions.map((row) => row.Action).sort()).toEqual(
      expect.arrayContaining(['attach_volume', 'create', 'reboot', 'start', 'stop']),
    )
  })

  test('lists agents (row 163), services, hypervisors and ports', async () => {
    const agents = await json<Record<string, unknown>[]>(
      ...['network', 'agent', 'list', '-c', 'Agent Type', '-c', 'Host', '-c', 'Alive', '-c', 'State'],
    )
    expect(agents.map((row) => row['Agent Type'])).toContain('Open vSwitch agent')
    expect(new Set(agents.map((row) => row.Host))).toEqual(new Set(['node1', 'node2']))
    expect(agents.every((row) => row.Alive === true && row.State === true)).toBe(true)
    const services = await json('compute', 'service', 'list')
    expect(
      services.filter((row) => row.Binary === 'nova-compute').map((row) => [row.Host, row.State, row.Zone]),
    ).toEqual(
      expect.arrayContaining([
        [taken, 'up', 'nova'],
        [free, 'up', 'NonProduction'],
      ]),
    )
    expect((await json('hypervisor', 'list')).map((row) => row['Hypervisor Hostname']).sort()).toEqual([
      'node1',
      'node2',
    ])
    const web = await json<Row>('server', 'show', 'web')
    const ports = await json<Record<string, unknown>[]>('port', 'list', '--server', web.id!)
    expect(ports).toHaveLength(1)
    expect(ports[0]).toMatchObject({ Status: 'ACTIVE', 'MAC Address': expect.stringMatching(/^fa:16:3e:/) })
  })

  test('explains the boot, none of its steps missing', async () => {
    const traced = await cloud.nimbo('trace', 'server', 'web', '--json')
    const { phases } = JSON.parse(succeeded(traced).stdout) as {
      phases: { steps: { number: number; missing?: true; outcome?: string }[] }[]
    }
    const steps = phases.flatMap((phase) => phase.steps)
    expect(phases).toHaveLength(4)
    expect(steps.map((step) => step.number)).toEqual(Array.from({ length: 29 }, (_, index) => index + 1))
    expect(steps.filter((step) => step.missing || step.outcome === 'error')).toEqual([])
  })

  test('deletes everything again', async () => {
    const [floating] = await json('floating', 'ip', 'list')
    await text('floating', 'ip', 'delete', floating!.ID!)
    await Promise.all(['web', 'nonprod_testvm'].map((name) => text('server', 'delete', '--wait', name)))
    expect(await json('server', 'list', '--all-projects')).toEqual([])
    await until(
      'the volume is free',
      async () => (await json<Row>('volume', 'show', 'data')).status === 'available',
    )
    await text('volume', 'delete', 'data')
    await text('router', 'remove', 'subnet', 'router', 'private-subnet')
    await text('router', 'delete', 'router')
    await text('network', 'delete', 'private', 'public')
    await text('security', 'group', 'delete', 'NonProd_SG')
    await text('aggregate', 'remove', 'host', 'nonprod', free)
    await text('aggregate', 'delete', 'nonprod')
    await text('keypair', 'delete', 'linuxtec')
    await text('image', 'delete', 'cirros')

    expect(await json('port', 'list')).toEqual([])
    expect(await json('network', 'list')).toEqual([])
    expect(await json('image', 'list')).toEqual([])
    await until('the volume is gone', async () => (await json('volume', 'list')).length === 0)
    const admin = await cloud.session('admin')
    const { resource_providers: providers } = await admin.call<{
      resource_providers: (Named & { uuid: string })[]
    }>('placement', { path: '/resource_providers' })
    for (const { uuid } of providers) {
      const { usages } = await admin.call<{ usages: Record<string, number> }>('placement', {
        path: `/resource_providers/${uuid}/usages`,
      })
      expect(Object.values(usages).every((used) => used === 0)).toBe(true)
    }
  })
})

// A host joins a cloud whose bus is a RabbitMQ: it gets a user of its own there, which reaches its own queues alone, and
// leaves nothing behind. The host is simulated, so that one machine can be both.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readMember } from '#main/member.ts'
import { addressesOf } from '#main/public-cidr.ts'
import {
  type LiveCloud,
  prepareLiveCloud,
  type Said,
  succeeded,
  until,
  world,
} from '#test/interop/live-cloud.ts'
import { type RabbitCluster, rabbitCluster } from './rabbit-cluster.ts'

type Permission = { user: string; vhost: string; configure: string; write: string; read: string }

describe('a host that joins a cloud on a RabbitMQ', () => {
  let cluster: RabbitCluster
  let cloud: LiveCloud
  let joined: string
  const nimbo = async (root: string, ...args: string[]): Promise<Said> => {
    const { PATH = '', HOME = '/root' } = process.env
    const ran = await world.processes.run(
      new URL('../../nimbo', import.meta.url).pathname,
      [...args, '--data', root],
      {
        env: { PATH, HOME, NO_COLOR: '1' },
        timeoutMs: 120_000,
      },
    )
    return { ...ran, line: `nimbo ${args.join(' ')}` }
  }
  const ownAddress = async () => {
    const { stdout } = await world.processes.run('ip', ['-j', '-4', 'address', 'show', 'scope', 'global'])
    return addressesOf(stdout).find((each) => !each.startsWith('172.') && !each.startsWith('10.187.0.'))!
  }
  beforeAll(async () => {
    expect(process.getuid?.(), 'namespaces need root').toBe(0)
    cluster = await rabbitCluster('nbhj', '10.187.0', 1)
    cloud = await prepareLiveCloud('ha-join', 'sim')
    joined = `${cloud.folder}/joined`
    const at = (port: number) => `${cluster.user}:${cluster.password}@${cluster.nodes[0]!.address}:${port}`
    await world.files.makeFolder(cloud.root, { mode: 0o711 })
    await world.files.write(
      `${cloud.root}/nimbo.yaml`,
      [
        'cloud:',
        '  data_plane: sim',
        '  hosts: 1',
        `  port_base: ${cloud.portBase}`,
        `  transport_url: 'rabbit://${at(5672)}/'`,
        `  transport_management_url: 'http://${at(15_672)}'`,
        '',
      ].join('\n'),
    )
    succeeded(await cloud.up('--empty', '--listen', '0.0.0.0', '--public-host', await ownAddress()))
  }, 600_000)
  afterAll(async () => {
    if (joined && (await world.files.exists(`${joined}/.nimbo-cloud`)))
      succeeded(await nimbo(joined, 'destroy', '--yes', '--force'))
    await cloud?.destroy()
    await cluster?.destroy()
  }, 120_000)

  test('is up with all its services, by the line that the controller printed', async () => {
    const said = succeeded(await cloud.nimbo('token', 'create', '--json')).stdout
    const [, ...words] = (JSON.parse(said) as { command: string }).command.split(' ')
    succeeded(await nimbo(joined, ...words, '--name', 'second'))
    expect((await cloud.nimbo('host', 'list')).stdout).toMatch(/second .* up +enabled +0 +6\/6/)
  })

  test('has a user of its own there, for its own queues, and no password of anybody else', async () => {
    const { bus, transport } = (await readMember(world, joined))!
    expect(bus.user).toBe('agent@second')
    expect(transport).toMatchObject({
      addresses: [{ host: cluster.nodes[0]!.address, port: 5672 }],
      vhost: '/',
    })
    const { stdout } = await world.processes.run('grep', ['-r', '', joined])
    expect(stdout).not.toContain(cluster.password)
    const given = await cluster.ask<Permission[]>('users/agent%40second/permissions')
    expect(given).toHaveLength(1)
    for (const pattern of [given[0]!.configure, given[0]!.read]) {
      expect('compute.second').toMatch(new RegExp(pattern))
      expect('compute.node1').not.toMatch(new RegExp(pattern))
    }
    expect((await cluster.ask<{ tags: unknown }>('users/agent%40second')).tags).toEqual([])
  })

  test('runs servers', async () => {
    const image = `${cloud.folder}/blank`
    await world.files.write(image, Buffer.alloc(1024 * 1024))
    const raw = ['--disk-format', 'raw', '--container-format', 'bare']
    await cloud.text('admin', 'image', 'create', '--file', image, ...raw, 'blank')
    await cloud.script('admin', [
      'flavor create --ram 64 --disk 1 --vcpus 1 small',
      'network create private',
      'subnet create --network private --subnet-range 10.7.0.0/24 s',
    ])
    const where = ['--availability-zone', 'nova:second', '--network', 'private', '--wait', 's']
    const what = ['--image', 'blank', '--flavor', 'small', ...where]
    const server = await cloud.json('admin', 'server', 'create', ...what)
    expect(server).toMatchObject({ status: 'ACTIVE', 'OS-EXT-SRV-ATTR:host': 'second' })
    await cloud.text('admin', 'server', 'delete', '--wait', 's')
  })

  test('leaves neither user nor queue behind', async () => {
    const names = async (kind: 'queues' | 'users') =>
      (await cluster.ask<{ name: string }[]>(kind)).map(({ name }) => name)
    expect(await names('queues')).toContain('compute.second')
    succeeded(await cloud.nimbo('host', 'remove', 'second'))
    expect(await names('users')).not.toContain('agent@second')
    await until('its queues are gone', async () =>
      (await names('queues')).every((name) => !name.includes('second')),
    )
    expect((await cloud.nimbo('host', 'list')).stdout).not.toContain('second')
    succeeded(await nimbo(joined, 'destroy', '--yes', '--force'))
  })
})

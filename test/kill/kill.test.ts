import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Session } from '#cli/openstack.ts'
import { type LiveCloud, prepareLiveCloud, succeeded, until, world } from '#test/interop/live-cloud.ts'
import { bootText, talkingDisk } from '#test/real/boot-image.ts'
import { describePoint, type KillPoint, openRounds, type Role } from './kill-round.ts'
import { heldByHost, heldByServices, mentions } from './leftover.ts'

const controller: readonly Role[] = ['controller']
const agent: readonly Role[] = ['agent']
const both: readonly Role[] = ['controller', 'agent']
const boot = (kill: readonly Role[], at: KillPoint['at']): KillPoint => ({ kill, during: 'boot', at })
const deletion = (kill: readonly Role[], ms: number): KillPoint => ({ kill, during: 'delete', at: { ms } })
const guestFile = (name: string) => ({ file: (id: string) => `instances/${id}/${name}` })

/** Alternately, so that each supervised process has lived for a while when its turn comes. */
const points: KillPoint[] = alternate(
  [
    // Each step of the task as the journal tells of it, the API's row before and the host's first words after.
    ...[
      'server.insert',
      'server-create.select',
      'server.host',
      'server-create.ports',
      'server-create.volumes',
      'server-create.build',
      'server.lookup',
      'server-create.settle',
    ].map((event) => boot(controller, { event })),
    ...[0, 3, 10, 20, 40, 80, 150, 300, 500, 800].map((ms) => boot(controller, { ms })),
    ...[0, 10, 50, 200].map((ms) => deletion(controller, ms)),
  ],
  [
    // Each thing that the host makes, when it is there.
    ...['guest.json', 'disk', 'disk.config', 'disk.info', 'libvirt.xml', 'console.log', 'pid'].map((name) =>
      boot(agent, guestFile(name)),
    ),
    boot(agent, { file: (id) => `run/guests/${id}/qmp.sock` }),
    ...[0, 30, 80, 120, 160, 200, 250, 300, 400, 600].map((ms) => boot(agent, { ms })),
    ...[0, 10, 50, 200].map((ms) => deletion(agent, ms)),
  ],
  [
    ...[50, 150, 300, 600].map((ms) => boot(both, { ms })),
    boot(both, guestFile('disk')),
    boot(both, { event: 'server-create.build' }),
    deletion(both, 30),
    deletion(both, 150),
  ],
)

describe('a cloud whose processes are killed', () => {
  let cloud: LiveCloud
  let admin: Session
  let networkId: string
  let held: string[]
  /** How each server ended: 'ACTIVE', or the point and the fault. */
  const ends: string[] = []
  let round: (point: KillPoint) => Promise<{ serverId?: string; ended: string; fault?: string }>

  beforeAll(async () => {
    expect(process.getuid?.(), 'real guests need root').toBe(0)
    cloud = await prepareLiveCloud('kill', 'real')
    succeeded(await cloud.up('--empty'))
    admin = await cloud.session('admin')
    const image = await admin.call<{ id: string }>('image', {
      method: 'POST',
      path: '/v2/images',
      body: { name: 'boot-sector', disk_format: 'raw', container_format: 'bare' },
    })
    await admin.call('image', {
      method: 'PUT',
      path: `/v2/images/${image.id}/file`,
      headers: { 'content-type': 'application/octet-stream' },
      body: Readable.from([talkingDisk()]),
    })
    const { network } = await admin.call<{ network: { id: string } }>('network', {
      method: 'POST',
      path: '/v2.0/networks',
      body: { network: { name: 'private' } },
    })
    networkId = network.id
    await admin.call('network', {
      method: 'POST',
      path: '/v2.0/subnets',
      body: { subnet: { network_id: networkId, ip_version: 4, cidr: '10.0.0.0/24' } },
    })
    round = openRounds(cloud, admin, (name) => ({
      name,
      imageRef: image.id,
      flavorRef: '0',
      networks: [{ uuid: networkId }],
      config_drive: true,
      block_device_mapping_v2: [
        {
          boot_index: 0,
          source_type: 'image',
          destination_type: 'local',
          uuid: image.id,
          delete_on_termination: true,
        },
        {
          ...{ boot_index: -1, source_type: 'blank', destination_type: 'volume' },
          ...{ volume_size: 1, delete_on_termination: true },
        },
      ],
    }))
    // The first boot leaves what stays: the cached image, the network on the host.
    await round({ kill: [], during: 'boot', at: { ms: 0 } })
    held = await restingHoldings()
  }, 180_000)
  afterAll(() => cloud?.destroy(), 120_000)

  const holdings = async () => [...(await heldByServices(admin)), ...(await heldByHost(cloud))]
  /** The same twice in ten seconds: hosts let go of some things a little after they were told to. */
  async function restingHoldings(): Promise<string[]> {
    let last: string[] | undefined
    return until(
      'nothing moves any more',
      async () => {
        const now = await holdings()
        const same = JSON.stringify(now) === JSON.stringify(last)
        last = now
        return same && now
      },
      90_000,
      10_000,
    )
  }

  test.each(points.map((point) => [describePoint(point), point] as const))(
    'gets over it: %s',
    async (_title, point) => {
      const { serverId, ended, fault } = await round(point)
      ends.push(fault ? `${describePoint(point)}: ${fault}` : ended)
      let left: string[] = []
      const clean = async () => {
        left = difference(held, await holdings())
        return left.length === 0
      }
      await until('nothing is left', clean, 60_000, 500).catch(() => {
        expect(left, `left by server ${serverId}, which ended ${ended}`).toEqual([])
      })
      if (serverId) expect(mentions(cloud.root, [serverId])).toEqual([])
    },
    300_000,
  )

  test('was killed at least forty times, brought most boots to their end, and still boots a guest that runs', async () => {
    expect(points.length).toBeGreaterThanOrEqual(40)
    const failed = ends.filter((each) => each !== 'ACTIVE' && each !== 'never began')
    expect(failed.length, failed.join('\n')).toBeLessThan(points.length / 4)
    const { server } = await admin.call<{ server: { id: string } }>('compute', {
      method: 'POST',
      path: '/servers',
      body: {
        server: {
          name: 'last',
          imageRef: (await admin.call<{ images: { id: string }[] }>('image', { path: '/v2/images' }))
            .images[0]!.id,
          flavorRef: '0',
          networks: [{ uuid: networkId }],
        },
      },
    })
    await until('the guest speaks', async () => {
      const path = `${cloud.root}/instances/${server.id}/console.log`
      return (await world.files.exists(path)) && (await world.files.readText(path)).includes(bootText)
    })
    await admin.call('compute', { method: 'DELETE', path: `/servers/${server.id}` })
    await until('it is gone', async () => !(await admin.find('compute', `/servers/${server.id}`)))
  })

  test('lets go of a network with all that was made for it', async () => {
    await until('no server has a port on it', async () => {
      const path = `/v2.0/ports?network_id=${networkId}`
      const { ports } = await admin.call<{ ports: { device_owner: string }[] }>('network', { path })
      return ports.every((port) => !port.device_owner.startsWith('compute:'))
    })
    await admin.call('network', { method: 'DELETE', path: `/v2.0/networks/${networkId}` })
    await until('its namespace and processes are gone', async () => {
      const { stdout } = await world.processes.run('ip', ['netns', 'list'])
      return !stdout.includes(networkId) && (await world.processes.find([networkId])).length === 0
    })
    expect(mentions(cloud.root, [networkId])).toEqual([])
  })
})

/** What is on one side only. */
function difference(before: readonly string[], after: readonly string[]): string[] {
  const gone = before.filter((line) => !after.includes(line)).map((line) => `- ${line}`)
  return [...gone, ...after.filter((line) => !before.includes(line)).map((line) => `+ ${line}`)]
}

function alternate<T>(...lists: readonly T[][]): T[] {
  const longest = Math.max(...lists.map((list) => list.length))
  return Array.from({ length: longest }, (_, index) =>
    lists.flatMap((list) => list.slice(index, index + 1)),
  ).flat()
}

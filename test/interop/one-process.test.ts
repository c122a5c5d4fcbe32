// A simulated cloud of ten hosts in one process: killed, ended and raised again, it has what it had; destroyed, it leaves nothing.
import { existsSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Session } from '#cli/openstack.ts'
import { type LiveCloud, prepareLiveCloud, succeeded, until, world } from './live-cloud.ts'

type Shown = { id: string; name: string; status: string; 'OS-EXT-STS:task_state': string | null }

describe('a simulated cloud in one process', () => {
  let cloud: LiveCloud
  let admin: Session
  let guests: string[]
  beforeAll(async () => {
    cloud = await prepareLiveCloud('one-process', 'sim')
    succeeded(await cloud.up('--hosts', '10', '--speed', '100'))
    admin = await cloud.session('admin')
    guests = await Promise.all(Array.from({ length: 6 }, (_, index) => boot(`guest-${index}`)))
    await until('all guests run', allActive)
  }, 240_000)
  afterAll(() => cloud?.destroy(), 60_000)

  const servers = async () => {
    const path = '/servers/detail?all_tenants=1'
    return (await admin.call<{ servers: Shown[] }>('compute', { path })).servers
  }
  const allActive = async () =>
    (await servers()).every(
      (server) => server.status === 'ACTIVE' && server['OS-EXT-STS:task_state'] === null,
    )
  const consoleOf = async (id: string) => {
    const action = { method: 'POST', path: `/servers/${id}/action`, body: { 'os-getConsoleOutput': {} } }
    return (await admin.call<{ output: string }>('compute', action)).output
  }
  const hostsUp = async () => {
    const path = '/os-services?binary=nova-compute'
    const { services } = await admin.call<{ services: { state: string }[] }>('compute', { path })
    return services.filter((service) => service.state === 'up').length
  }
  const processes = async () => {
    const { stdout } = await cloud.nimbo('status', '--json')
    return (JSON.parse(stdout) as { processes: { role: string; pid?: number }[] }).processes
  }
  async function boot(name: string): Promise<string> {
    const { images } = await admin.call<{ images: { id: string }[] }>('image', { path: '/v2/images' })
    const { networks } = await admin.call<{ networks: { id: string }[] }>('network', {
      path: '/v2.0/networks?name=private',
    })
    const server = { name, imageRef: images[0]!.id, flavorRef: '1', networks: [{ uuid: networks[0]!.id }] }
    const made = await admin.call<{ server: { id: string } }>('compute', {
      method: 'POST',
      path: '/servers',
      body: { server },
    })
    return made.server.id
  }

  test('is one process', async () => {
    expect((await processes()).map(({ role }) => role)).toEqual(['cloud'])
    expect(await hostsUp()).toBe(10)
  })

  test('is started again by its supervisor when it is killed, and its guests are there', async () => {
    await until('a guest has booted', async () => (await consoleOf(guests[0]!)).includes('login:'))
    const [killed] = await processes()
    world.processes.signal(killed!.pid!, 'SIGKILL')
    const again = await until('it runs again', async () => {
      const [now] = await processes()
      return now?.pid !== killed!.pid && now?.pid
    })
    expect(again).not.toBe(killed!.pid)
    await until('its APIs answer', () => hostsUp().catch(() => false))
    await until('no server is on its way', allActive)
    expect((await servers()).map(({ id }) => id)).toEqual(expect.arrayContaining(guests))
    expect(await consoleOf(guests[0]!)).toContain('login:')
    // Nothing is stuck: the hosts take orders.
    const more = await boot('after-the-kill')
    await until('a new guest runs', allActive)
    await admin.call('compute', { method: 'DELETE', path: `/servers/${more}` })
    await until('it is gone', async () => (await servers()).every(({ id }) => id !== more))
  }, 180_000)

  test('goes down and up again with its guests', async () => {
    succeeded(await cloud.nimbo('down'))
    expect((await processes())[0]?.pid).toBeUndefined()
    succeeded(await cloud.nimbo('up'))
    await until('all guests run', allActive)
    expect((await servers()).map(({ id }) => id)).toEqual(expect.arrayContaining(guests))
  }, 120_000)

  test('says nothing worse than that it was killed', () => {
    const log = readFileSync(`${cloud.root}/log/cloud.log`, 'utf8')
    expect(log.split('\n').filter((line) => line.includes('"level":"error"'))).toEqual([])
  })

  test('leaves neither files nor processes behind', async () => {
    await cloud.destroy()
    expect(existsSync(cloud.root)).toBe(false)
    expect(await world.processes.find([`${cloud.root}/`])).toEqual([])
    expect(await world.processes.find([cloud.root, 'cloud'])).toEqual([])
  }, 60_000)
})

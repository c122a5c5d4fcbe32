// How a host leaves the cloud, by itself or sent away: it is out at once, and nothing of it is left.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hosts as hostsContract } from '#contracts/host.ts'
import { bootServer, prepareBoot } from './test-boot.ts'
import { type TestJoin, testJoin } from './test-join.ts'

let site: TestJoin
beforeAll(async () => {
  site = await testJoin()
})
afterAll(() => site.stop())

describe('a host', () => {
  test('leaves by itself, and is told so before its line is cut', async () => {
    const { bus: login } = await site.joinAnew('node12')
    const host = await site.cloud.startJoined('node12', login)
    const bus = await site.busOf(login)
    const trace = site.cloud.platform.journal.newTrace()
    expect(
      await bus.caller(hostsContract, 'test').leave({ host: 'node12', force: false }, { trace }),
    ).toEqual({
      left: true,
    })
    await site.cloud.world.advance(5_000)
    await site.cloud.settle()
    expect(await site.shown('node12')).toBeUndefined()
    await host.host.stop()
    await bus.close()
  })
})

describe('a host that was removed', () => {
  test('is out at once: its line is cut, its token is void, its services are gone', async () => {
    const { bus: login } = await site.joinAnew('node13')
    const host = await site.cloud.startJoined('node13', login)
    const bus = await site.busOf(login)
    const trace = site.cloud.platform.journal.newTrace()
    const { token } = await bus.caller(hostsContract, 'test').serviceToken({ host: 'node13' }, { trace })
    const askNetwork = () =>
      site.cloud.http.request({
        method: 'GET',
        url: `${site.cloud.platform.endpoint('network')}/v2.0/networks`,
        headers: { 'x-auth-token': token },
      })
    expect((await askNetwork()).status).toBe(200)
    await site.remove('node13')
    expect((await askNetwork()).status).toBe(401)
    await site.cloud.settle()
    expect(bus.connected).toBe(false)
    await site.expectNoWayIn(login)
    expect(await site.shown('node13')).toBeUndefined()
    const { agents } = await site.cloud.admin.call<{ agents: { host: string }[] }>('network', {
      path: '/v2.0/agents',
    })
    expect(agents.map((agent) => agent.host)).not.toContain('node13')
    const { services } = await site.cloud.admin.call<{ services: { host: string }[] }>('block-storage', {
      path: '/os-services?binary=cinder-volume',
    })
    expect(services.map((service) => service.host)).toEqual(['node1@sim'])
    const { resource_providers: providers } = await site.cloud.admin.call<{
      resource_providers: { name: string }[]
    }>('placement', { path: '/resource_providers' })
    expect(providers.map((provider) => provider.name)).not.toContain('node13')
    await bus.close()
    await host.host.stop()
  })

  test('by force leaves its servers and volumes in error; they can be deleted, and then nothing of it is left', async () => {
    const { bus: login } = await site.joinAnew('node14')
    const host = await site.cloud.startJoined('node14', login)
    const user = await site.cloud.project()
    const parts = await prepareBoot(site.cloud, user)
    await site.put('/hosts/node1/disable', {})
    const server = await bootServer(site.cloud, user, parts)
    const { volume } = await user.call<{ volume: { id: string } }>('block-storage', {
      method: 'POST',
      path: '/volumes',
      body: { volume: { size: 1 } },
    })
    await site.cloud.settle()
    await site.put('/hosts/node1/enable')
    expect(await site.remove('node14', true)).toEqual({ host: { name: 'node14', status: 'removing' } })
    expect(await site.shown('node14')).toMatchObject({ state: 'down', status: 'removing', servers: 1 })
    const { server: failed } = await user.call<{ server: { status: string } }>('compute', {
      path: `/servers/${server.id}`,
    })
    expect(failed.status).toBe('ERROR')
    const path = `/volumes/${volume.id}`
    expect(await user.call('block-storage', { path })).toMatchObject({ volume: { status: 'error' } })
    await user.call('block-storage', { method: 'DELETE', path })
    await user.call('compute', { method: 'DELETE', path: `/servers/${server.id}` })
    await site.cloud.settle()
    await site.cloud.world.advance(61_000)
    await site.cloud.settle()
    expect(await site.shown('node14')).toBeUndefined()
    expect(await user.find('block-storage', path)).toBeUndefined()
    await host.host.stop()
    // Its name is free again.
    expect(await site.joinAnew('node14')).toMatchObject({ status: 201 })
    await site.remove('node14')
  })

  test("can't be the cloud's own host, nor one that never was", async () => {
    await expect(site.remove('node1', true)).rejects.toMatchObject({ kind: 'conflict' })
    await expect(site.remove('nobody')).rejects.toMatchObject({ kind: 'notFound' })
  })
})

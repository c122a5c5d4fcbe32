// What servers are told to do, and what of them is changed, through the API on hosts that answer in memory.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { conductor as contract } from '#contracts/compute.ts'
import { type TestCompute, testCompute } from './test-compute.ts'
import { serverCalls } from './test-server.ts'

let compute: TestCompute
beforeAll(async () => {
  compute = await testCompute({ hosts: 2, config: { quotaInstances: -1, quotaCores: -1, quotaRam: -1 } })
})
afterAll(() => compute.stop())
const { act, show } = serverCalls(() => compute)

describe('orders', () => {
  it('stop, start, pause, resume and restart a server', async () => {
    const { id } = await compute.server()
    const seenAfter = async (body: object) => {
      expect((await act(id, body)).status).toBe(202)
      await compute.world.settle()
      const { status, ...rest } = await show(id)
      return [status, rest['OS-EXT-STS:power_state'], rest['OS-EXT-STS:task_state']]
    }
    expect(await seenAfter({ 'os-stop': null })).toEqual(['SHUTOFF', 4, null])
    expect(await seenAfter({ 'os-start': null })).toEqual(['ACTIVE', 1, null])
    expect(await seenAfter({ pause: null })).toEqual(['PAUSED', 3, null])
    expect(await seenAfter({ unpause: null })).toEqual(['ACTIVE', 1, null])
    expect(await seenAfter({ reboot: { type: 'SOFT' } })).toEqual(['ACTIVE', 1, null])
    expect(await seenAfter({ reboot: { type: 'HARD' } })).toEqual(['ACTIVE', 1, null])
    const { body } = await compute.as('member', '2.62')('GET', `/v2.1/servers/${id}/os-instance-actions`)
    expect(body.instanceActions.map((each: { action: string }) => each.action)).toEqual([
      'reboot',
      'reboot',
      'unpause',
      'pause',
      'start',
      'stop',
      'create',
    ])
    const [{ request_id }] = body.instanceActions
    const one = await compute.as('member', '2.62')(
      'GET',
      `/v2.1/servers/${id}/os-instance-actions/${request_id}`,
    )
    expect(one.body.instanceAction.events).toMatchObject([
      { event: 'compute_reboot_instance', result: 'Success' },
    ])
  })

  it('are refused in the wrong state, in words that tell it', async () => {
    const { id } = await compute.server()
    const refused = await act(id, { 'os-start': null })
    expect(refused).toMatchObject({
      status: 409,
      body: {
        conflictingRequest: { message: `Cannot 'start' instance ${id} while it is in vm_state active` },
      },
    })
    // Both at once: the second finds the first under way, or done.
    const both = await Promise.all([act(id, { 'os-stop': null }), act(id, { 'os-stop': null })])
    expect(both.map((each) => each.status).sort()).toEqual([202, 409])
    await compute.world.settle()
    expect((await act(id, { reboot: { type: 'WARM' } })).status).toBe(400)
    expect((await act(id, { nonsense: null })).status).toBe(400)
    expect((await act(id, { 'os-stop': null, 'os-start': null })).status).toBe(400)
  })

  it('leave a locked server to administrators', async () => {
    const { id } = await compute.server()
    expect((await act(id, { lock: { locked_reason: 'mine' } }, 'member', '2.73')).status).toBe(202)
    expect(await show(id)).toMatchObject({ locked: true, locked_reason: 'mine' })
    const stop = await act(id, { 'os-stop': null })
    expect(stop).toMatchObject({
      status: 409,
      body: { conflictingRequest: { message: `Instance ${id} is locked` } },
    })
    expect((await compute.call('DELETE', `/v2.1/servers/${id}`)).status).toBe(409)
    expect((await act(id, { unlock: null })).status).toBe(202)
    await act(id, { lock: null }, 'admin')
    expect((await act(id, { unlock: null })).status).toBe(403)
    expect((await act(id, { unlock: null }, 'admin')).status).toBe(202)
    expect(await show(id)).toMatchObject({ locked: false, locked_reason: null })
  })

  it('set the state by hand, for administrators (row 92)', async () => {
    const { id } = await compute.server()
    expect((await act(id, { 'os-resetState': { state: 'error' } })).status).toBe(403)
    expect((await act(id, { 'os-resetState': { state: 'error' } }, 'admin')).status).toBe(202)
    expect((await show(id)).status).toBe('ERROR')
    expect((await act(id, { 'os-resetState': { state: 'active' } }, 'admin')).status).toBe(202)
    expect((await show(id)).status).toBe('ACTIVE')
    expect((await act(id, { 'os-resetState': { state: 'stopped' } }, 'admin')).status).toBe(400)
  })

  it('give the console log, and a key to the screen that holds once', async () => {
    const { id } = await compute.server()
    expect((await act(id, { 'os-getConsoleOutput': {} })).body).toEqual({ output: 'one\ntwo\nthree' })
    expect((await act(id, { 'os-getConsoleOutput': { length: 2 } })).body).toEqual({ output: 'two\nthree' })
    expect((await act(id, { 'os-getConsoleOutput': { length: 'x' } })).status).toBe(400)
    const remote_console = { protocol: 'vnc', type: 'novnc' }
    const opened = await compute.as('member', '2.93')('POST', `/v2.1/servers/${id}/remote-consoles`, {
      remote_console,
    })
    const url = new URL(opened.body.remote_console.url)
    expect(url.origin + url.pathname).toBe('http://127.0.0.1:6080/vnc_auto.html')
    const token = new URLSearchParams(url.searchParams.get('path')!).get('token')!
    const redeem = () =>
      compute.bus
        .caller(contract, 'test')
        .consoleAuthorize({ token }, { trace: compute.platform.journal.newTrace() })
    expect((await redeem()).console).toEqual({
      serverId: id,
      host: '127.0.0.1',
      port: 5999,
      ticket: 'a ticket',
      serverName: null,
    })
    expect((await redeem()).console).toBeNull()
    expect((await act(id, { 'os-getVNCConsole': { type: 'novnc' } })).body.console.type).toBe('novnc')
    expect((await act(id, { 'os-getVNCConsole': { type: 'novnc' } }, 'member', '2.6')).status).toBe(400)
  })

  it('notice that a guest shut itself down (row 87)', async () => {
    const { id } = await compute.server()
    const { host } = (await compute.service.app.db.sql
      .selectFrom('server')
      .select('host')
      .where('id', '=', id)
      .executeTakeFirstOrThrow()) as { host: string }
    await compute.bus
      .caller(contract, 'test')
      .powerChanged(
        { host, serverId: id, power: 'shutdown', at: compute.world.clock.now(), reason: 'guest-shutdown' },
        { trace: compute.platform.journal.newTrace() },
      )
    await compute.world.settle()
    expect(await show(id)).toMatchObject({ status: 'SHUTOFF', 'OS-EXT-STS:power_state': 4 })
  })
})

describe('changes', () => {
  it('rename, describe and give access addresses', async () => {
    const { id } = await compute.server()
    const put = await compute.as('member', '2.90')('PUT', `/v2.1/servers/${id}`, {
      server: { name: 'other', accessIPv4: '192.0.2.9', description: 'x', hostname: 'other-host' },
    })
    expect(put.body.server).toMatchObject({ name: 'other', accessIPv4: '192.0.2.9', description: 'x' })
    expect(await show(id)).toMatchObject({ name: 'other', 'OS-EXT-SRV-ATTR:hostname': 'other-host' })
    const spelled = await compute.call('PUT', `/v2.1/servers/${id}`, {
      server: { accessIPv6: '0000:0:0::babe:220.12.22.2' },
    })
    expect(spelled.body.server.accessIPv6).toBe('::babe:dc0c:1602')
    const made = await compute.server({ accessIPv6: 'FE80:0::01' })
    expect(await show(made.id)).toMatchObject({ accessIPv6: 'fe80::1' })
    const old = await compute.call('PUT', `/v2.1/servers/${id}`, { server: { name: 'third' } })
    expect(old.body.server).not.toHaveProperty('OS-EXT-STS:vm_state')
    expect((await compute.call('PUT', `/v2.1/servers/${id}`, { server: { description: 'x' } })).status).toBe(
      400,
    )
  })

  it('keep metadata and tags', async () => {
    const { id } = await compute.server({ metadata: { a: '1' } })
    const path = `/v2.1/servers/${id}/metadata`
    expect((await compute.call('POST', path, { metadata: { b: '2' } })).body).toEqual({
      metadata: { a: '1', b: '2' },
    })
    expect((await compute.call('PUT', `${path}/a`, { meta: { a: '3' } })).body).toEqual({ meta: { a: '3' } })
    expect((await compute.call('PUT', `${path}/a`, { meta: { b: '3' } })).status).toBe(400)
    expect((await compute.call('GET', `${path}/a`)).body).toEqual({ meta: { a: '3' } })
    expect((await compute.call('DELETE', `${path}/a`)).status).toBe(204)
    expect((await compute.call('GET', `${path}/a`)).status).toBe(404)
    expect((await compute.call('PUT', path, { metadata: {} })).body).toEqual({ metadata: {} })
    const many = Object.fromEntries(Array.from({ length: 129 }, (_, i) => [`k${i}`, 'v']))
    expect((await compute.call('POST', path, { metadata: many })).status).toBe(403)

    const tags = compute.as('member', '2.26')
    expect((await tags('PUT', `/v2.1/servers/${id}/tags/red`)).status).toBe(201)
    expect((await tags('PUT', `/v2.1/servers/${id}/tags/red`)).status).toBe(204)
    expect((await tags('GET', `/v2.1/servers/${id}/tags`)).body).toEqual({ tags: ['red'] })
    expect((await tags('GET', `/v2.1/servers/${id}/tags/red`)).status).toBe(204)
    expect((await tags('GET', `/v2.1/servers/${id}/tags/blue`)).status).toBe(404)
    expect((await tags('PUT', `/v2.1/servers/${id}/tags`, { tags: ['x', 'y'] })).body).toEqual({
      tags: ['x', 'y'],
    })
    expect((await tags('PUT', `/v2.1/servers/${id}/tags/${'t'.repeat(61)}`)).status).toBe(400)
    expect((await tags('DELETE', `/v2.1/servers/${id}/tags`)).status).toBe(204)
    expect((await compute.call('GET', `/v2.1/servers/${id}/tags`)).status).toBe(404)
  })
})

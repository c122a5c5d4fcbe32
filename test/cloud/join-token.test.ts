// Hosts that join over the API: tokens good and bad, and names that may be had.
import { X509Certificate } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fingerprintOf } from '#kit/certificate/authority.ts'
import { fingerprintIn } from '#main/join-token.ts'
import { type TestJoin, testJoin } from './test-join.ts'

let site: TestJoin
beforeAll(async () => {
  site = await testJoin()
})
afterAll(() => site.stop())

describe('a join token', () => {
  test('lets one host in, which is then up with all its services', async () => {
    const { token, id } = await site.createToken()
    const joined = await site.join(token, 'node2')
    expect(joined.status).toBe(201)
    expect(fingerprintOf(joined.authority)).toBe(fingerprintIn(token))
    const certificate = new X509Certificate(joined.certificate)
    expect(certificate.subject).toBe('CN=node2')
    expect(certificate.subjectAltName).toBe('DNS:node2')
    expect(certificate.verify(new X509Certificate(joined.authority).publicKey)).toBe(true)
    await site.cloud.startJoined('node2', joined.bus)
    expect(await site.shown('node2')).toMatchObject({
      state: 'up',
      status: 'enabled',
      own: false,
      servers: 0,
    })
    expect((await site.shown('node2'))!.services).toHaveLength(6)
    expect((await site.shown('node2'))!.address).toBe('10.9.0.1')
    expect(await site.shown('node1')).toMatchObject({ state: 'up', own: true })
    const { join_tokens: tokens } = await site.cloud.admin.call<{ join_tokens: { id: string }[] }>('hosts', {
      path: '/join-tokens',
    })
    const listed = tokens.find((each) => each.id === id)
    expect(listed).toMatchObject({ status: 'used', used_by: 'node2' })
    // The secret is told once.
    expect(JSON.stringify(tokens)).not.toContain(token.split('.')[2])
  })

  test('is kept as a hash, and told to no journal', async () => {
    const { token } = await site.createToken()
    const secret = token.split('.')[2]!
    await site.join(token, 'node-journal')
    await site.cloud.settle()
    expect(JSON.stringify(site.cloud.events())).not.toContain(secret)
    await site.remove('node-journal')
  })

  test('holds once: not for another host, nor for another key under the same name', async () => {
    const { token } = await site.createToken()
    expect((await site.join(token, 'node3')).status).toBe(201)
    expect(await site.join(token, 'node4')).toMatchObject({ status: 401 })
    expect(await site.join(token, 'node3', { request: await site.requestOf('other-key') })).toMatchObject({
      status: 401,
    })
    // The same host may ask again: the first answer may have been lost.
    const again = await site.join(token, 'node3')
    expect(again).toMatchObject({ status: 201, bus: { user: 'agent@node3' } })
    await site.remove('node3')
  })

  test('of two hosts that use it at the same time, lets in one', async () => {
    const { token } = await site.createToken()
    const both = await Promise.all([site.join(token, 'node5'), site.join(token, 'node6')])
    expect(both.map(({ status }) => status).sort()).toEqual([201, 401])
    await site.remove(both[0].status === 201 ? 'node5' : 'node6')
  })

  test('is refused when forged, unknown, revoked, malformed or for another host', async () => {
    const { token, id } = await site.createToken()
    const [, , secret, fingerprint] = token.split('.')
    const forged = [`nimbo1.${id}.${secret!.replace(/^./, (c) => (c === 'A' ? 'B' : 'A'))}.${fingerprint}`]
    const unknown = [
      `nimbo1.0000000000.${secret}.${fingerprint}`,
      'nimbo1',
      `${id}.${secret}`,
      'x'.repeat(200),
    ]
    for (const bad of [...forged, ...unknown])
      expect(await site.join(bad, 'node7'), bad).toMatchObject({ status: 401 })
    const meant = await site.createToken({ host: 'node8' })
    expect(await site.join(meant.token, 'node7')).toMatchObject({ status: 403 })
    await site.cloud.admin.call('hosts', { method: 'DELETE', path: `/join-tokens/${id}` })
    expect(await site.join(token, 'node7')).toMatchObject({ status: 401 })
    expect(await site.shown('node7')).toBeUndefined()
  })

  test('ends by itself', async () => {
    const { token } = await site.createToken({ ttl: 60 })
    await site.cloud.world.advance(61_000)
    expect(await site.join(token, 'node7')).toMatchObject({ status: 401 })
  })

  test('is made, listed and revoked by administrators alone', async () => {
    const member = await site.cloud.project()
    for (const [method, path] of [
      ['GET', '/join-tokens'],
      ['POST', '/join-tokens'],
      ['DELETE', '/join-tokens/1'],
      ['GET', '/hosts'],
      ['PUT', '/hosts/node1/disable'],
      ['DELETE', '/hosts/node1'],
    ] as const) {
      const body = method === 'POST' ? { join_token: {} } : method === 'PUT' ? {} : undefined
      await expect(member.call('hosts', { method, path, body }), path).rejects.toMatchObject({
        kind: 'forbidden',
      })
    }
  })
})

describe('joining', () => {
  test('takes no name that a host of the cloud has, nor one that is none', async () => {
    const { token } = await site.createToken()
    for (const taken of ['node1', 'node2'])
      expect(await site.join(token, taken)).toMatchObject({
        status: 409,
        message: expect.stringContaining('--name'),
      })
    for (const bad of ['', '-x', 'a b', 'a/b', '../x', 'x'.repeat(65)])
      expect(await site.join(token, 'fine', { name: bad }), bad).toMatchObject({ status: 400 })
    // Its certificate must not pass for the controller's.
    for (const foreign of ['cloud.test', 'CLOUD.test', '192.0.2.1'])
      expect(await site.join(token, foreign), foreign).toMatchObject({ status: 409 })
    expect(await site.join(token, 'fine', { request: 'no request' })).toMatchObject({ status: 400 })
    // All these left it good.
    expect(await site.join(token, 'fine')).toMatchObject({ status: 201 })
    await site.remove('fine')
  })

  test('in the place of a host that is down needs a token that was made for it', async () => {
    const first = await site.joinAnew('node9')
    const host = await site.cloud.startJoined('node9', first.bus)
    await host.host.stop()
    await site.cloud.world.advance(120_000)
    expect(await site.shown('node9')).toMatchObject({ state: 'down' })
    expect(await site.joinAnew('node9')).toMatchObject({
      status: 409,
      message: expect.stringContaining('nimbo token create --host node9'),
    })
    const second = await site.join((await site.createToken({ host: 'node9' })).token, 'node9')
    expect(second.status).toBe(201)
    // What the first one knew is good for nothing any more.
    await site.expectNoWayIn(first.bus)
    await (await site.busOf(second.bus)).close()
    await site.remove('node9')
  })
})

import { expect, test } from 'vitest'
import type { Bus } from '#kit/bus/bus.ts'
import { withDefaults } from '#kit/config/section.ts'
import { sampleFacts } from '#kit/metadata-tree/sample.ts'
import { signInstance } from '#kit/metadata-tree/signature.ts'
import { callsTo, testPlatform } from '#kit/service/test-platform.ts'
import { metadataConfig } from './config.ts'
import { openMetadata } from './service.ts'

const secret = 'oldboy'

/** The service with a conductor that knows one server. */
async function open(given: Parameters<typeof withDefaults<typeof metadataConfig>>[1] = {}) {
  const asked: string[] = []
  const facts = structuredClone(sampleFacts)
  const conductor = {
    async metadataGet({ serverId }: { serverId: string }) {
      asked.push(serverId)
      return { facts: serverId === facts.id ? structuredClone(facts) : null }
    },
    async metadataPassword({ password }: { password: string }) {
      if (facts.password !== '') return { accepted: false }
      facts.password = password
      return { accepted: true }
    },
  }
  const platform = testPlatform({ bus: { caller: () => conductor } as unknown as Bus })
  const service = await openMetadata(platform, withDefaults(metadataConfig, given), secret)
  const headers = {
    'x-instance-id': facts.id,
    'x-tenant-id': facts.projectId,
    'x-instance-id-signature': signInstance(secret, facts.id),
  }
  const call = callsTo(service.http, undefined)
  const get = (path: string, more: Record<string, string> = {}) =>
    call('GET', path, undefined, { ...headers, ...more })
  const post = (path: string, text: string) =>
    call('POST', path, text, { ...headers, 'content-type': 'text/plain' })
  return { platform, service, facts, asked, headers, call, get, post }
}

test("the signature is the HMAC that Neutron's agents send (row 215)", () => {
  expect(signInstance('oldboy', 'daf32a70-42c9-4d30-8ec5-3a5d97582cff')).toBe(
    '4ce3047b0f4468aabd07b11dffc44dcdf78704f787d70490516d708a5a1bf0f0',
  )
})

test('three headers are enough to read a file from outside (row 221)', async () => {
  const { get } = await open()
  const answer = await get('/openstack/latest/meta_data.json')
  expect(answer.status).toBe(200)
  expect(answer.headers['content-type']).toContain('application/json')
  expect(answer.body).toMatchObject({ uuid: sampleFacts.id, hostname: 'vm1.novalocal' })
})

test('listings and EC2 values are plain text', async () => {
  const { get } = await open()
  const listing = await get('/openstack/latest')
  expect(listing.headers['content-type']).toBe('text/plain; charset=UTF-8')
  expect(listing.body).toMatch(/^meta_data\.json\npassword\n/)
  expect((await get('/2009-04-04/instance-id')).body).toBe('i-00000003')
  expect((await get('/')).body).toMatch(/latest$/)
  expect((await get('/2009-04-04/nothing')).status).toBe(404)
})

test('a wrong signature is 403, a wrong project 404, a missing header 400 (row 217)', async () => {
  const { get, call, headers, asked } = await open()
  const path = '/openstack/latest/meta_data.json'
  const wrong = await get(path, { 'x-instance-id-signature': 'f'.repeat(64) })
  expect(wrong.status).toBe(403)
  expect(wrong.body).toContain('Invalid proxy request signature.')
  expect((await get(path, { 'x-instance-id-signature': '' })).status).toBe(403)
  expect(asked).toEqual([])
  expect((await get(path, { 'x-tenant-id': 'another' })).status).toBe(404)
  const { 'x-instance-id': _, ...without } = headers
  const missing = await call('GET', path, undefined, without)
  expect(missing.status).toBe(400)
  expect(missing.body).toContain('X-Instance-ID header is missing from request.')
})

test('a server that compute no longer knows has no metadata', async () => {
  const { get } = await open()
  const id = '00000000-0000-4000-8000-000000000000'
  const gone = await get('/openstack', {
    'x-instance-id': id,
    'x-instance-id-signature': signInstance(secret, id),
  })
  expect(gone.status).toBe(404)
})

test('the conductor is asked once for a boot, and again after some seconds', async () => {
  const { get, asked, facts, platform } = await open()
  await get('/openstack/latest/meta_data.json')
  await get('/2009-04-04/meta-data/')
  expect(asked).toHaveLength(1)
  facts.metadata.colour = 'blue'
  await platform.world.advance(6000)
  expect((await get('/openstack/latest/meta_data.json')).body.meta).toEqual({ colour: 'blue' })
})

test('a guest posts its encrypted password once (row 225)', async () => {
  const { get, post } = await open()
  expect((await get('/openstack/latest/password')).body).toBe('')
  expect((await post('/openstack/latest/password', 'x'.repeat(1021))).status).toBe(400)
  expect((await post('/openstack/latest/password', 'c2VjcmV0')).status).toBe(200)
  expect((await get('/openstack/latest/password')).body).toBe('c2VjcmV0')
  expect((await post('/openstack/latest/password', 'other')).status).toBe(409)
  expect((await post('/openstack/latest/user_data', 'x')).status).toBe(404)
})

test('the service does not open without a secret, and answers nobody with the proxy switched off', async () => {
  const platform = testPlatform({ bus: { caller: () => ({}) } as unknown as Bus })
  await expect(openMetadata(platform, withDefaults(metadataConfig), '')).rejects.toThrow(
    'metadata_proxy_shared_secret',
  )
  const { get } = await open({ serviceMetadataProxy: false })
  expect((await get('/openstack')).status).toBe(404)
})

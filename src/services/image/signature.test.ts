// Signed images, which this cloud has no certificates for: refused where their bytes come, as Glance without a key
// manager does.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type TestImage, testImage } from './test-image.ts'

let rig: TestImage
beforeAll(async () => {
  rig = await testImage()
})
afterAll(() => rig.stop())

const certificate = '36d4b546-64a2-4bb9-bdd0-ba676aa48f2c'
const signed = {
  img_signature: 'c2lnbmVk',
  img_signature_hash_method: 'SHA-256',
  img_signature_key_type: 'RSA-PSS',
  img_signature_certificate_uuid: certificate,
}

test.each([
  [{}, `Unable to retrieve certificate with ID: ${certificate}`],
  [{ img_signature: '???' }, 'not properly encoded using base64'],
  [{ img_signature_hash_method: 'MD5' }, 'Invalid signature hash method: MD5'],
  [{ img_signature_key_type: 'ROT13' }, 'Invalid signature key type: ROT13'],
])('a signed image (%j) is refused, as Glance without a key manager does', async (change, words) => {
  const id = await rig.create({ ...signed, ...change })
  const { status, text } = await rig.upload(id, Buffer.from('raw'))
  expect([status, text]).toEqual([400, expect.stringContaining(words)])
  expect((await rig.as.owner('GET', `/v2/images/${id}`)).body.status).toBe('queued')
})

test('staged bytes of one are taken, and refused when they are imported', async () => {
  const id = await rig.create(signed)
  const headers = { 'x-auth-token': 'owner', 'content-type': 'application/octet-stream' }
  const stage = { method: 'PUT', url: `/v2/images/${id}/stage`, headers, body: Buffer.from('raw') }
  expect((await rig.service.http.inject(stage)).status).toBe(204)
  await rig.as.owner('POST', `/v2/images/${id}/import`, { method: { name: 'glance-direct' } })
  await rig.platform.world.settle()
  const [task] = (await rig.as.owner('GET', `/v2/images/${id}/tasks`)).body.tasks
  expect([task.status, task.message]).toEqual(['failure', expect.stringContaining('Unable to retrieve')])
  expect((await rig.as.owner('GET', `/v2/images/${id}`)).body.status).toBe('queued')
})

test('some of a signature is none', async () => {
  const { img_signature_key_type: _, ...some } = signed
  const id = await rig.create(some)
  expect((await rig.upload(id, Buffer.from('raw'))).status).toBe(204)
})

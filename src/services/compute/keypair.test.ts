// Key pairs, through the API.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type TestCompute, testCompute } from './test-compute.ts'

let compute: TestCompute
beforeAll(async () => {
  compute = await testCompute({ hosts: 0 })
})
afterAll(() => compute.stop())

const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFMkFZ9kU1EmCJr3IMRfDHqOfPdCkZQFg1c0nMyY3pmE me'
it('are made or imported, shown and deleted as each version has it', async () => {
  const made = await compute.call('POST', '/v2.1/os-keypairs', { keypair: { name: 'made' } })
  expect(made.status).toBe(200)
  expect(made.body.keypair.private_key).toContain('PRIVATE KEY')
  expect(made.body.keypair).not.toHaveProperty('type')
  const newest = compute.as('member', '2.92')
  expect((await newest('POST', '/v2.1/os-keypairs', { keypair: { name: 'x' } })).status).toBe(400)
  const imported = await newest('POST', '/v2.1/os-keypairs', {
    keypair: { name: 'me@home.net', public_key: key },
  })
  expect(imported.status).toBe(201)
  expect(imported.body.keypair).toMatchObject({ name: 'me@home.net', type: 'ssh', public_key: key })
  expect(imported.body.keypair).not.toHaveProperty('private_key')
  const again = await newest('POST', '/v2.1/os-keypairs', {
    keypair: { name: 'me@home.net', public_key: key },
  })
  expect(again.body.conflictingRequest.message).toBe("Key pair 'me@home.net' already exists.")
  expect(
    (await compute.call('POST', '/v2.1/os-keypairs', { keypair: { name: 'a@b', public_key: key } })).status,
  ).toBe(400)
  expect(
    (await newest('POST', '/v2.1/os-keypairs', { keypair: { name: 'bad', public_key: 'ssh-rsa x' } })).status,
  ).toBe(400)
  const list = (await compute.as('member', '2.35')('GET', '/v2.1/os-keypairs?limit=1')).body
  expect(list.keypairs).toHaveLength(1)
  expect(list.keypairs_links[0].href).toContain('marker=')
  expect((await compute.as('stranger')('GET', '/v2.1/os-keypairs/made')).status).toBe(404)
  expect(
    (await compute.as('admin', '2.10')('GET', `/v2.1/os-keypairs?user_id=${'u'.repeat(32)}`)).body.keypairs,
  ).toHaveLength(2)
  expect(
    (await compute.as('stranger', '2.10')('GET', `/v2.1/os-keypairs?user_id=${'u'.repeat(32)}`)).status,
  ).toBe(403)
  expect((await compute.call('DELETE', '/v2.1/os-keypairs/made')).status).toBe(202)
  expect((await newest('DELETE', '/v2.1/os-keypairs/me%40home.net')).status).toBe(204)
  expect((await newest('DELETE', '/v2.1/os-keypairs/made')).status).toBe(404)
})

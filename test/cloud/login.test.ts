import { afterAll, beforeAll, expect, test } from 'vitest'
import { type TestCloud, testCloud } from './test-cloud.ts'

let cloud: TestCloud
beforeAll(async () => {
  cloud = await testCloud({ hosts: 0 })
})
afterAll(() => cloud.stop())

test('a login gives a catalog with each service under all three interfaces', async () => {
  const { catalog } = await cloud.admin.call<{
    catalog: { type: string; endpoints: { interface: string }[] }[]
  }>('identity', { path: '/auth/catalog' })
  expect(catalog.map((service) => service.type).sort()).toEqual([
    'block-storage',
    'compute',
    'hosts',
    'identity',
    'image',
    'journal',
    'network',
    'placement',
    'volumev3',
  ])
  for (const service of catalog)
    expect(service.endpoints.map((endpoint) => endpoint.interface).sort()).toEqual([
      'admin',
      'internal',
      'public',
    ])
})

test('a token that identity no longer knows is refused by every service at once', async () => {
  const member = await cloud.project()
  expect(await member.call('image', { path: '/v2/images' })).toMatchObject({ images: [] })
  await cloud.http.request({
    method: 'DELETE',
    url: `${member.endpoint('identity')}/auth/tokens`,
    headers: { 'x-auth-token': member.token, 'x-subject-token': member.token },
  })
  await expect(member.call('image', { path: '/v2/images' })).rejects.toMatchObject({ kind: 'unauthorized' })
})

test('what is recorded of a login holds no password and no token', async () => {
  const member = await cloud.project()
  await cloud.platform.journal.flush()
  const text = JSON.stringify(cloud.events())
  expect(text).toContain('token.issue')
  expect(text).not.toContain(member.token)
  expect(text).not.toContain('secret of')
})

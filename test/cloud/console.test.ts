import { afterAll, beforeAll, expect, test } from 'vitest'
import { askForServer, deleteServer, prepareBoot } from './test-boot.ts'
import { type TestCloud, testCloud } from './test-cloud.ts'

let cloud: TestCloud
beforeAll(async () => {
  cloud = await testCloud()
})
afterAll(() => cloud?.stop())

test('a console address of a server leads to the page of this cloud', async () => {
  const member = await cloud.project()
  const parts = await prepareBoot(cloud, member)
  const id = await askForServer(member, parts)
  await cloud.settle()
  const { remote_console } = await member.call<{ remote_console: { type: string; url: string } }>('compute', {
    method: 'POST',
    path: `/servers/${id}/remote-consoles`,
    body: { remote_console: { protocol: 'vnc', type: 'novnc' } },
  })
  expect(remote_console.type).toBe('novnc')
  const page = await cloud.http.request({ method: 'GET', url: remote_console.url })
  expect(page).toMatchObject({ status: 200, headers: { 'content-type': 'text/html; charset=utf-8' } })
  expect(String(page.body)).toContain('console.js')
  await deleteServer(cloud, member, id)
})

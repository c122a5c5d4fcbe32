// Cards of guests follow their ports, also where a user takes the port away behind compute's back.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { askForServer, prepareBoot } from './test-boot.ts'
import { type TestCloud, testCloud } from './test-cloud.ts'

let cloud: TestCloud
beforeAll(async () => {
  cloud = await testCloud()
})
afterAll(() => cloud?.stop())

test('a guest loses the card whose port was deleted, and keeps the other', async () => {
  const member = await cloud.project()
  const parts = await prepareBoot(cloud, member)
  const ports: string[] = []
  for (const name of ['first', 'second']) {
    const body = { port: { name, network_id: parts.networkId } }
    const path = '/v2.0/ports'
    ports.push(
      (await member.call<{ port: { id: string } }>('network', { method: 'POST', path, body })).port.id,
    )
  }
  const id = await askForServer(member, parts, { networks: ports.map((port) => ({ port })) })
  await cloud.settle()
  const cards = async () => (await cloud.hosts[0]!.virt.state(id))?.nics.map(({ portId }) => portId)
  expect(await cards()).toEqual(ports)
  await member.call('network', { method: 'DELETE', path: `/v2.0/ports/${ports[1]}` })
  await cloud.settle()
  // Two looks at all guests, and the grace in between.
  await cloud.world.advance(180_000)
  expect(await cards()).toEqual([ports[0]])
})

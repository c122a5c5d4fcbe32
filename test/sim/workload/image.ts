// Images: uploaded as streams in parts, read back and held against what was sent, shared with another project, deleted.
import { Readable } from 'node:stream'
import type { Act } from './act.ts'
import type { Client, OwnThing } from './client.ts'
import { isRefusal } from './operation.ts'

const withImage = (
  name: string,
  weight: number,
  run: (client: Client, image: OwnThing) => Promise<unknown>,
): Act => ({
  name: `image.${name}`,
  weight,
  possible: (client) => client.own('image').length > 0,
  async run(client) {
    await run(client, client.pick(client.own('image'))!)
  },
})

export const imageActs: Act[] = [
  {
    name: 'image.create',
    weight: 4,
    possible: (client) => client.own('image').length < 3,
    async run(client) {
      const visibility = client.pick(['private', 'shared', 'community'])
      const body = { disk_format: 'raw', container_format: 'bare', visibility, os_distro: 'sim' }
      const image = await client.create('image', body, { expect: { visibility, os_distro: 'sim' } })
      if (image && client.chance(90)) await upload(client, image)
    },
  },
  {
    name: 'image.list',
    weight: 2,
    async run(client) {
      await client.operate('image.list', undefined, async () => {
        await client.ask('image', { path: '/v2/images?limit=50' })
      })
    },
  },
  withImage('download', 2, (client, image) =>
    client.operate('image.download', image, async () => {
      const content = image.link.get('content')
      const got = await client.ask<unknown>('image', { path: `/v2/images/${image.id}/file` })
      if (content !== undefined && got !== content)
        client.ledger.complain(client.name, `image ${image.id} has other bytes than were uploaded`)
    }),
  ),
  withImage('show', 2, (client, image) =>
    client.operate('image.show', image, async () => void (await client.show(image))),
  ),
  withImage('share', 2, async (client, image) => {
    const other = client.pick(client.everybody.filter((each) => each.projectId !== client.projectId))
    if (!other) return
    await client.operate('image.share', image, async () => {
      const path = `/v2/images/${image.id}/members`
      try {
        await client.ask('image', { method: 'POST', path, body: { member: other.projectId } })
      } catch (error) {
        // Shared before, or by a first try whose answer was lost.
        if (!isRefusal(error, 'conflict')) throw error
      }
      await client.ask('image', { path })
      if (client.chance(50))
        await client.ask('image', { method: 'DELETE', path: `${path}/${other.projectId}` })
    })
  }),
  withImage('tag', 1, (client, image) =>
    client.operate('image.tag', image, async () => {
      await client.ask('image', { method: 'PUT', path: `/v2/images/${image.id}/tags/sim` })
    }),
  ),
  withImage('delete', 3, async (client, image) => {
    // There and gone in one request: nothing to wait for.
    if (await client.remove(image)) image.standing = 'gone'
  }),
]

async function upload(client: Client, image: OwnThing): Promise<void> {
  const part = () => Buffer.from(client.random.bytes(256).toString('hex'))
  const parts = Array.from({ length: client.random.int(1, 5) }, part)
  await client.operate('image.upload', image, async () => {
    await client.once('image', {
      method: 'PUT',
      path: `/v2/images/${image.id}/file`,
      headers: { 'content-type': 'application/octet-stream' },
      body: Readable.from(parts),
    })
    image.link.set('content', Buffer.concat(parts).toString())
  })
}

// Volumes: blank or from an image, grown, marked, deleted. Attaching them is done at the server.
import type { Act } from './act.ts'
import type { Client, OwnThing, Shown } from './client.ts'
import type { Ground } from './ground.ts'
import { isRefusal } from './operation.ts'
import { expectEither, expectNow } from './thing.ts'

const passing = ['creating', 'extending', 'deleting', 'downloading', 'attaching', 'detaching', 'reserved']
const calm = ({ status }: Shown) => !passing.includes(String(status))

export function volumeActs(ground: Ground): Act[] {
  const free = (client: Client) => client.own('volume').filter((each) => !each.link.has('server'))
  const withFree = (
    name: string,
    weight: number,
    run: (client: Client, volume: OwnThing) => Promise<unknown>,
  ): Act => ({
    name: `volume.${name}`,
    weight,
    possible: (client) => free(client).length > 0,
    async run(client) {
      await run(client, client.pick(free(client))!)
    },
  })
  return [
    {
      name: 'volume.create',
      weight: 7,
      possible: (client) => client.own('volume').length < 5,
      async run(client) {
        const fromImage = client.chance(20)
        const metadata: Record<string, string> = client.chance(50) ? { for: client.name } : {}
        const size = client.random.int(1, 4)
        const body = {
          size,
          description: 'of the simulation',
          metadata,
          ...(fromImage && { imageRef: ground.image }),
        }
        const volume = await client.create('volume', body, { expect: { metadata, size } })
        if (!volume || client.chance(15)) return
        const shown = await client.until(volume, calm).catch(() => undefined)
        if (shown?.status === 'error' && client.chance(80)) await client.remove(volume)
      },
    },
    {
      name: 'volume.list',
      weight: 2,
      async run(client) {
        await client.operate('volume.list', undefined, async () => {
          await client.ask('block-storage', { path: '/volumes/detail' })
          await client.ask('block-storage', { path: '/limits' })
        })
      },
    },
    withFree('show', 2, (client, volume) =>
      client.operate('volume.show', volume, async () => void (await client.show(volume))),
    ),
    withFree('update', 2, (client, volume) =>
      client.update(volume, { name: `${volume.name}`, description: `n${client.random.int(0, 1000)}` }),
    ),
    withFree('metadata', 2, (client, volume) => {
      const metadata = { note: String(client.random.int(0, 1000)) }
      const undo = expectEither(volume, { metadata })
      return client.operate('volume.metadata', volume, async () => {
        try {
          const path = `/volumes/${volume.id}/metadata`
          await client.ask('block-storage', { method: 'PUT', path, body: { metadata } })
          expectNow(volume, { metadata })
        } catch (error) {
          if (isRefusal(error)) undo()
          throw error
        }
      })
    }),
    withFree('extend', 4, async (client, volume) => {
      const size = (await client.show(volume).catch(() => undefined))?.size
      if (size === undefined) return
      const grown = Number(size) + 1
      expectEither(volume, { size: grown })
      const accepted = await client.operate('volume.extend', volume, async () => {
        await client.once('block-storage', {
          method: 'POST',
          path: `/volumes/${volume.id}/action`,
          body: { 'os-extend': { new_size: grown } },
        })
      })
      if (!accepted || client.chance(20)) return
      const shown = await client.until(volume, calm).catch(() => undefined)
      if (shown && calm(shown)) expectNow(volume, { size: shown.size })
    }),
    withFree('delete', 5, async (client, volume) => {
      if (!(await client.remove(volume)) || client.chance(30)) return
      const shown = await client
        .until(volume, ({ status }) => status === 'error_deleting')
        .catch(() => volume)
      if (!shown) volume.standing = 'gone'
    }),
  ]
}

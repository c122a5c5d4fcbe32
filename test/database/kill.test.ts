// A database server that is killed and started again while servers are asked for: whoever asks meanwhile is told 503 in the
// service's own words, and whatever was begun ends done or undone.
import { afterEach, describe, expect, test } from 'vitest'
import { type LiveCloud, prepareLiveCloud, succeeded, world } from '#test/interop/live-cloud.ts'
import { type Load, openLoad } from './load.ts'
import { type DatabaseServer, type ServerKind, startServer } from './server.ts'

const kills = 2
const downMs = 1500

describe('a cloud whose database is killed under load', () => {
  let server: DatabaseServer | undefined
  let cloud: LiveCloud | undefined
  let load: Load | undefined
  afterEach(async () => {
    load?.close()
    await cloud?.destroy()
    await server?.remove()
  }, 60_000)

  test.each<ServerKind>(['postgres', 'mariadb'])(
    'on %s answers 503 meanwhile, and ends all that it began',
    async (kind) => {
      server = await startServer(kind, { durable: true })
      cloud = await prepareLiveCloud(`database-${kind}`, 'sim')
      const file = `${cloud.folder}/database-url`
      await world.files.write(file, server.url.replace(/\/\w+$/, '/cloud'))
      succeeded(await cloud.up('--empty', '--hosts', '4', '--database', file))
      load = await openLoad(cloud)
      let struck = false
      const striking = strike(server).finally(() => {
        struck = true
      })
      while (!struck) await load.ask(1)
      await striking
      await load.ask(5)
      const answers = load.judge()
      const ended = await load.settled()
      console.log(`${kind}: answered ${JSON.stringify(answers)}, ended ${JSON.stringify(ended)}`)
      expect(answers['503']).toBeGreaterThan(0)
      expect(ended.ACTIVE).toBeGreaterThan(5)
      await load.removed()
    },
    600_000,
  )
})

async function strike(server: DatabaseServer): Promise<void> {
  for (let n = 0; n < kills; n++) {
    await world.timers.sleep(1000)
    await server.kill()
    await world.timers.sleep(downMs)
    await server.start()
  }
}

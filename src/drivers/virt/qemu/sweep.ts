// What a killed agent left half-made, cleared away at the next start: fetches that died, disks that were not yet
// renamed into place, folders without a record, locks of the dead.
import type { Host } from './host.ts'
import { isOrphan, sweepLocks } from './lock.ts'
import { guestIds } from './record.ts'

export async function sweep(host: Host): Promise<void> {
  const { files } = host.world
  await sweepLocks(host)
  await sweepOrphans(host, host.layout.baseFolder)
  for (const id of await guestIds(host)) {
    const own = host.layout.guest(id)
    await sweepOrphans(host, own.folder)
    const names = await files.list(own.folder)
    // Only what a create leaves before its first record: a folder with anything else may be somebody's.
    if (names.every((name) => `${own.folder}/${name}` === `${own.record}.new`))
      await files.removeTree(own.folder)
  }
}

async function sweepOrphans(host: Host, folder: string): Promise<void> {
  for (const name of await host.world.files.list(folder)) {
    if (await isOrphan(host, name)) await host.world.files.removeTree(`${folder}/${name}`)
  }
}

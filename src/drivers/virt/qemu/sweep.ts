// What a killed agent left half-made, cleared away at the next start: fetches that died, folders without a record.
import type { Host } from './host.ts'
import { withLock } from './lock.ts'
import { guestIds } from './record.ts'

const workFolder = '.work'
const halfWritten = '.new'

export async function sweep(host: Host): Promise<void> {
  const { files } = host.world
  for (const name of await files.list(host.layout.baseFolder)) {
    const path = `${host.layout.baseFolder}/${name}`
    if (name.endsWith(workFolder)) {
      // Under its lock, since another process may be fetching that image this moment.
      await withLock(host, name.slice(0, -workFolder.length), () => files.removeTree(path))
    } else if (name.endsWith(halfWritten)) {
      await withLock(host, name.slice(0, -halfWritten.length), () => files.remove(path))
    }
  }
  for (const id of await guestIds(host)) {
    const own = host.layout.guest(id)
    const names = await files.list(own.folder)
    // Only what a create leaves before its first record: a folder with anything else may be somebody's.
    if (names.every((name) => `${own.folder}/${name}` === `${own.record}${halfWritten}`))
      await files.removeTree(own.folder)
  }
}

// Puts a snapshot's content in the place of a cloud's: first all that is there moves out, then what was laid ready moves in.
// A marker tells which of the two is under way, so that a restore that was cut off is finished at the next start.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { World } from '#kit/world/world.ts'
import type { DataFolder } from '../data-folder.ts'

/** No part of what a snapshot holds: the cloud's set-up, its secrets, what is about processes, and the snapshots themselves. */
const inPlace = new Set([
  '.nimbo-cloud',
  'nimbo.yaml',
  'policy',
  'secrets.json',
  'tls',
  'admin-openrc',
  'demo-openrc',
  'clouds.yaml',
  'demo-key',
  'demo-key.pub',
  'known_hosts',
  'lock',
  'run',
  'log',
  'cache',
  'simulation',
  'snapshots',
])

/** `path` is below the data folder; only its first part counts. Files on their way to another name stay too. */
export function staysInPlace(path: string): boolean {
  const [first = ''] = path.split('/', 1)
  return inPlace.has(first) || first.endsWith('.new')
}

export function snapshotsOf({ root }: DataFolder): string {
  return `${root}/snapshots`
}

type Phase = 'out' | 'in'

/** What lies in `.incoming` becomes the cloud's. Nothing of the cloud runs meanwhile. */
export async function moveIn(world: World, folder: DataFolder): Promise<void> {
  await world.files.removeTree(`${snapshotsOf(folder)}/.outgoing`)
  await mark(world, folder, 'out')
  await goOn(world, folder, 'out')
}

/** Before anything of the cloud is opened. True where there was something to finish. */
export async function finishRestore(world: World, folder: DataFolder): Promise<boolean> {
  const { files } = world
  const path = markerOf(folder)
  if (!(await files.exists(path))) return false
  const phase = (await files.readText(path)).trim()
  if (phase !== 'out' && phase !== 'in')
    throw new CloudError('internal', `${path} says '${phase}', which is no phase of a restore.`)
  await goOn(world, folder, phase)
  await files.removeTree(`${snapshotsOf(folder)}/.outgoing`)
  return true
}

async function goOn(world: World, folder: DataFolder, phase: Phase): Promise<void> {
  const { files } = world
  const { root } = folder
  const home = snapshotsOf(folder)
  if (phase === 'out') {
    await files.makeFolder(`${home}/.outgoing`)
    for (const name of await files.list(root))
      if (!staysInPlace(name)) await files.rename(`${root}/${name}`, `${home}/.outgoing/${name}`)
    await mark(world, folder, 'in')
  }
  const incoming = `${home}/.incoming`
  if (await files.exists(incoming))
    for (const name of await files.list(incoming))
      await files.rename(`${incoming}/${name}`, `${root}/${name}`)
  await files.syncFolder(root)
  await files.remove(markerOf(folder))
  await files.removeTree(incoming)
}

function markerOf(folder: DataFolder): string {
  return `${snapshotsOf(folder)}/.restoring`
}

/** A name in a folder is on disk before the marker that counts on it. */
async function mark(world: World, folder: DataFolder, phase: Phase): Promise<void> {
  await world.files.syncFolder(folder.root)
  await world.files.writeAtomic(markerOf(folder), `${phase}\n`)
}

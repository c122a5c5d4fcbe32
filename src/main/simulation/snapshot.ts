// Snapshots of a simulated cloud: folders beside its data, each a copy of all that the cloud holds, made within one turn of the
// event loop: what a kill at that instant would have left, which every part of the cloud starts from as after any kill.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { World } from '#kit/world/world.ts'
import type { SimulationSurroundings } from '#services/simulation/app.ts'
import type { Snapshot } from '#services/simulation/resources/snapshot.ts'
import { type Cloud, cloudId } from '../data-folder.ts'
import { simulatedHosts } from '../host-kind.ts'
import { readVersion } from '../verb/version.ts'
import { moveIn, snapshotsOf, staysInPlace } from './restore.ts'

type Manifest = Omit<Snapshot, 'hosts'> & {
  format: 1
  /** Of the cloud that it was taken of. */
  cloud: string
  hosts: string[]
}

export type SnapshotNeeds = {
  /** Whatever is still on its way to the disk gets there; then nothing in the process but `work` runs. */
  still<T>(work: () => T): Promise<T>
  /** All parts of the cloud end, the work is done, all start again. */
  replaceData(work: () => Promise<void>): Promise<void>
}

/** Written once, under their final names only when they are whole (drivers/imagestore/file). */
const isImage = (path: string) => path.startsWith('image/images/')

export async function openSnapshots(
  world: World,
  cloud: Cloud,
  { still, replaceData }: SnapshotNeeds,
): Promise<SimulationSurroundings['snapshots']> {
  const { files, clock } = world
  const { root } = cloud.folder
  const home = snapshotsOf(cloud.folder)
  await files.makeFolder(home)
  await tidy(world, home)
  const manifestOf = (name: string) => `${home}/${name}/snapshot.json`

  async function read(name: string): Promise<Manifest> {
    if (!(await files.exists(manifestOf(name))))
      throw new CloudError('notFound', `There is no snapshot '${name}'.`)
    return JSON.parse(await files.readText(manifestOf(name))) as Manifest
  }
  async function remove(folder: string): Promise<void> {
    await files.removeTree(`${home}/${folder}`)
  }

  return {
    async list() {
      const names = (await files.list(home)).filter((name) => !name.startsWith('.')).sort()
      return Promise.all(names.map(async (name) => shown(await read(name))))
    },

    async save({ name, description }) {
      requireOwnBroker(cloud)
      requireOwnDatabases(cloud)
      if (await files.exists(`${home}/${name}`))
        throw new CloudError(
          'conflict',
          `There is a snapshot '${name}' already: delete it, or choose another name.`,
        )
      const started = clock.monotonic()
      const beside = `.saving-${name}`
      await remove(beside)
      await files.makeFolder(`${home}/${beside}`)
      try {
        const copied = await still(() =>
          files.copyTreeSync(root, `${home}/${beside}/content`, {
            skip: (path) => staysInPlace(path) || isLeftOut(path),
            link: isImage,
          }),
        )
        const manifest: Manifest = {
          format: 1,
          name,
          description,
          cloud: await cloudId(world, cloud.folder),
          createdAt: clock.now(),
          version: await readVersion(world),
          hosts: simulatedHosts(cloud.settings).map(({ name }) => name),
          sizeBytes: copied.bytes,
          tookMs: clock.monotonic() - started,
        }
        await files.writeAtomic(`${home}/${beside}/snapshot.json`, `${JSON.stringify(manifest, null, 2)}\n`)
        await files.rename(`${home}/${beside}`, `${home}/${name}`)
        await files.syncFolder(home)
        return shown({ ...manifest, tookMs: clock.monotonic() - started })
      } catch (error) {
        await remove(beside)
        throw new CloudError('unavailable', `The snapshot '${name}' could not be saved.`, { cause: error })
      }
    },

    async restore(name) {
      const started = clock.monotonic()
      requireOwnBroker(cloud)
      const manifest = await read(name)
      await requireFit(world, cloud, manifest)
      await remove('.incoming')
      try {
        // Beside the running cloud: it stops only for the moment in which folders change their names.
        files.copyTreeSync(`${home}/${name}/content`, `${home}/.incoming`, { link: isImage })
      } catch (error) {
        await remove('.incoming')
        throw new CloudError(
          'unavailable',
          `The snapshot '${name}' could not be put back; nothing was changed.`,
          {
            cause: error,
          },
        )
      }
      await replaceData(() => moveIn(world, cloud.folder))
      await remove('.outgoing')
      return shown({ ...manifest, tookMs: clock.monotonic() - started })
    },

    async delete(name) {
      await read(name)
      await remove(`.deleting-${name}`)
      await files.rename(`${home}/${name}`, `${home}/.deleting-${name}`)
      await remove(`.deleting-${name}`)
    },
  }
}

/** What a save or a delete left that was cut off. */
async function tidy({ files }: World, home: string): Promise<void> {
  for (const name of await files.list(home))
    if (/^\.(saving|deleting)-|^\.(incoming|outgoing)$/.test(name)) await files.removeTree(`${home}/${name}`)
}

/** SQLite makes its index of the log anew. What is being uploaded has no row that would speak of it as whole. */
const isLeftOut = (path: string) => path.endsWith('.db-shm') || path.startsWith('image/incoming/')

/** What lies in somebody's RabbitMQ can't be put back. */
function requireOwnBroker({ settings: { transportUrl, transportUrlFile } }: Cloud): void {
  if (transportUrl !== undefined || transportUrlFile !== undefined)
    throw new CloudError(
      'conflict',
      'The messages of this cloud lie in a RabbitMQ of its own: only clouds with the embedded broker have snapshots.',
      { type: 'ForeignBroker' },
    )
}

function requireOwnDatabases({ settings: { databaseUrl, databaseUrlFile, databaseUrls } }: Cloud): void {
  if (databaseUrl !== undefined || databaseUrlFile !== undefined || Object.keys(databaseUrls).length > 0)
    throw new CloudError(
      'conflict',
      'The databases of this cloud are on a server of their own: only clouds with files have snapshots.',
      { type: 'ForeignDatabase' },
    )
}

async function requireFit(world: World, { folder, settings }: Cloud, manifest: Manifest): Promise<void> {
  const { name } = manifest
  const refuse = (why: string, remedy: string) => {
    throw new CloudError('conflict', `The snapshot '${name}' ${why}: ${remedy}.`, { type: 'SnapshotMisfit' })
  }
  const version = await readVersion(world)
  if (manifest.format !== 1 || manifest.version !== version)
    refuse(
      `was saved by version ${manifest.version}, and this is ${version}`,
      'run that version, or delete the snapshot and save a new one',
    )
  if (manifest.cloud !== (await cloudId(world, folder)))
    refuse('is of another cloud', 'delete it here, and restore it in the data folder of its own cloud')
  const hosts = simulatedHosts(settings).map(({ name }) => name)
  if (manifest.hosts.join() !== hosts.join())
    refuse(
      `holds ${manifest.hosts.length} hosts, and this cloud has ${hosts.length}`,
      `set cloud.hosts to ${manifest.hosts.length} in ${folder.config}, then 'nimbo down' and 'nimbo up'`,
    )
}

function shown({ name, description, createdAt, version, hosts, sizeBytes, tookMs }: Manifest): Snapshot {
  return { name, description, createdAt, version, hosts: hosts.length, sizeBytes, tookMs }
}

// Images as files named by their id, mode 0640 (row 132). An upload goes to a folder beside and is renamed when whole.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { World } from '#kit/world/world.ts'
import type { ImageStore, ImageStoreOptions, ReadAt } from '../driver.ts'
import { writeFile } from './write.ts'

const imageMode = 0o640
/** Left free on the disk, so that a full store doesn't stop databases and logs on the same one. */
const keptFreeBytes = 64 * 1024 * 1024
const spaceCheckEvery = 64 * 1024 * 1024
/** What a read takes at once. */
const chunkBytes = 256 * 1024

export async function openFileStore(world: World, options: ImageStoreOptions): Promise<ImageStore> {
  const { files } = world
  const images = join(options.folder, 'images')
  const incoming = join(options.folder, 'incoming')
  await files.makeFolder(images, { mode: 0o750 })
  await files.makeFolder(incoming)
  const pathOf = (id: string) => {
    // Ids come from the database, where only UUIDs stand; a path must not depend on that alone.
    if (!/^[0-9a-f-]{36}$/.test(id)) throw new CloudError('badRequest', `'${id}' is no image id`)
    return join(images, id)
  }

  /** Looks at the limit with each chunk, and at the disk now and then. */
  const bounded = (limitBytes: number) => {
    let checkAt = 0
    return (size: number): Promise<void> | undefined => {
      if (size > limitBytes)
        throw new CloudError('tooLarge', `Denying attempt to upload image larger than ${limitBytes} bytes.`)
      if (size < checkAt) return undefined
      checkAt = size + spaceCheckEvery
      return files.space(incoming).then(({ freeBytes }) => {
        if (freeBytes < keptFreeBytes + spaceCheckEvery) throw full()
      })
    }
  }

  return {
    kind: 'file',
    properties: { datadir: images, chunk_size: chunkBytes, thin_provisioning: false },
    locate: (id) => pathToFileURL(pathOf(id)).href,
    async put(id, content, { limitBytes, check, spent }) {
      const final = pathOf(id)
      const temporary = join(incoming, `${id}.${world.random.hexId()}.${world.host.name}`)
      try {
        const size = await writeFile(files, temporary, imageMode, content, {
          admit: bounded(limitBytes),
          spent,
        })
        const file = await files.open(temporary, 'r')
        try {
          await check(readerOf(file), size)
          await file.datasync()
        } finally {
          await file.close()
        }
        await files.rename(temporary, final)
        // A row will say that it is there, also after a power cut.
        await files.syncFolder(images)
        return { id, sizeBytes: size }
      } catch (error) {
        content.destroy()
        await files.remove(temporary)
        throw (error as NodeJS.ErrnoException).code === 'ENOSPC' ? full(error) : error
      }
    },
    async get(id, range) {
      if (!(await files.exists(pathOf(id))))
        throw new CloudError('notFound', `Image ${id} could not be found.`)
      return files.readStream(pathOf(id), { ...range, chunkBytes })
    },
    async info(id) {
      const info = await files.info(pathOf(id))
      return info && { id, sizeBytes: info.size }
    },
    remove: (id) => files.remove(pathOf(id)),
    async list() {
      const found = []
      for (const id of await files.list(images))
        found.push({ id, sizeBytes: (await files.info(join(images, id)))?.size ?? 0 })
      return found
    },
    async sweep() {
      for (const name of await files.list(incoming)) {
        // Controllers may share the folder: what another one is writing just now is none of our leavings.
        const host = name.split('.').slice(2).join('.')
        if (host === '' || host === world.host.name) await files.remove(join(incoming, name))
      }
    },
  }
}

function readerOf(file: {
  read(buffer: Buffer, offset: number, length: number, position: number): Promise<number>
}): ReadAt {
  return async (offset, length) => {
    const buffer = Buffer.alloc(length)
    return buffer.subarray(0, await file.read(buffer, 0, length, offset))
  }
}

function full(cause?: unknown): CloudError {
  return new CloudError(
    'tooLarge',
    'Image storage media is full: There is not enough disk space on the image storage media.',
    { cause },
  )
}

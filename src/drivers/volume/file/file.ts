// Volumes as sparse raw files, made beside their place and renamed when whole; guests on the same host open them.
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { requireSafeImage } from '#kit/image-format/check.ts'
import { inspectImage } from '#kit/image-format/inspect.ts'
import { verifiedBytes } from '#kit/image-format/verify.ts'
import type { World } from '#kit/world/world.ts'
import type { VolumeDriver, VolumeOptions, VolumeSource } from '../driver.ts'

const gib = 2 ** 30
/**
 * What an image made to exhaust qemu-img meets. It needs little memory, but each of its threads reserves addresses by the
 * ten megabytes. Bytes, and seconds of processor time.
 */
const convertLimits = { addressSpace: 4 * 2 ** 30, cpuSeconds: 1800 }
/** What `qemu-img convert -f` calls Glance's formats; the others are raw already. */
const convertible: Record<string, string> = {
  qcow2: 'qcow2',
  vmdk: 'vmdk',
  vdi: 'vdi',
  vhd: 'vpc',
  vhdx: 'vhdx',
}
const prefix = 'volume-'

export async function openFileVolumes(world: World, options: VolumeOptions): Promise<VolumeDriver> {
  const { files } = world
  const { folder, guestUid } = options
  // Whoever runs guests has to pass through to its own volumes; each file guards itself.
  await files.makeFolder(folder, { mode: 0o711 })
  const incoming = join(folder, 'incoming')
  await files.makeFolder(incoming)
  for (const left of await files.list(incoming)) await files.remove(join(incoming, left))
  // An empty file by the id of each volume that is not confirmed yet: made before the volume, removed after it.
  const marks = join(folder, 'unconfirmed')
  await files.makeFolder(marks)
  const pathOf = (id: string) => {
    if (!/^[0-9a-f-]{36}$/.test(id)) throw new CloudError('badRequest', `'${id}' is no volume id`)
    return join(folder, prefix + id)
  }
  for (const id of await files.list(marks))
    if (!(await files.exists(pathOf(id)))) await files.remove(join(marks, id))
  const need = async (id: string) => {
    if (!(await files.exists(pathOf(id))))
      throw new CloudError('notFound', `There is no volume ${id} on this host.`)
    return pathOf(id)
  }
  const setSize = async (path: string, bytes: number) => {
    const file = await files.open(path, 'r+')
    try {
      await file.truncate(bytes)
      await file.datasync()
    } finally {
      await file.close()
    }
  }

  return {
    name: 'file',
    reach: 'host',
    async create(id, sizeGib, source) {
      const final = pathOf(id)
      if (await files.exists(final)) return
      const work = join(incoming, `${id}.${world.random.hexId()}`)
      try {
        await files.write(join(marks, id), '')
        if (source) await fill(world, work, `${work}.image`, source, sizeGib * gib)
        else await files.write(work, '', { mode: 0o600 })
        await setSize(work, sizeGib * gib)
        if (guestUid !== undefined) await files.chown(work, guestUid, guestUid)
        await files.rename(work, final)
      } catch (error) {
        await files.remove(work)
        await files.remove(join(marks, id))
        throw (error as NodeJS.ErrnoException).code === 'ENOSPC' ? full(error) : error
      } finally {
        await files.remove(`${work}.image`)
      }
    },
    async delete(id) {
      await files.remove(pathOf(id))
      await files.remove(join(marks, id))
    },
    async extend(id, sizeGib) {
      const path = await need(id)
      const { size } = (await files.info(path))!
      if (size < sizeGib * gib) await setSize(path, sizeGib * gib)
    },
    async connect(id) {
      return { driverVolumeType: 'file', data: { path: await need(id), format: 'raw' } }
    },
    async list() {
      const names = await files.list(folder)
      return names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length))
    },
    async confirm(id) {
      await files.remove(join(marks, id))
    },
    unconfirmed: () => files.list(marks),
    async capacity() {
      const { freeBytes, totalBytes } = await files.space(folder)
      return { totalGib: Math.floor(totalBytes / gib), freeGib: Math.floor(freeBytes / gib) }
    },
  }
}

/** The image's content as raw bytes in `target`; inspected before any tool opens it. */
async function fill(
  world: World,
  target: string,
  download: string,
  source: VolumeSource,
  limitBytes: number,
): Promise<void> {
  const { files } = world
  if ((await files.space(join(target, '..'))).freeBytes < source.sizeBytes) throw full()
  const bytes = verifiedBytes({ id: 'for the volume', ...source }, await source.open())
  await pipeline(bytes, files.writeStream(download, { flags: 'wx' }))
  const file = await files.open(download, 'r')
  let virtualSize: number
  try {
    const info = await inspectImage(async (offset, length) => {
      const buffer = Buffer.alloc(length)
      return buffer.subarray(0, await file.read(buffer, 0, length, offset))
    }, source.sizeBytes)
    requireSafeImage(info, source.diskFormat)
    virtualSize = info.virtualSize
  } finally {
    await file.close()
  }
  if (virtualSize > limitBytes) {
    throw new CloudError(
      'tooLarge',
      `The image needs ${Math.ceil(virtualSize / gib)} GiB and the volume has ${limitBytes / gib} GiB.`,
    )
  }
  const format = convertible[source.diskFormat]
  if (!format) return files.rename(download, target)
  const convert = ['qemu-img', 'convert', '-f', format, '-O', 'raw', '-S', '4k', download, target]
  const limits = [`--as=${convertLimits.addressSpace}`, `--cpu=${convertLimits.cpuSeconds}`]
  const result = await world.processes.run('prlimit', [...limits, '--', ...convert], {
    timeoutMs: convertLimits.cpuSeconds * 1000,
  })
  if (result.code !== 0)
    throw new CloudError('badRequest', 'The image could not be converted for the volume.', {
      detail: result.stderr,
    })
  await files.chmod(target, 0o600)
}

function full(cause?: unknown): CloudError {
  return new CloudError('tooLarge', 'The host has no room left for the volume.', { cause })
}

// What an import makes of staged bytes before they are stored: decompressed, judged, converted. No tool opens what
// hasn't been judged, and the one that does is shut in.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ImageStore } from '#drivers/imagestore/load.ts'
import { decompressed } from '#kit/compress/decompress.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { requireSafeImage } from '#kit/image-format/check.ts'
import type { ImageFormat, ImageInfo } from '#kit/image-format/format.ts'
import { inspectWhole } from '#kit/image-format/inspect.ts'
import { openSandbox, type Sandbox } from '#kit/sandbox/sandbox.ts'
import type { ImageApp } from '../app.ts'
import type { Formats } from './content.ts'

/** What qemu-img calls the formats that it is asked to read. */
const convertible: Partial<Record<ImageFormat, string>> = {
  raw: 'raw',
  qcow2: 'qcow2',
  vmdk: 'vmdk',
  vdi: 'vdi',
  vhd: 'vpc',
  vhdx: 'vhdx',
}
/** A disk that is no file system of an AMI, no kernel and no CD. */
const disks = ['raw', 'qcow2', 'vmdk', 'vdi', 'vhd', 'vhdx']
const writing: Record<string, readonly string[]> = {
  raw: [],
  qcow2: [],
  vmdk: ['-o', 'subformat=streamOptimized'],
}

const pathIn = (store: ImageStore, id: string) => fileURLToPath(store.locate(id))

/** Its bytes under another id, where they are compressed. */
export async function unpackStaged(
  app: ImageApp,
  id: string,
  unpackedId: string,
  limitBytes: number,
): Promise<boolean> {
  return withStaged(app, id, async (read, sizeBytes) => {
    const stream = (range: { start: number; end: number }) =>
      app.world.files.readStream(pathIn(app.staging, id), range)
    const content = await decompressed({ read, sizeBytes, stream })
    if (!content) return false
    await app.staging.put(unpackedId, content, { limitBytes, check: async () => {} })
    return true
  })
}

/** Kind 'badRequest' with the reasons where it isn't what the formats say, or reaches for other files. */
export async function judgeStaged(app: ImageApp, id: string, formats: Formats): Promise<ImageInfo> {
  return withStaged(app, id, async (read, sizeBytes) => {
    const info = await inspectWhole(read, sizeBytes)
    requireSafeImage(info, formats.diskFormat, formats.containerFormat)
    return info
  })
}

/** The format that it has now; what is no disk, and what has the wanted format already, stays as it is. */
export async function convertStaged(
  app: ImageApp,
  id: string,
  convertedId: string,
  info: ImageInfo,
  formats: Formats,
): Promise<string | undefined> {
  const wanted = app.config.convertTo
  if (wanted === 'none' || formats.containerFormat !== 'bare') return undefined
  if (!disks.includes(formats.diskFormat) || info.format === wanted) return undefined
  const from = convertible[info.format]
  if (!from) return undefined
  const most = app.config.maxSizeGib * 2 ** 30
  if (info.virtualSize > most)
    throw new CloudError(
      'badRequest',
      `The image would be ${info.virtualSize} bytes when converted, and ${most} are allowed.`,
      { type: 'InvalidImage' },
    )
  const { files } = app.world
  const folder = join(app.workFolder, convertedId)
  try {
    const sandbox = await openSandbox(app.world)
    await makeFolder(app, sandbox, folder, pathIn(app.staging, id))
    await runConversion(
      app,
      sandbox,
      folder,
      ['-f', from, '-O', wanted, ...writing[wanted]!],
      info.virtualSize,
    )
    const made = join(folder, 'out')
    if (sandbox.owner) await files.chown(made, 0, 0)
    await files.chmod(made, 0o640)
    await files.rename(made, pathIn(app.staging, convertedId))
  } finally {
    await files.removeTree(folder)
  }
  return wanted
}

async function makeFolder(
  { world }: ImageApp,
  { owner }: Sandbox,
  folder: string,
  image: string,
): Promise<void> {
  const { files } = world
  await files.removeTree(folder)
  await files.makeFolder(folder)
  // One file by two names: the group may read it from now on, whatever mask of modes we were started with.
  await files.link(image, join(folder, 'in'))
  if (!owner) return
  await files.chown(folder, owner.uid, owner.gid)
  await files.chown(join(folder, 'in'), 0, owner.gid)
  await files.chmod(join(folder, 'in'), 0o640)
}

async function runConversion(
  { config }: ImageApp,
  sandbox: Sandbox,
  folder: string,
  words: readonly string[],
  virtualSize: number,
): Promise<void> {
  const result = await sandbox.run(folder, ['qemu-img', 'convert', ...words, 'in', 'out'], {
    memoryBytes: config.convertMemoryMib * 2 ** 20,
    cpuSeconds: Math.ceil(config.convertTimeout / 1000),
    // Tables of the format come on top of the bytes themselves.
    fileBytes: Math.ceil(virtualSize * 1.02) + 64 * 2 ** 20,
    timeoutMs: config.convertTimeout,
  })
  if (result.code === 0) return
  if (/No space left/.test(result.stderr))
    throw new CloudError('tooLarge', 'There is no room to convert the image.', { detail: result.stderr })
  const reason = result.signal
    ? `it needed more than its limits (${result.signal})`
    : (result.stderr.trim().split('\n').at(-1) ?? '').replaceAll(folder, '') || 'qemu-img gave no reason'
  throw new CloudError('badRequest', `The image can't be converted: ${reason}`, {
    type: 'InvalidImage',
    detail: result.stderr,
  })
}

async function withStaged<T>(
  { world, staging }: ImageApp,
  id: string,
  work: (read: (offset: number, length: number) => Promise<Buffer>, sizeBytes: number) => Promise<T>,
): Promise<T> {
  const there = await staging.info(id)
  if (!there) throw new CloudError('notFound', `There are no staged bytes of image ${id}`)
  const file = await world.files.open(pathIn(staging, id), 'r')
  try {
    return await work(async (offset, length) => {
      const buffer = Buffer.alloc(Math.max(0, Math.min(length, there.sizeBytes - offset)))
      return buffer.subarray(0, buffer.length && (await file.read(buffer, 0, buffer.length, offset)))
    }, there.sizeBytes)
  } finally {
    await file.close()
  }
}

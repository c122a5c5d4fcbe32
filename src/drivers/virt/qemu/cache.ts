// The cache of base images: _base/<sha1 of the image id>, raw, shared by all guests of the host. An image is fetched
// once however many guests start at the same time, and no tool opens it before its bytes were inspected.
import type { Readable } from 'node:stream'
import { asError, CloudError } from '#kit/errors/cloud-error.ts'
import { requireSafeImage } from '#kit/image-format/check.ts'
import type { ImageInfo } from '#kit/image-format/format.ts'
import { inspectImage } from '#kit/image-format/inspect.ts'
import { verifiedBytes } from '#kit/image-format/verify.ts'
import type { CreateOptions, CreateReport, GuestImage } from '../driver.ts'
import { fileProblem, giveToGuest, type Host } from './host.ts'
import { baseName } from './layout.ts'
import { ownMark, withLock } from './lock.ts'
import { guestIds, readRecord } from './record.ts'

export type BaseImage = { path: string; virtualSize: number }
export type ImageCache = {
  ensure(image: GuestImage, limitBytes: number | undefined, create: CreateOptions): Promise<BaseImage>
  /** Removes base images that no guest of this host has used for a day. */
  prune(): Promise<void>
}

/** As Nova's remove_unused_original_minimum_age_seconds. */
const unusedMs = 24 * 3_600_000

/** Kept free for everything else on that disk. */
const reserveBytes = 64 * 2 ** 20
/** A source that sends nothing for this long is given up. */
const stallMs = 60_000
/**
 * What an image made to exhaust qemu-img meets. It needs little memory, but each of its threads reserves addresses by the
 * ten megabytes. Bytes, and seconds of processor time.
 */
const convertLimits = { addressSpace: 4 * 2 ** 30, cpuSeconds: 1800 }
/** What `qemu-img convert -f` calls our formats. */
const convertible: Record<string, string> = {
  qcow2: 'qcow2',
  vmdk: 'vmdk',
  vdi: 'vdi',
  vhd: 'vpc',
  vhdx: 'vhdx',
}

export function openImageCache(host: Host): ImageCache {
  const fetching = new Map<string, Promise<BaseImage>>()
  /** When each base was last seen in use, by its name; before our time its file's own age has to do. */
  const used = new Map<string, number>()
  return {
    async ensure(image, limitBytes, create) {
      used.set(baseName(image.id), host.world.clock.now())
      const present = await lookUp(host, image)
      if (present) return present
      let fetch = fetching.get(image.id)
      if (!fetch) {
        fetch = withLock(host, baseName(image.id), () => fetchBase(host, image, limitBytes, create)).finally(
          () => fetching.delete(image.id),
        )
        fetching.set(image.id, fetch)
      }
      return fetch
    },
    async prune() {
      const now = host.world.clock.now()
      for (const id of await guestIds(host)) {
        const image = (await readRecord(host, id))?.spec.image
        if (image) used.set(baseName(image.id), now)
      }
      for (const name of await host.world.files.list(host.layout.baseFolder)) {
        const path = `${host.layout.baseFolder}/${name}`
        const info = /^[0-9a-f]{40}$/.test(name) ? await host.world.files.info(path) : undefined
        if (!info || now - Math.max(info.mtimeMs, used.get(name) ?? 0) < unusedMs) continue
        used.delete(name)
        await host.world.files.remove(path)
        host.log.info({ base: name }, 'removed a base image that no guest used for a day')
      }
    },
  }
}

async function lookUp(host: Host, image: GuestImage): Promise<BaseImage | undefined> {
  const path = host.layout.base(image.id)
  const info = await host.world.files.info(path)
  return info && { path, virtualSize: info.size }
}

async function fetchBase(
  host: Host,
  image: GuestImage,
  limitBytes: number | undefined,
  create: CreateOptions,
): Promise<BaseImage> {
  const present = await lookUp(host, image)
  if (present) return present
  if (!create.image)
    throw new CloudError('badRequest', `Image ${image.id} isn't on this host and no source was given.`)
  const base = host.layout.base(image.id)
  const work = `${base}.${await ownMark(host)}`
  const { files } = host.world
  await files.removeTree(work)
  try {
    await files.makeFolder(work, { mode: 0o700 })
    await giveToGuest(host, work)
    await requireSpace(host, image.sizeBytes, `image ${image.id}`)
    create.report?.('image.fetch', { imageId: image.id, sizeBytes: image.sizeBytes })
    const downloaded = `${work}/image`
    await download(host, image, await create.image.open(), downloaded)
    const info = await inspectFile(host, downloaded, image.sizeBytes)
    requireSafeImage(info, image.diskFormat)
    if (limitBytes !== undefined && info.virtualSize > limitBytes)
      throw tooSmall(image.id, info.virtualSize, limitBytes)
    const raw = convertible[info.format]
      ? await convert(host, image, info, downloaded, `${work}/raw`, create.report)
      : downloaded
    if (host.owner) await files.chown(raw, 0, 0)
    await files.chmod(raw, 0o644)
    const size = (await files.info(raw))!.size
    await files.rename(raw, base)
    return { path: base, virtualSize: size }
  } catch (error) {
    throw fileProblem(error, base)
  } finally {
    await files.removeTree(work)
  }
}

async function download(host: Host, image: GuestImage, source: Readable, path: string): Promise<void> {
  let cancel = () => {}
  const watch = () => {
    cancel()
    const late = new CloudError('timeout', `Image ${image.id} stopped arriving for ${stallMs / 1000} s.`)
    cancel = host.world.timers.after(stallMs, () => source.destroy(late), { background: true })
  }
  const file = await host.world.files.open(path, 'w', 0o644)
  let at = 0
  try {
    watch()
    for await (const chunk of verifiedBytes(image, source)) {
      watch()
      let from = 0
      while (from < chunk.length) from += await file.write(chunk, from, chunk.length - from, at + from)
      at += chunk.length
    }
    await file.datasync()
  } catch (error) {
    throw asDownloadProblem(image, error, path)
  } finally {
    cancel()
    await file.close()
  }
}

function asDownloadProblem(image: GuestImage, error: unknown, path: string): unknown {
  const seen = fileProblem(error, path)
  if (seen instanceof CloudError) return seen
  return new CloudError('badGateway', `Image ${image.id} could not be fetched: ${asError(error).message}.`, {
    cause: error,
  })
}

async function inspectFile(host: Host, path: string, size: number): Promise<ImageInfo> {
  const file = await host.world.files.open(path, 'r')
  try {
    return await inspectImage(async (offset, length) => {
      const buffer = Buffer.alloc(Math.max(0, Math.min(length, size - offset)))
      const count = buffer.length === 0 ? 0 : await file.read(buffer, 0, buffer.length, offset)
      return buffer.subarray(0, count)
    }, size)
  } finally {
    await file.close()
  }
}

/** As the guests' user and within limits: the image is a stranger's, and parsers of images have had holes. */
async function convert(
  host: Host,
  image: GuestImage,
  info: ImageInfo,
  from: string,
  to: string,
  report: CreateReport | undefined,
): Promise<string> {
  await requireSpace(host, info.virtualSize, `the raw form of image ${image.id}`)
  report?.('image.convert', { imageId: image.id, from: info.format, virtualSize: info.virtualSize })
  const limits = [
    `--as=${convertLimits.addressSpace}`,
    `--cpu=${convertLimits.cpuSeconds}`,
    `--fsize=${info.virtualSize + 2 ** 20}`,
  ]
  const tool = ['qemu-img', 'convert', '-f', convertible[info.format]!, '-O', 'raw', from, to]
  const run = { timeoutMs: convertLimits.cpuSeconds * 2000, env: {}, ...host.owner }
  const result = await host.world.processes.run('prlimit', [...limits, ...tool], run)
  if (result.code !== 0) {
    if (/No space left/.test(result.stderr)) throw fullDisk(host, info.virtualSize, `image ${image.id}`)
    const reason = result.signal
      ? `it needed more than its limits (${result.signal})`
      : lastLine(result.stderr)
    throw new CloudError(
      'badRequest',
      `Image ${image.id} can't be converted from ${info.format}: ${reason}.`,
      { type: 'InvalidImage', detail: result.stderr },
    )
  }
  return to
}

/** Says no before a disk is full rather than after. */
export async function requireSpace(host: Host, bytes: number, what: string): Promise<void> {
  const { freeBytes } = await host.world.files.space(host.layout.folder)
  if (freeBytes < bytes + reserveBytes) throw fullDisk(host, bytes, what)
}

function fullDisk(host: Host, bytes: number, what: string): CloudError {
  const need = Math.ceil(bytes / 2 ** 20)
  return new CloudError(
    'unavailable',
    `The disk of host ${host.name} has no room for ${what} (${need} MiB).`,
    { type: 'DiskFull' },
  )
}

export function tooSmall(imageId: string, virtualSize: number, limitBytes: number): CloudError {
  const mib = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MiB`
  return new CloudError(
    'badRequest',
    `The flavor's disk of ${mib(limitBytes)} is smaller than image ${imageId}, which needs ${mib(virtualSize)}.`,
    {
      type: 'FlavorDiskSmallerThanImage',
    },
  )
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) || 'qemu-img gave no reason'
}

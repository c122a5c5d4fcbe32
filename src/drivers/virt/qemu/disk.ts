// A guest's own disks: the overlay on its base image, ephemeral and swap space, the config drive.
// Each is made beside its place and renamed, so that after a crash a disk is there whole or not at all.

import { CloudError } from '#kit/errors/cloud-error.ts'
import { buildCdImage } from '#kit/iso9660/iso9660.ts'
import { createQcow2 } from '#kit/qcow2/create.ts'
import type { CreateOptions, GuestSpec } from '../driver.ts'
import type { OwnDisk } from './arguments.ts'
import { type ImageCache, requireSpace, tooSmall } from './cache.ts'
import { giveToGuest, type Host } from './host.ts'
import { diskInfoText } from './layout.ts'
import { ownMark, withLock } from './lock.ts'

const mib = 2 ** 20
const gib = 2 ** 30
/** An overlay is 200 KiB at first; a host without this much room would stop the guest at its first writes. */
const overlayRoom = 16 * mib
const pageBytes = 4096

/** Everything that a create needs from elsewhere, before a single file of the guest exists. */
export async function prepareBase(
  host: Host,
  cache: ImageCache,
  spec: GuestSpec,
  create: CreateOptions,
): Promise<void> {
  if (!spec.image) {
    if (!spec.volumes.some((volume) => volume.bootIndex === 0)) {
      throw new CloudError('badRequest', `Guest ${spec.id} has neither an image nor a volume to boot from.`)
    }
    return
  }
  const limit = spec.rootGb > 0 ? spec.rootGb * gib : undefined
  const base = await cache.ensure(spec.image, limit, create)
  if (limit !== undefined && base.virtualSize > limit) throw tooSmall(spec.image.id, base.virtualSize, limit)
  await requireSpace(host, overlayRoom, `the disk of guest ${spec.id}`)
}

/** Which disks the guest has; made by `makeDisks`. */
export function disksOf(host: Host, spec: GuestSpec): OwnDisk[] {
  const files = host.layout.guest(spec.id)
  const disks: OwnDisk[] = []
  if (spec.image) disks.push({ name: 'root', path: files.disk, format: 'qcow2' })
  if (spec.ephemeralGb > 0) disks.push({ name: 'ephemeral', path: files.ephemeral, format: 'qcow2' })
  if (spec.swapMb > 0) disks.push({ name: 'swap', path: files.swap, format: 'raw' })
  return disks
}

/** Makes what is missing; a disk that is there may hold the guest's work and is left as it is. */
export async function makeDisks(host: Host, spec: GuestSpec): Promise<void> {
  const files = host.layout.guest(spec.id)
  if (spec.image) await once(host, files.disk, 0o644, (path) => makeRoot(host, spec, path))
  if (spec.ephemeralGb > 0)
    await once(host, files.ephemeral, 0o644, (path) => makeEphemeral(host, spec.ephemeralGb, path))
  if (spec.swapMb > 0) await once(host, files.swap, 0o600, (path) => makeSwap(host, spec, path))
  if (spec.configDrive) {
    // Its content belongs to the specification: a new one replaces it.
    await host.world.files.remove(files.configDrive)
    const image = buildCdImage({ label: 'config-2', files: spec.configDrive, at: spec.createdAt })
    await once(host, files.configDrive, 0o600, (path) => host.world.files.write(path, image, { mode: 0o600 }))
  }
  const formats = disksOf(host, spec).map((disk) => [disk.path, disk.format])
  if (await host.world.files.exists(files.configDrive)) formats.push([files.configDrive, 'raw'])
  await host.world.files.write(files.diskInfo, diskInfoText(Object.fromEntries(formats)), { mode: 0o644 })
}

async function once(
  host: Host,
  path: string,
  mode: number,
  make: (path: string) => Promise<void>,
): Promise<void> {
  const { files } = host.world
  if (await files.exists(path)) return
  const beside = `${path}.${await ownMark(host)}`
  await files.remove(beside)
  await make(beside)
  await files.chmod(beside, mode)
  await giveToGuest(host, beside)
  await files.rename(beside, path)
}

async function makeRoot(host: Host, spec: GuestSpec, path: string): Promise<void> {
  const base = host.layout.base(spec.image!.id)
  const info = await host.world.files.info(base)
  if (!info) throw new CloudError('unavailable', `The base image of guest ${spec.id} is gone: ${base}.`)
  const virtualSize = spec.rootGb > 0 ? spec.rootGb * gib : Math.ceil(info.size / 512) * 512
  await host.world.files.write(path, createQcow2({ virtualSize, backing: { path: base, format: 'raw' } }), {
    mode: 0o644,
  })
}

/** An overlay on an empty ext4 that all guests with this much space share. */
async function makeEphemeral(host: Host, gigabytes: number, path: string): Promise<void> {
  const name = `ephemeral_${gigabytes}_ext4`
  const base = `${host.layout.baseFolder}/${name}`
  await withLock(host, name, () =>
    once(host, base, 0o644, async (beside) => {
      const file = await host.world.files.open(beside, 'w', 0o644)
      await file.truncate(gigabytes * gib)
      await file.close()
      const result = await host.world.processes.run('mke2fs', [
        '-q',
        '-F',
        '-t',
        'ext4',
        '-L',
        'ephemeral0',
        '-m',
        '0',
        beside,
      ])
      if (result.code !== 0)
        throw new CloudError('unavailable', `The ephemeral disk can't be formatted: ${result.stderr.trim()}`)
    }),
  )
  await host.world.files.write(
    path,
    createQcow2({ virtualSize: gigabytes * gib, backing: { path: base, format: 'raw' } }),
    { mode: 0o644 },
  )
}

/** What mkswap writes: version 1, the last page's number, the mark at the end of the first page. */
async function makeSwap(host: Host, spec: GuestSpec, path: string): Promise<void> {
  const header = Buffer.alloc(pageBytes)
  header.writeUInt32LE(1, 1024)
  header.writeUInt32LE((spec.swapMb * mib) / pageBytes - 1, 1028)
  header.write('SWAPSPACE2', pageBytes - 10, 'latin1')
  const file = await host.world.files.open(path, 'w', 0o600)
  await file.truncate(spec.swapMb * mib)
  await file.write(header, 0, pageBytes, 0)
  await file.close()
}

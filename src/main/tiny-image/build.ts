// `nimbo image build-tiny`: an offline default guest of some 17 MB from the distribution's own packages.
// Layout: MBR; FAT16 with syslinux, kernel and initrd; ext4 with the root. No mount, no loop device, no root needed.
// What was built is kept in the cache for as long as everything that it is made of stays the same.
import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { unlessGone } from '#kit/world/gone.ts'
import type { World } from '#kit/world/world.ts'
import { cpioArchive } from './cpio.ts'
import type { Entry } from './entry.ts'
import { fileCapability, fillScript } from './ext4.ts'
import { type Kernel, readKernel } from './kernel.ts'
import { masterBootRecord, sectorBytes } from './partition.ts'
import { fetchPackages, readPrograms, run } from './parts.ts'
import {
  diskModules,
  type GuestOptions,
  initrdEntries,
  kernelArguments,
  lateModules,
  rootEntries,
} from './root.ts'

const mebibyte = 1024 * 1024
const diskBytes = 48 * mebibyte
const bootBytes = 20 * mebibyte
const netRawCapability = 13
const rootOptions = [
  ...['-q', '-t', 'ext4', '-b', '1024', '-N', '2048', '-m', '0', '-J', 'size=1'],
  ...['-O', '^metadata_csum_seed,^orphan_file', '-L', 'tiny-root'],
]
const bootLoaderConfig = `DEFAULT tiny\nPROMPT 0\nLABEL tiny\n KERNEL vmlinuz\n INITRD initrd\n APPEND ${kernelArguments}\n`

export type TinyImageOptions = GuestOptions & {
  out: string
  /** Kept between builds: the unpacked packages, and the image that was made of them last. */
  cache: string
  /** `ID` of /etc/os-release. */
  distribution: string
  /** Also writes vmlinuz, initrd and root.ext4 here, for a direct kernel boot. */
  parts?: string
  say?: (line: string) => void
}
export type TinyImage = { path: string; bytes: number; kernel: string; minRamMegabytes: number }

/** The guest's kernel unpacks to 67.5 MiB: 80 is the least that boots, 96 leaves it room to work. */
export const minRamMegabytes = 96

export async function buildTinyImage(world: World, options: TinyImageOptions): Promise<TinyImage> {
  const say = options.say ?? (() => {})
  say('packages: kernel, busybox, dropbear')
  await world.files.makeFolder(options.cache)
  const tree = await fetchPackages(world, options.cache, options.distribution)
  const programs = await readPrograms(world, tree)
  const kernel = await readKernel(world, tree, diskModules, lateModules)
  const needed = kernel.absent.filter(
    (name) => name === 'virtio_pci' || name === 'virtio_blk' || name === 'virtio_net',
  )
  if (needed.length > 0)
    throw new CloudError('notFound', `Kernel ${kernel.release} lacks ${needed.join(', ')}.`)
  if (kernel.absent.length > 0) say(`kernel ${kernel.release} has no ${kernel.absent.join(', ')}: left out`)

  const early = await initrdEntries(world, kernel, programs)
  const late = await rootEntries(world, kernel, programs, options)
  const work = `${options.out}.build-${world.random.hexId().slice(0, 8)}`
  await world.files.makeFolder(work)
  try {
    const kept = `${options.cache}/image-${checksum(kernel, early, late)}.qcow2`
    // One with a password that somebody chose is nobody else's; parts are not kept.
    const isOrdinary = options.password === undefined && options.parts === undefined
    if (isOrdinary && (await unlessGone(world.files.copy(kept, `${work}/qcow2`).then(() => true)))) {
      say('already built from these packages')
      await world.files.rename(`${work}/qcow2`, options.out)
      return await described(world, options.out, kernel)
    }
    say(`kernel ${kernel.release}: initrd and root file system`)
    const initrd = gzipSync(cpioArchive(early), { level: 9 })
    const boot = await bootPartition(world, work, kernel, initrd)
    const root = await rootPartition(world, work, late)
    if (options.parts) await copyParts(world, options.parts, kernel, initrd, root)
    say('disk image')
    await assemble(world, work, boot, root)
    await run(world, 'qemu-img', [
      'convert',
      '-c',
      '-f',
      'raw',
      '-O',
      'qcow2',
      `${work}/disk`,
      `${work}/qcow2`,
    ])
    if (isOrdinary) await keep(world, `${work}/qcow2`, options.cache, kept)
    // A running guest may have the old image open: the new one takes its name, not its place.
    await world.files.rename(`${work}/qcow2`, options.out)
  } finally {
    await world.files.removeTree(work)
  }
  return described(world, options.out, kernel)
}

async function described(world: World, path: string, kernel: Kernel): Promise<TinyImage> {
  const bytes = (await world.files.info(path))!.size
  return { path, bytes, kernel: kernel.release, minRamMegabytes }
}

/** Of all that an image is made of. */
function checksum(kernel: Kernel, early: readonly Entry[], late: readonly Entry[]): string {
  const hash = createHash('sha256').update(kernel.image)
  for (const entry of [...early, ...late]) {
    const { content = Buffer.alloc(0), ...rest } = { content: undefined, ...entry }
    hash.update(`${JSON.stringify(rest)} ${content.length}\n`).update(content)
  }
  const layout = { diskBytes, bootBytes, rootOptions, bootLoaderConfig, netRawCapability }
  return hash.update(JSON.stringify(layout)).digest('hex').slice(0, 12)
}

/** In the place of those of older packages. */
async function keep(world: World, image: string, cache: string, kept: string): Promise<void> {
  for (const name of await world.files.list(cache))
    if (/^image-[0-9a-f]{12}\.qcow2$/.test(name) && `${cache}/${name}` !== kept)
      await world.files.remove(`${cache}/${name}`)
  // Others may build at the same time: a name is only ever given to a whole image.
  const beside = `${kept}.${world.random.hexId().slice(0, 8)}`
  await world.files.copy(image, beside)
  await world.files.rename(beside, kept)
}

async function bootPartition(world: World, work: string, kernel: Kernel, initrd: Buffer): Promise<string> {
  const path = `${work}/boot`
  await world.files.write(`${work}/vmlinuz`, kernel.image)
  await world.files.write(`${work}/initrd`, initrd)
  await world.files.write(`${work}/syslinux.cfg`, bootLoaderConfig)
  const hidden = String(mebibyte / sectorBytes)
  await run(world, 'mkfs.vfat', [
    '-F',
    '16',
    '-n',
    'TINYBOOT',
    '-h',
    hidden,
    '-C',
    path,
    String(bootBytes / 1024),
  ])
  await run(world, 'mcopy', ['-i', path, `${work}/vmlinuz`, `${work}/initrd`, `${work}/syslinux.cfg`, '::'])
  await run(world, 'syslinux', ['--install', path])
  return path
}

async function rootPartition(world: World, work: string, entries: readonly Entry[]): Promise<string> {
  const path = `${work}/root`
  const blocks = (diskBytes - bootBytes - mebibyte) / 1024
  await run(world, 'mke2fs', [...rootOptions, path, String(blocks)])
  for (const [index, entry] of entries.entries()) {
    if (entry.kind === 'file') await world.files.write(`${work}/file-${index}`, entry.content)
  }
  await world.files.write(`${work}/capability`, fileCapability(netRawCapability))
  // Busybox's shell runs its own ping: only a capability on the program itself lets users use it.
  const ping = `ea_set -f ${work}/capability /bin/busybox security.capability\n`
  await world.files.write(`${work}/script`, fillScript(entries, (index) => `${work}/file-${index}`) + ping)
  await fill(world, path, `${work}/script`)
  return path
}

/** debugfs ends with 0 whatever happens; what it says beyond its banner is a failure. */
async function fill(world: World, image: string, script: string): Promise<void> {
  const result = await world.processes.run('debugfs', ['-w', '-f', script, image], { timeoutMs: 600_000 })
  const complaints = result.stderr.split('\n').filter((line) => line !== '' && !/^debugfs \d/.test(line))
  if (result.code === 0 && complaints.length === 0) return
  throw new CloudError(
    'internal',
    `debugfs could not fill the root file system: ${complaints.slice(0, 3).join('; ')}`,
  )
}

async function assemble(world: World, work: string, boot: string, root: string): Promise<void> {
  const first = mebibyte / sectorBytes
  const record = masterBootRecord(await bootCode(world), [
    { type: 0x0e, firstSector: first, sectors: bootBytes / sectorBytes, bootable: true },
    {
      type: 0x83,
      firstSector: first + bootBytes / sectorBytes,
      sectors: (diskBytes - bootBytes) / sectorBytes - first,
    },
  ])
  const disk = await world.files.open(`${work}/disk`, 'w')
  try {
    await disk.truncate(diskBytes)
    for (const [content, position] of [
      [record, 0],
      [await world.files.read(boot), mebibyte],
      [await world.files.read(root), mebibyte + bootBytes],
    ] as const) {
      for (let done = 0; done < content.length; ) {
        done += await disk.write(content, done, content.length - done, position + done)
      }
    }
  } finally {
    await disk.close()
  }
}

async function bootCode(world: World): Promise<Buffer> {
  for (const path of ['/usr/lib/syslinux/mbr/mbr.bin', '/usr/lib/SYSLINUX/mbr.bin']) {
    if (await world.files.exists(path)) return (await world.files.read(path)).subarray(0, 440)
  }
  throw new CloudError('notFound', 'There is no mbr.bin of syslinux: install the package syslinux-common.')
}

async function copyParts(
  world: World,
  folder: string,
  kernel: Kernel,
  initrd: Buffer,
  root: string,
): Promise<void> {
  await world.files.makeFolder(folder)
  await world.files.write(`${folder}/vmlinuz`, kernel.image)
  await world.files.write(`${folder}/initrd`, initrd)
  await world.files.copy(root, `${folder}/root.ext4`)
}

// Files of the host. Everything that this makes is for its owner alone unless a mode says more.
import {
  closeSync,
  constants,
  copyFileSync,
  createReadStream,
  createWriteStream,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  type Stats,
  symlinkSync,
} from 'node:fs'
import * as fs from 'node:fs/promises'
import { dirname } from 'node:path'
import { unlessGone } from './gone.ts'
import type { CopiedTree, CopyTreeOptions, FileInfo, Files, OpenFile } from './world.ts'

const ownerOnly = 0o600

export const realFiles: Files = {
  read: (path) => fs.readFile(path),
  readText: (path) => fs.readFile(path, 'utf8'),
  readSync: readPart,
  write: (path, data, options = {}) => fs.writeFile(path, data, { mode: options.mode ?? ownerOnly }),
  async writeAtomic(path, data, options = {}) {
    await sweep(dirname(path))
    const beside = `${path}.${process.pid}.${process.hrtime.bigint()}.new`
    const file = await fs.open(beside, 'wx', options.mode ?? ownerOnly)
    try {
      await file.writeFile(data)
      await file.sync()
    } catch (error) {
      await fs.rm(beside, { force: true })
      throw error
    } finally {
      await file.close()
    }
    await fs.rename(beside, path)
    await syncFolder(dirname(path))
  },
  append: (path, data, options = {}) => fs.appendFile(path, data, { mode: options.mode ?? ownerOnly }),
  async makeFolder(path, options = {}) {
    await fs.mkdir(path, { recursive: true, mode: options.mode ?? 0o700 })
  },
  list: (path) => fs.readdir(path),
  info: (path) => unlessGone(fs.stat(path).then(toInfo)),
  exists: async (path) => (await unlessGone(fs.stat(path))) !== undefined,
  rename: (from, to) => fs.rename(from, to),
  copy: (from, to) => fs.copyFile(from, to, constants.COPYFILE_FICLONE),
  link: (existing, path) => fs.link(existing, path),
  copyTreeSync: (from, to, options = {}) => copyFolder(from, to, '', options),
  remove: (path) => fs.rm(path, { force: true }),
  syncFolder,
  removeTree: (path) => fs.rm(path, { force: true, recursive: true }),
  chmod: (path, mode) => fs.chmod(path, mode),
  chown: (path, uid, gid) => fs.chown(path, uid, gid),
  async open(path, flags, mode) {
    return toOpenFile(await fs.open(path, flags, mode ?? ownerOnly))
  },
  readStream: (path, { chunkBytes: highWaterMark = 65_536, ...range } = {}) =>
    createReadStream(path, { ...range, highWaterMark }),
  writeStream: (path, options = {}) =>
    createWriteStream(path, { flags: options.flags ?? 'w', mode: options.mode ?? ownerOnly }),
  async space(path) {
    const { bavail, blocks, bsize } = await fs.statfs(path)
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize }
  },
}

const swept = new Set<string>()

/** Once in each life: takes away what processes that were killed before their rename have left in a folder. */
async function sweep(folder: string): Promise<void> {
  if (swept.has(folder)) return
  swept.add(folder)
  for (const name of await fs.readdir(folder)) {
    const [, pid] = /\.(\d+)\.\d+\.new$/.exec(name) ?? []
    if (pid !== undefined && !lives(Number(pid))) await fs.rm(`${folder}/${name}`, { force: true })
  }
}

function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

function readPart(path: string, position: number, buffer: Buffer): number {
  const file = openSync(path, 'r')
  try {
    let got = 0
    while (got < buffer.length) {
      const count = readSync(file, buffer, got, buffer.length - got, position + got)
      if (count === 0) break
      got += count
    }
    return got
  } finally {
    closeSync(file)
  }
}

function copyFolder(from: string, to: string, below: string, options: CopyTreeOptions): CopiedTree {
  const copied: CopiedTree = { files: 0, bytes: 0 }
  mkdirSync(to, { recursive: true, mode: lstatSync(from).mode & 0o7777 })
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const path = below === '' ? entry.name : `${below}/${entry.name}`
    if (options.skip?.(path)) continue
    const [source, target] = [`${from}/${entry.name}`, `${to}/${entry.name}`]
    if (entry.isDirectory()) {
      const inside = copyFolder(source, target, path, options)
      copied.files += inside.files
      copied.bytes += inside.bytes
    } else if (entry.isSymbolicLink()) symlinkSync(readlinkSync(source), target)
    else if (entry.isFile()) {
      if (options.link?.(path)) linkSync(source, target)
      else copyFileSync(source, target, constants.COPYFILE_FICLONE)
      copied.files++
      copied.bytes += lstatSync(target).size
    }
  }
  return copied
}

/** A rename is durable only once its folder is synced. */
async function syncFolder(path: string): Promise<void> {
  const folder = await fs.open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

function toInfo(stat: Stats): FileInfo {
  return {
    size: Number(stat.size),
    mode: Number(stat.mode) & 0o7777,
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    mtimeMs: Number(stat.mtimeMs),
    isDirectory: stat.isDirectory(),
    isFile: stat.isFile(),
    isSocket: stat.isSocket(),
    inode: Number(stat.ino),
    device: Number(stat.dev),
    blocks: Number(stat.blocks),
  }
}

function toOpenFile(file: fs.FileHandle): OpenFile {
  return {
    read: async (buffer, offset, length, position) =>
      (await file.read(buffer, offset, length, position)).bytesRead,
    write: async (buffer, offset, length, position) =>
      (await file.write(buffer, offset, length, position)).bytesWritten,
    writev: async (buffers) => writeAll(file, buffers),
    truncate: (length) => file.truncate(length),
    datasync: () => file.datasync(),
    close: () => file.close(),
  }
}

/** `writev` may write a part; a log must not lose the rest. */
async function writeAll(file: fs.FileHandle, buffers: Buffer[]): Promise<void> {
  let left = buffers
  while (left.length > 0) {
    let { bytesWritten } = await file.writev(left)
    const rest: Buffer[] = []
    for (const buffer of left) {
      if (bytesWritten >= buffer.length) bytesWritten -= buffer.length
      else {
        rest.push(bytesWritten > 0 ? buffer.subarray(bytesWritten) : buffer)
        bytesWritten = 0
      }
    }
    left = rest
  }
}

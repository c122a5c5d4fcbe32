// A machine's disk as its processes see it: the same door as real-files.ts.
import { Readable, Writable } from 'node:stream'
import type { CopiedTree, CopyTreeOptions, FileInfo, Files, OpenFile } from '../world.ts'
import type { OpenDisk } from './disk.ts'
import type { Owner } from './queue.ts'
import { FileError, type FileNode, type FileTree, type Node } from './tree.ts'

const ownerOnly = 0o600
const streamOctets = 64 * 1024

export function diskFiles(disk: OpenDisk, owner: Owner): Files {
  const { tree } = disk
  const read = <T>(path: string, change: () => T) => disk.perform(owner, 'read', path, change)
  const write = <T>(path: string, change: () => T) => disk.perform(owner, 'write', path, change)
  const sync = <T>(path: string, change: () => T) => disk.perform(owner, 'sync', path, change)

  const openNode = (path: string, flags: string, mode: number): FileNode => {
    const found = tree.find(path)
    if (found?.kind === 'folder') throw new FileError('EISDIR', 'open', path)
    if (flags === 'wx' && found) throw new FileError('EEXIST', 'open', path)
    if (found) {
      if (flags === 'w') tree.truncate(found, 0, path)
      return found
    }
    if (flags === 'r' || flags === 'r+') return tree.file(path, 'open')
    return tree.create(path, mode)
  }
  const whole = (path: string): Buffer => {
    const file = tree.file(path, 'read')
    return Buffer.from(file.octets.subarray(0, file.size))
  }
  const put = (path: string, flags: string, data: string | Uint8Array, mode: number) => {
    const octets = typeof data === 'string' ? Buffer.from(data) : data
    const file = openNode(path, flags, mode)
    tree.write(file, flags === 'a' ? file.size : 0, octets, path)
    return file
  }

  const handle = (path: string, file: FileNode, flags: string): OpenFile => {
    let at = 0
    let open = true
    const through = <T>(kind: typeof read | typeof write | typeof sync, change: () => T): Promise<T> => {
      if (!open) return Promise.reject(new FileError('EBADF', 'fd', path))
      return kind(path, change)
    }
    const place = (length: number, position: number | null): number => {
      if (flags === 'a') return file.size
      if (position !== null) return position
      at += length
      return at - length
    }
    return {
      read: (buffer, offset, length, position) =>
        through(read, () => {
          if (flags === 'w' || flags === 'wx' || flags === 'a') throw new FileError('EBADF', 'read', path)
          const from = position ?? at
          const count = file.octets.copy(
            buffer,
            offset,
            Math.min(from, file.size),
            Math.min(from + length, file.size),
          )
          if (position === null) at += count
          return count
        }),
      write(buffer, offset, length, position) {
        const octets = Buffer.from(buffer.subarray(offset, offset + length))
        return through(write, () => {
          if (flags === 'r') throw new FileError('EBADF', 'write', path)
          tree.write(file, place(length, position), octets, path)
          return length
        })
      },
      writev(buffers) {
        const octets = Buffer.concat(buffers)
        return through(write, () => {
          if (flags === 'r') throw new FileError('EBADF', 'write', path)
          tree.write(file, place(octets.length, null), octets, path)
        })
      },
      truncate: (length) => through(write, () => tree.truncate(file, length, path)),
      datasync: () =>
        through(sync, () => {
          tree.syncFile(file)
          tree.syncWay(path)
        }),
      async close() {
        open = false
      },
    }
  }

  return {
    read: (path) => read(path, () => whole(path)),
    readText: (path) => read(path, () => whole(path).toString('utf8')),
    readSync: (path, position, buffer) =>
      disk.performNow('read', path, () => {
        const file = tree.file(path, 'open')
        return file.octets.copy(buffer, 0, Math.min(position, file.size), file.size)
      }),
    async write(path, data, options = {}) {
      await write(path, () => put(path, 'w', data, options.mode ?? ownerOnly))
    },
    async writeAtomic(path, data, options = {}) {
      const beside = `${path}.new`
      await write(path, () => put(beside, 'w', data, options.mode ?? ownerOnly))
      await sync(path, () => {
        tree.syncFile(tree.file(beside, 'fsync'))
        tree.rename(beside, path)
        tree.syncWay(path)
        tree.syncFolder(tree.place(path, 'fsync').folder)
      })
    },
    async append(path, data, options = {}) {
      await write(path, () => put(path, 'a', data, options.mode ?? ownerOnly))
    },
    makeFolder: (path, options = {}) => write(path, () => tree.makeFolder(path, options.mode ?? 0o700)),
    list: (path) => read(path, () => [...tree.folder(path, 'scandir').names.keys()].sort()),
    info: (path) =>
      read(path, () => {
        const node = tree.find(path)
        return node && toInfo(node)
      }),
    exists: (path) => read(path, () => tree.find(path) !== undefined),
    rename: (from, to) => write(from, () => tree.rename(from, to)),
    copy: (from, to) => write(from, () => void put(to, 'w', whole(from), tree.file(from, 'copyfile').mode)),
    link: (existing, path) =>
      write(path, () => {
        const node = tree.get(existing, 'link')
        if (node.kind === 'folder') throw new FileError('EPERM', 'link', existing)
        const { folder, name } = tree.place(path, 'link')
        if (folder.names.has(name)) throw new FileError('EEXIST', 'link', existing)
        tree.point(folder, name, node)
      }),
    copyTreeSync: (from, to, options = {}) =>
      disk.performNow('write', from, () => copyFolder(tree, from, to, '', options)),
    remove: (path) =>
      write(path, () => {
        const node = tree.find(path)
        if (!node) return
        if (node.kind === 'folder') throw new FileError('EISDIR', 'rm', path)
        const { folder, name } = tree.place(path, 'rm')
        tree.unpoint(folder, name)
      }),
    syncFolder: (path) =>
      sync(path, () => {
        tree.syncFolder(tree.folder(path, 'open'))
        tree.syncName(path)
      }),
    removeTree: (path) =>
      write(path, () => {
        if (!tree.find(path)) return
        const { folder, name } = tree.place(path, 'rm')
        tree.unpoint(folder, name)
      }),
    chmod: (path, mode) =>
      write(path, () => {
        tree.get(path, 'chmod').mode = mode
      }),
    chown: (path, uid, gid) => write(path, () => void Object.assign(tree.get(path, 'chown'), { uid, gid })),
    open: (path, flags, mode) =>
      (flags === 'r' || flags === 'r+' ? read : write)(path, () =>
        handle(path, openNode(path, flags, mode ?? ownerOnly), flags),
      ),
    readStream(path, range = {}) {
      let at = range.start ?? 0
      return new Readable({
        highWaterMark: streamOctets,
        read() {
          const length = Math.min(streamOctets, (range.end ?? Number.POSITIVE_INFINITY) + 1 - at)
          read(path, () => {
            const file = tree.file(path, 'open')
            return Buffer.from(file.octets.subarray(at, Math.max(at, Math.min(at + length, file.size))))
          }).then(
            (octets) => {
              at += octets.length
              this.push(octets.length > 0 ? octets : null)
            },
            (error) => this.destroy(error),
          )
        },
      })
    },
    writeStream(path, options = {}) {
      let file: FileNode | undefined
      const flags = options.flags ?? 'w'
      return new Writable({
        highWaterMark: streamOctets,
        construct(done) {
          write(path, () => {
            file = openNode(path, flags, options.mode ?? ownerOnly)
          }).then(() => done(), done)
        },
        write(chunk: Buffer, _encoding, done) {
          const octets = Buffer.from(chunk)
          write(path, () => tree.write(file!, file!.size, octets, path)).then(() => done(), done)
        },
      })
    },
    space: (path) =>
      read(path, () => {
        tree.get(path, 'statfs')
        const { totalBytes } = tree
        return { freeBytes: tree.full ? 0 : totalBytes - tree.usedBytes, totalBytes }
      }),
  }
}

function toInfo(node: Node): FileInfo {
  const { mode, uid, gid, mtimeMs, inode } = node
  const size = node.kind === 'file' ? node.size : 4096
  return {
    size,
    mode,
    uid,
    gid,
    mtimeMs,
    isDirectory: node.kind === 'folder',
    isFile: node.kind === 'file',
    isSocket: false,
    inode,
    device: 1,
    blocks: Math.ceil(size / 512),
  }
}

function copyFolder(
  tree: FileTree,
  from: string,
  to: string,
  below: string,
  options: CopyTreeOptions,
): CopiedTree {
  const copied: CopiedTree = { files: 0, bytes: 0 }
  const folder = tree.folder(from, 'scandir')
  tree.makeFolder(to, folder.mode)
  for (const [name, node] of [...folder.names].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const path = below === '' ? name : `${below}/${name}`
    if (options.skip?.(path)) continue
    if (node.kind === 'folder') {
      const inside = copyFolder(tree, `${from}/${name}`, `${to}/${name}`, path, options)
      copied.files += inside.files
      copied.bytes += inside.bytes
      continue
    }
    const target = `${to}/${name}`
    if (options.link?.(path)) {
      const place = tree.place(target, 'link')
      tree.point(place.folder, place.name, node)
    } else tree.write(tree.create(target, node.mode), 0, node.octets.subarray(0, node.size), target)
    copied.files++
    copied.bytes += node.size
  }
  return copied
}

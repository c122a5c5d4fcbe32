// The files of one machine as they are now and as a power cut would leave them: octets are durable once their file is
// synced, names once their folder is. Of what wasn't synced, the seed says how much got through.
import type { Random } from '../world.ts'

export type FileNode = {
  readonly kind: 'file'
  readonly inode: number
  mode: number
  uid: number
  gid: number
  mtimeMs: number
  /** May have room beyond `size`. */
  octets: Buffer
  size: number
  /** What is on the platter, and what was done since: a write, or an end. */
  readonly synced: Content
  since: Change[]
  links: number
}
type Content = { octets: Buffer; size: number }
type Change = { readonly at: number; readonly octets: Buffer } | { readonly end: number }

export type FolderNode = {
  readonly kind: 'folder'
  readonly inode: number
  mode: number
  uid: number
  gid: number
  mtimeMs: number
  names: Map<string, Node>
  synced: Map<string, Node>
  since: { readonly name: string; readonly node: Node | undefined }[]
}
export type Node = FileNode | FolderNode

export class FileError extends Error {
  readonly code: string
  readonly syscall: string
  readonly path: string
  constructor(code: keyof typeof words, syscall: string, path: string) {
    super(`${code}: ${words[code]}, ${syscall} '${path}'`)
    this.code = code
    this.syscall = syscall
    this.path = path
  }
}

const words = {
  ENOENT: 'no such file or directory',
  EEXIST: 'file already exists',
  ENOTDIR: 'not a directory',
  EISDIR: 'illegal operation on a directory',
  ENOTEMPTY: 'directory not empty',
  EPERM: 'operation not permitted',
  EBADF: 'bad file descriptor',
  ENOSPC: 'no space left on device',
  EIO: 'i/o error',
} as const
export type FileErrorCode = keyof typeof words

const nothing = Buffer.alloc(0)

export class FileTree {
  #nextInode = 2
  usedBytes = 0
  readonly totalBytes: number
  /** Nothing more can be written, whatever there is. */
  full = false
  root: FolderNode
  readonly #now: () => number

  readonly #losesPower: boolean

  constructor(totalBytes: number, losesPower: boolean, now: () => number) {
    this.totalBytes = totalBytes
    this.#losesPower = losesPower
    this.#now = now
    this.root = this.#folder(0o755)
  }

  #folder(mode: number): FolderNode {
    return {
      kind: 'folder',
      inode: this.#nextInode++,
      mode,
      uid: 0,
      gid: 0,
      mtimeMs: this.#now(),
      names: new Map(),
      synced: new Map(),
      since: [],
    }
  }

  find(path: string): Node | undefined {
    let node: Node | undefined = this.root
    for (const part of partsOf(path)) {
      if (node?.kind !== 'folder') return undefined
      node = node.names.get(part)
    }
    return node
  }

  get(path: string, syscall: string): Node {
    let node: Node = this.root
    for (const part of partsOf(path)) {
      if (node.kind !== 'folder') throw new FileError('ENOTDIR', syscall, path)
      const next: Node | undefined = node.names.get(part)
      if (!next) throw new FileError('ENOENT', syscall, path)
      node = next
    }
    return node
  }

  file(path: string, syscall: string): FileNode {
    const node = this.get(path, syscall)
    if (node.kind === 'folder') throw new FileError('EISDIR', syscall, path)
    return node
  }

  folder(path: string, syscall: string): FolderNode {
    const node = this.get(path, syscall)
    if (node.kind === 'file') throw new FileError('ENOTDIR', syscall, path)
    return node
  }

  /** The folder that holds, or would hold, the name. */
  place(path: string, syscall: string): { folder: FolderNode; name: string } {
    const parts = partsOf(path)
    const name = parts.pop()
    if (name === undefined) throw new FileError('EPERM', syscall, path)
    return { folder: this.folder(`/${parts.join('/')}`, syscall), name }
  }

  makeFolder(path: string, mode: number): void {
    let folder = this.root
    for (const part of partsOf(path)) {
      const found = folder.names.get(part)
      if (found?.kind === 'file') throw new FileError('EEXIST', 'mkdir', path)
      const next: FolderNode = found ?? this.#folder(mode)
      if (!found) this.#point(folder, part, next)
      folder = next
    }
  }

  create(path: string, mode: number): FileNode {
    const { folder, name } = this.place(path, 'open')
    this.#requireSpace(0, path)
    const node: FileNode = {
      kind: 'file',
      inode: this.#nextInode++,
      mode,
      uid: 0,
      gid: 0,
      mtimeMs: this.#now(),
      octets: nothing,
      size: 0,
      synced: { octets: nothing, size: 0 },
      since: [],
      links: 0,
    }
    this.point(folder, name, node)
    return node
  }

  point(folder: FolderNode, name: string, node: Node): void {
    const before = folder.names.get(name)
    if (before === node) return
    if (before) this.#forget(before)
    if (node.kind === 'file') node.links++
    this.#point(folder, name, node)
  }

  #point(folder: FolderNode, name: string, node: Node | undefined): void {
    if (node) folder.names.set(name, node)
    else folder.names.delete(name)
    if (this.#losesPower) folder.since.push({ name, node })
    folder.mtimeMs = this.#now()
  }

  unpoint(folder: FolderNode, name: string): void {
    const node = folder.names.get(name)
    if (!node) return
    this.#forget(node)
    this.#point(folder, name, undefined)
  }

  #forget(node: Node): void {
    if (node.kind === 'folder') {
      for (const below of node.names.values()) this.#forget(below)
      return
    }
    if (--node.links === 0) this.usedBytes -= node.size
  }

  rename(from: string, to: string): void {
    const node = this.get(from, 'rename')
    const source = this.place(from, 'rename')
    const target = this.place(to, 'rename')
    const there = target.folder.names.get(target.name)
    if (there === node) return
    if (there?.kind === 'folder') {
      if (node.kind === 'file') throw new FileError('EISDIR', 'rename', from)
      if (there.names.size > 0) throw new FileError('ENOTEMPTY', 'rename', from)
    } else if (there && node.kind === 'folder') throw new FileError('ENOTDIR', 'rename', from)
    if (there) this.#forget(there)
    this.#point(target.folder, target.name, node)
    this.#point(source.folder, source.name, undefined)
  }

  write(file: FileNode, at: number, octets: Uint8Array, path: string): void {
    const end = at + octets.length
    this.#requireSpace(Math.max(0, end - file.size), path)
    const copy = Buffer.from(octets)
    const before = file.size
    put(file, at, copy)
    if (file.links > 0) this.usedBytes += file.size - before
    this.#remember(file, { at, octets: copy })
    file.mtimeMs = this.#now()
  }

  truncate(file: FileNode, end: number, path: string): void {
    this.#requireSpace(Math.max(0, end - file.size), path)
    const before = file.size
    cutTo(file, end)
    if (file.links > 0) this.usedBytes += file.size - before
    this.#remember(file, { end })
    file.mtimeMs = this.#now()
  }

  #remember(file: FileNode, change: Change): void {
    if (this.#losesPower) file.since.push(change)
  }

  #requireSpace(bytes: number, path: string): void {
    if (this.full || this.usedBytes + bytes > this.totalBytes) throw new FileError('ENOSPC', 'write', path)
  }

  syncFile(file: FileNode): void {
    if (file.since.length === 0) return
    for (const change of file.since) apply(file.synced, change)
    file.since = []
  }

  /** The name is durable, and the folders that lead to it. */
  syncName(path: string): void {
    if (!this.#losesPower) return
    let folder = this.root
    for (const part of partsOf(path)) {
      const node = folder.names.get(part)
      if (!node) return
      folder.synced.set(part, node)
      if (folder.since.length > 0) folder.since = folder.since.filter((change) => change.name !== part)
      if (node.kind === 'file') return
      folder = node
    }
  }

  /** Whoever syncs something in a folder finds it there after a power cut, on any journalling file system. */
  syncWay(path: string): void {
    this.syncName(path.replace(/\/[^/]*\/*$/, ''))
  }

  syncFolder(folder: FolderNode): void {
    if (folder.since.length === 0) return
    folder.synced = new Map(folder.names)
    folder.since = []
  }

  /** The power goes: what was synced stays. Of later changes of a folder the first ones, of later writes any. */
  lose(random: Random): void {
    const seen = new Set<Node>()
    const settle = (node: Node): void => {
      if (seen.has(node)) return
      seen.add(node)
      if (node.kind === 'file') {
        for (const change of node.since) if (random.int(0, 2) === 0) apply(node.synced, change)
        const { octets, size } = node.synced
        Object.assign(node, { octets: Buffer.from(octets), size, since: [], links: 0 })
        return
      }
      const names = new Map(node.synced)
      for (const { name, node: to } of node.since.slice(0, random.int(0, node.since.length + 1))) {
        if (to) names.set(name, to)
        else names.delete(name)
      }
      node.names = names
      node.since = []
      for (const below of names.values()) settle(below)
      node.synced = new Map(names)
    }
    settle(this.root)
    this.usedBytes = 0
    for (const { node, folder } of walk(this.root))
      if (node.kind === 'file' && ++node.links === 1 && folder) this.usedBytes += node.size
  }
}

function apply(state: Content, change: Change): void {
  if ('end' in change) cutTo(state, change.end)
  else put(state, change.at, change.octets)
}

function put(file: Content, at: number, octets: Buffer): void {
  const end = at + octets.length
  grow(file, end)
  octets.copy(file.octets, at)
  if (end > file.size) file.size = end
}

function cutTo(file: Content, end: number): void {
  grow(file, end)
  if (end < file.size) file.octets.fill(0, end, file.size)
  file.size = end
}

function grow(file: Content, end: number): void {
  if (end <= file.octets.length) return
  const larger = Buffer.alloc(Math.max(end, 2 * file.octets.length))
  file.octets.copy(larger, 0, 0, file.size)
  file.octets = larger
}

export function* walk(
  folder: FolderNode,
  path = '',
): Generator<{ path: string; node: Node; folder: FolderNode }> {
  for (const [name, node] of folder.names) {
    yield { path: `${path}/${name}`, node, folder }
    if (node.kind === 'folder') yield* walk(node, `${path}/${name}`)
  }
}

function partsOf(path: string): string[] {
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return parts
}

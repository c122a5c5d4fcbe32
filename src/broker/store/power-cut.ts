// For tests: files in memory on a disk that loses power. What was synced is there afterwards; of each write and each
// change of a folder since then, chance says whether it got through. The cut comes at the n-th operation, which may
// get through in part; no operation after it ever ends.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { FileInfo, Files, OpenFile, Random } from '#kit/world/world.ts'

type Inode = { now: Buffer; synced: Buffer; writes: { at: number; octets: Buffer }[] }
type Names = Map<string, Inode>

export type PowerCut = {
  readonly files: Files
  readonly isOut: boolean
  readonly operations: number
  /** The disk with power again: its own `cut` says after how many operations it goes out next. */
  again(cut: number): PowerCut
}

export function powerCut(random: Random, cutAfter: number, disk: Names = new Map()): PowerCut {
  let cut = cutAfter
  const names: Names = new Map(disk)
  /** As the folder was when it was last synced, and what has changed in it since. */
  let base: Names = new Map(disk)
  const changes: { name: string; inode: Inode | undefined }[] = []
  const syncFolder = () => {
    base = new Map(names)
    changes.length = 0
  }
  let operations = 0
  const never = new Promise<never>(() => {})
  /** Each step that changes the disk; the last one before the dark is done and not heard of. */
  const step = async (change: () => void): Promise<void> => {
    if (operations >= cut) return never
    if (++operations < cut) return change()
    if (random.int(0, 2) === 0) change()
    return never
  }
  const point = (name: string, inode: Inode | undefined) => {
    changes.push({ name, inode })
    if (inode) names.set(name, inode)
    else names.delete(name)
  }
  const found = (path: string): Inode => {
    const inode = names.get(path)
    if (!inode) throw new CloudError('notFound', `ENOENT: no such file, open '${path}'`)
    return inode
  }
  const write = (inode: Inode, at: number, octets: Buffer) => {
    inode.writes.push({ at, octets })
    inode.now = written(inode.now, at, octets)
  }
  const sync = (inode: Inode) => {
    inode.synced = inode.now
    inode.writes = []
  }
  const open = (inode: Inode): OpenFile => ({
    read: async () => 0,
    async write(buffer, offset, length, position) {
      const octets = Buffer.from(buffer.subarray(offset, offset + length))
      await step(() => write(inode, position!, octets))
      return length
    },
    writev: async () => {},
    truncate: async () => {},
    datasync: () => step(() => sync(inode)),
    close: async () => {},
  })
  const files = {
    makeFolder: async () => {},
    exists: async (path: string) => names.has(path),
    list: async (folder: string) =>
      [...names.keys()]
        .filter((name) => name.startsWith(`${folder}/`))
        .map((name) => name.slice(folder.length + 1)),
    info: async (path: string) =>
      names.has(path) ? ({ size: found(path).now.length } as FileInfo) : undefined,
    read: async (path: string) => Buffer.from(found(path).now),
    readSync: (path: string, position: number, buffer: Buffer) =>
      found(path).now.subarray(position).copy(buffer),
    write: (path: string, data: Buffer) =>
      step(() => {
        const inode = { now: Buffer.alloc(0), synced: Buffer.alloc(0), writes: [] }
        point(path, inode)
        write(inode, 0, Buffer.from(data))
      }),
    writeAtomic: (path: string, data: Buffer) =>
      step(() => {
        const octets = Buffer.from(data)
        point(path, { now: octets, synced: octets, writes: [] })
        syncFolder()
      }),
    remove: (path: string) => step(() => point(path, undefined)),
    async open(path: string, flags: string) {
      if (flags !== 'w') return open(found(path))
      const inode = { now: Buffer.alloc(0), synced: Buffer.alloc(0), writes: [] }
      await step(() => point(path, inode))
      return open(inode)
    },
    syncFolder: () => step(syncFolder),
    space: async () => ({ freeBytes: 2 ** 40, totalBytes: 2 ** 40 }),
  } as unknown as Files
  return {
    files,
    get isOut() {
      return operations >= cut
    },
    get operations() {
      return operations
    },
    again(next) {
      cut = Math.min(cut, operations)
      return powerCut(random, next, survivors(random, base, changes))
    },
  }
}

/** What is on the platter: changes of names get through in their order up to some point, as a journal has them. */
function survivors(
  random: Random,
  base: Names,
  changes: readonly { name: string; inode: Inode | undefined }[],
): Names {
  const names: Names = new Map(base)
  for (const { name, inode } of changes.slice(0, random.int(0, changes.length + 1))) {
    if (inode) names.set(name, inode)
    else names.delete(name)
  }
  for (const [name, inode] of names) {
    let octets = inode.synced
    for (const { at, octets: given } of inode.writes) {
      const kept = random.int(0, 3)
      if (kept === 0) continue
      octets = written(octets, at, kept === 1 ? given : given.subarray(0, random.int(0, given.length + 1)))
    }
    names.set(name, { now: octets, synced: octets, writes: [] })
  }
  return names
}

function written(file: Buffer, at: number, octets: Buffer): Buffer {
  const grown = Buffer.alloc(Math.max(file.length, at + octets.length))
  file.copy(grown)
  octets.copy(grown, at)
  return grown
}

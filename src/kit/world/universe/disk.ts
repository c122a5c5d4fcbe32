// The disk of one machine: what its processes see as their files, and for fault plans how it fails. An operation takes
// its time, and whether it is done at its begin or at its end comes from the seed: a kill between the two shows both.
import type { Random } from '../world.ts'
import type { Loop } from './loop.ts'
import type { Owner } from './queue.ts'
import { FileError, type FileErrorCode, FileTree, walk } from './tree.ts'

export type Operation = 'read' | 'write' | 'sync'

export type Disk = {
  /** As written, synced or not; without waiting. Undefined where no file is. */
  read(path: string): Buffer | undefined
  /** All files below, by path, in order. */
  paths(folder?: string): string[]
  /** From now on nothing more fits, until the result is called. */
  fill(): () => void
  /** The n-th operation of this kind from now on fails; 1 is the next one. */
  fail(operation: Operation, nth: number, code?: FileErrorCode): void
  /** Each operation takes this much longer; 0 ends it. */
  slow(ms: number): void
  /** Operations so far. */
  readonly operations: number
}

export type OpenDisk = Disk & {
  readonly tree: FileTree
  perform<T>(owner: Owner, operation: Operation, path: string, change: () => T): Promise<T>
  /** For what can't wait; counts as an operation and may fail like one. */
  performNow<T>(operation: Operation, path: string, change: () => T): T
}

export type DiskOptions = { totalBytes?: number; losesPower?: boolean }

const usualBytes = 2 ** 40
/** Milliseconds: least and most. A flush to a solid state disk takes about as long. */
const takes: Record<Operation, readonly [number, number]> = {
  read: [0.02, 0.1],
  write: [0.02, 0.1],
  sync: [0.2, 2],
}

export function openDisk(loop: Loop, random: Random, now: () => number, options: DiskOptions = {}): OpenDisk {
  const tree = new FileTree(options.totalBytes ?? usualBytes, options.losesPower ?? true, now)
  let slowMs = 0
  let operations = 0
  let fills = 0
  let planned: { operation: Operation; left: number; code: FileErrorCode }[] = []
  const count = (operation: Operation, path: string) => {
    operations++
    for (const fault of planned) {
      if (fault.operation !== operation || --fault.left > 0) continue
      planned = planned.filter((each) => each !== fault)
      throw new FileError(fault.code, operation, path)
    }
  }
  return {
    tree,
    get operations() {
      return operations
    },
    perform<T>(owner: Owner, operation: Operation, path: string, change: () => T): Promise<T> {
      const done = () => {
        count(operation, path)
        return change()
      }
      const [least, most] = takes[operation]
      const ms = slowMs + least + ((most - least) * random.int(0, 1000)) / 1000
      const trap = owner.trap?.('file')
      const early = random.int(0, 2) === 0
      return new Promise<T>((resolve, reject) => {
        if (trap?.before) trap.fire()
        if (!owner.alive) return
        if (early || trap) {
          const outcome = settled(done)
          if (trap && !trap.before) trap.fire()
          loop.after(owner, ms, 'file', () => outcome(resolve, reject))
        } else loop.after(owner, ms, 'file', () => settled(done)(resolve, reject))
      })
    },
    performNow(operation, path, change) {
      count(operation, path)
      return change()
    },
    read(path) {
      const node = tree.find(path)
      return node?.kind === 'file' ? Buffer.from(node.octets.subarray(0, node.size)) : undefined
    },
    paths(folder = '/') {
      const node = tree.find(folder)
      if (node?.kind !== 'folder') return []
      const prefix = folder === '/' ? '' : folder.replace(/\/$/, '')
      return [...walk(node, prefix)]
        .filter((each) => each.node.kind === 'file')
        .map(({ path }) => path)
        .sort()
    },
    fill() {
      fills++
      tree.full = true
      let over = false
      return () => {
        if (!over) fills--
        over = true
        tree.full = fills > 0
      }
    },
    fail: (operation, nth, code = 'EIO') => void planned.push({ operation, left: nth, code }),
    slow: (ms) => {
      slowMs = ms
    },
  }
}

type Settle<T> = (resolve: (value: T) => void, reject: (error: unknown) => void) => void

function settled<T>(work: () => T): Settle<T> {
  try {
    const value = work()
    return (resolve) => resolve(value)
  } catch (error) {
    return (_resolve, reject) => reject(error)
  }
}

// Files of a disk that can be full: what would take room fails as the kernel has it, what frees or reads goes on.
import type { Files, OpenFile } from '#kit/world/world.ts'

export type FullDisk = { readonly files: Files; readonly full: boolean; fill(): () => void }

export function fullDisk(inner: Files): FullDisk {
  let fills = 0
  /** As node:fs reports ENOSPC. */
  const full = (call: string, path: string): Error =>
    Object.assign(new Error(`ENOSPC: no space left on device, ${call} '${path}'`), {
      code: 'ENOSPC',
      errno: -28,
      syscall: call,
      path,
    })
  const room = (call: string, path: string) => {
    if (fills > 0) throw full(call, path)
  }
  const openFile = (file: OpenFile, path: string): OpenFile => ({
    ...file,
    async write(...given) {
      room('write', path)
      return file.write(...given)
    },
    async writev(buffers) {
      room('write', path)
      return file.writev(buffers)
    },
  })
  const files: Files = {
    ...inner,
    async write(path, ...rest) {
      room('write', path)
      return inner.write(path, ...rest)
    },
    async writeAtomic(path, ...rest) {
      room('write', path)
      return inner.writeAtomic(path, ...rest)
    },
    async append(path, ...rest) {
      room('write', path)
      return inner.append(path, ...rest)
    },
    async makeFolder(path, ...rest) {
      // One that is there already takes no room.
      if (fills > 0 && !(await inner.exists(path))) room('mkdir', path)
      return inner.makeFolder(path, ...rest)
    },
    async copy(from, to) {
      room('copyfile', to)
      return inner.copy(from, to)
    },
    async open(path, ...rest) {
      return openFile(await inner.open(path, ...rest), path)
    },
    writeStream(path, ...rest) {
      const stream = inner.writeStream(path, ...rest)
      if (fills > 0) stream.destroy(full('write', path))
      return stream
    },
    async space(path) {
      const space = await inner.space(path)
      return fills > 0 ? { ...space, freeBytes: 0 } : space
    },
  }
  return {
    files,
    get full() {
      return fills > 0
    },
    fill() {
      fills++
      return () => void fills--
    },
  }
}

// Files that are left to the host to write down when it likes: whole after the end of a process, but not after a power cut. For
// a simulated cloud, which makes a hundred files a second and is nobody's only copy of anything.
import type { Files } from './world.ts'

export function unsyncedFiles(files: Files, random: { hexId(): string }): Files {
  return {
    ...files,
    async writeAtomic(path, data, options) {
      const beside = `${path}.${random.hexId()}.new`
      try {
        await files.write(beside, data, options)
        await files.rename(beside, path)
      } catch (error) {
        await files.remove(beside)
        throw error
      }
    },
    syncFolder: async () => {},
    async open(path, flags, mode) {
      return { ...(await files.open(path, flags, mode)), datasync: async () => {} }
    },
  }
}

// Where numbered keys lie: files in a folder as keystone keeps them, or wherever else several controllers find them.
import { appearanceOf } from '../config/appearance.ts'
import { CloudError } from '../errors/cloud-error.ts'
import type { World } from '../world/world.ts'

export type KeyShelf = {
  /** For messages: the folder. */
  readonly name: string
  numbers(): Promise<number[]>
  /** Undefined where there is none. Throws kind 'unavailable' where it cannot be trusted. */
  read(number: number): Promise<string | undefined>
  /** When it was made, in milliseconds. */
  since(number: number): Promise<number | undefined>
  /** Changes whenever another key is staged. */
  turn(): Promise<string>
  /** Leaves one alone that is there. */
  add(number: number, text: string): Promise<void>
  /** Key 0, in place of the one before. */
  stage(text: string): Promise<void>
  /** Gives the staged key this number too; false where that is taken. */
  promote(number: number): Promise<boolean>
  remove(number: number): Promise<void>
}

/** Made when the first key is added, for its owner alone. */
export function keyFolder(world: World, folder: string): KeyShelf {
  const { files } = world
  const pathOf = (number: number) => `${folder}/${number}`
  const write = (number: number, text: string) => files.writeAtomic(pathOf(number), text, { mode: 0o600 })
  return {
    name: folder,
    async numbers() {
      if (!(await files.exists(folder))) return []
      const names = await files.list(folder)
      return names.filter((name) => /^(0|[1-9]\d*)$/.test(name)).map(Number)
    },
    async read(number) {
      const path = pathOf(number)
      const info = await files.info(path)
      if (!info) return undefined
      if (info.mode & 0o077)
        throw new CloudError(
          'unavailable',
          `Others may read the token key ${path}; run: chmod 600 ${path}, and rotate the keys`,
        )
      try {
        return await files.readText(path)
      } catch (error) {
        if (await files.exists(path)) throw error
        return undefined
      }
    },
    since: async (number) => (await files.info(pathOf(number)))?.mtimeMs,
    // Each turn writes a new staged key, so that file tells whether there was one.
    turn: () => appearanceOf(files, [pathOf(0)]),
    async add(number, text) {
      await files.makeFolder(folder, { mode: 0o700 })
      if (!(await files.exists(pathOf(number)))) await write(number, text)
    },
    stage: (text) => write(0, text),
    async promote(number) {
      try {
        await files.link(pathOf(0), pathOf(number))
      } catch (error) {
        if (!(await files.exists(pathOf(number)))) throw error
        return false
      }
      await files.syncFolder(folder)
      return true
    },
    remove: (number) => files.remove(pathOf(number)),
  }
}

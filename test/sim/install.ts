// Puts the files that the program brings with it on a machine of the universe: the controller serves some of them.
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { realWorld } from '#kit/world/real.ts'
import type { Machine } from '#kit/world/universe/universe.ts'
import type { Files } from '#kit/world/world.ts'

const sources = `${import.meta.dirname}/../../src`
const novnc = dirname(dirname(createRequire(import.meta.url).resolve('@novnc/novnc')))
const folders = [`${sources}/services/console/page`, `${novnc}/core`, `${novnc}/vendor`]

/** By path. From the host, whose time is no universe's: nothing may run meanwhile. */
export async function readProgram(files: Files = realWorld().files): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>()
  const walk = async (folder: string) => {
    for (const name of await files.list(folder)) {
      const path = `${folder}/${name}`
      if ((await files.info(path))?.isDirectory) await walk(path)
      else found.set(path, await files.read(path))
    }
  }
  for (const folder of folders) await walk(folder)
  return found
}

/** Safe from a loss of power. */
export async function installProgram(machine: Machine, program: ReadonlyMap<string, Buffer>): Promise<void> {
  const { files } = machine.kernel
  for (const [path, content] of program) {
    await files.makeFolder(dirname(path))
    await files.writeAtomic(path, content)
  }
}

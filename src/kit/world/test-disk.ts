// The disks on which files must behave alike, for tests: the host's and a machine's of a universe.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { realFiles } from './real-files.ts'
import { openUniverse } from './universe/universe.ts'
import type { Files } from './world.ts'

/** What is asked of a universe's disk is answered as its time goes on: each answer is awaited through the last. */
export type TestDisk = [name: string, top: string, files: Files, done: <T>(work: Promise<T>) => Promise<T>]

/** `folder` is the one on the host's disk; `remove` at the end. */
export function testDisks(name: string): { disks: TestDisk[]; folder: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), `nimbo-${name}-`))
  const universe = openUniverse({ seed: 1 })
  const { files } = universe.machine('a').start('p').world
  return {
    folder,
    disks: [
      ["the host's disk", folder, realFiles, (work) => work],
      ["a machine's disk", '/tmp', files, (work) => universe.until(work)],
    ],
    remove() {
      universe.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { realWorld } from '#kit/world/real.ts'
import type { RunResult, World } from '#kit/world/world.ts'
import { fetchPackages } from './parts.ts'

/** A machine whose lists name a kernel that the mirror has no more, until they are renewed. */
function machine(mayRenew: boolean) {
  const folder = mkdtempSync(join(tmpdir(), 'nimbo-parts-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  let version = 'old'
  const answer = (stdout: string): RunResult => ({ code: 0, signal: null, stdout, stderr: '' })
  const refusal = (stderr: string): RunResult => ({ code: 100, signal: null, stdout: '', stderr })
  const run = async (command: string, args: readonly string[], { cwd }: { cwd?: string } = {}) => {
    const [verb] = args
    if (command === 'apt-cache')
      return answer(verb === 'depends' ? `Depends: linux-image-${version}` : version)
    if (command === 'dpkg-deb') mkdirSync(args[2]!)
    else if (verb === 'download') {
      if (version === 'old') return refusal('E: linux-image-old: 404')
      writeFileSync(`${cwd}/kernel.deb`, '')
    } else if (!mayRenew) return refusal('E: Could not open lock file')
    else version = 'new'
    return answer('')
  }
  const own = realWorld()
  const world: World = { ...own, processes: { ...own.processes, run } }
  return { folder, fetched: fetchPackages(world, folder, 'debian') }
}

test('packages that are gone from the mirror are fetched by new lists', async () => {
  const { folder, fetched } = machine(true)
  expect(await fetched).toContain(`${folder}/tree-linux-image-new-`)
})

test('who may not renew the lists is told what could not be fetched', async () => {
  await expect(machine(false).fetched).rejects.toThrow('linux-image-old: 404')
})

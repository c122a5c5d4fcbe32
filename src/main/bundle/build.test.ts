// The bundle as the launcher uses it: it runs, its errors tell source lines, and who runs an older one keeps it.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { realWorld } from '#kit/world/real.ts'
import type { RunResult } from '#kit/world/world.ts'
import { buildBundle } from './build.ts'

const world = realWorld()
const checkout = new URL('../../../', import.meta.url).pathname
// Where bundles lie below the checkout is how they find its files.
const cache = `${checkout}node_modules/.cache`

describe('the bundle', () => {
  let folder: string
  let name: string
  beforeAll(async () => {
    mkdirSync(cache, { recursive: true })
    folder = mkdtempSync(`${cache}/bundle-test-`)
    name = await buildBundle(world, folder)
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const nimbo = (...args: string[]): Promise<RunResult> =>
    world.processes.run(process.execPath, [`${folder}/${name}/main.mjs`, ...args])

  it('is named as the current one, and runs', async () => {
    expect(readFileSync(`${folder}/current`, 'utf8')).toBe(`${name}\n`)
    const said = await nimbo('version')
    expect(said.stderr).toBe('')
    expect(said.stdout).toContain(JSON.parse(readFileSync(`${checkout}package.json`, 'utf8')).version)
  })

  it('tells the line of the source where something fails', async () => {
    const root = mkdtempSync(`${tmpdir()}/nimbo-bundle-`)
    writeFileSync(`${root}/.nimbo-cloud`, '{')
    const { stderr } = await nimbo('status', '--data', root)
    rmSync(root, { recursive: true })
    const at = /src\/main\/data-folder\.ts:(\d+)/.exec(stderr)
    const line = readFileSync(`${checkout}src/main/data-folder.ts`, 'utf8').split('\n')[Number(at?.[1]) - 1]
    expect(line).toContain('JSON.parse')
  })

  it('has the programs of its threads beside it', () => {
    expect(readdirSync(`${folder}/${name}`)).toEqual(
      expect.arrayContaining(['broker-thread.mjs', 'digest-thread.mjs']),
    )
  })

  it('stays while it runs, when a newer one has taken its place', async () => {
    const running = await world.processes.start(
      process.execPath,
      ['-e', 'setInterval(() => {}, 1000)', `${folder}/${name}/main.mjs`],
      {},
    )
    const second = await buildBundle(world, folder)
    expect(existsSync(`${folder}/${name}/main.mjs`)).toBe(true)
    running.kill('SIGKILL')
    await running.exited
    const third = await buildBundle(world, folder)
    expect(readdirSync(folder).sort()).toEqual(['current', third].sort())
    expect(third).not.toBe(second)
  })
})

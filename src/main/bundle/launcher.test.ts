// When the launcher runs the bundle and when the sources, on a checkout of three small files.
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { realWorld } from '#kit/world/real.ts'

const world = realWorld()
let checkout: string
beforeEach(() => {
  checkout = mkdtempSync(`${tmpdir()}/nimbo-launcher-`)
  for (const folder of ['src/main/bundle', 'node_modules/.bin', 'node_modules/.cache/nimbo/first'])
    mkdirSync(`${checkout}/${folder}`, { recursive: true })
  copyFileSync(new URL('../../../nimbo', import.meta.url), `${checkout}/nimbo`)
  symlinkSync(process.execPath, `${checkout}/node_modules/.bin/node`)
  put('package-lock.json', '{}')
  put('node_modules/.package-lock.json', '{}')
  put('src/main/main.ts', "console.log('sources')")
  put('node_modules/.cache/nimbo/first/main.mjs', "console.log('first bundle')")
})
afterEach(() => rmSync(checkout, { recursive: true }))

const put = (path: string, text: string) => writeFileSync(`${checkout}/${path}`, text)
const builder = (text: string) => put('src/main/bundle/build.ts', text)
const nimbo = async (...args: string[]) => {
  const { stdout, stderr } = await world.processes.run(`${checkout}/nimbo`, args)
  return { ran: stdout.trim(), said: stderr }
}
/** A bundle whose making began so many seconds from now. */
const made = (inSeconds: number) => {
  const path = 'node_modules/.cache/nimbo/current'
  put(path, 'first\n')
  const at = world.clock.now() / 1000 + inSeconds
  utimesSync(`${checkout}/${path}`, at, at)
}

describe('the launcher', () => {
  it('runs the sources where there is no bundle', async () => {
    expect((await nimbo('status')).ran).toBe('sources')
  })

  it('runs a bundle that is newer than all sources', async () => {
    made(3600)
    expect((await nimbo('status')).ran).toBe('first bundle')
  })

  it('runs the sources where the bundle was cleaned away', async () => {
    made(3600)
    rmSync(`${checkout}/node_modules/.cache/nimbo/first`, { recursive: true })
    expect((await nimbo('status')).ran).toBe('sources')
  })

  it('runs the sources once one is changed, whatever time its file says', async () => {
    made(-3600)
    for (const path of ['src/main/main.ts', 'src/main/bundle', 'src/main', 'src', 'package-lock.json'])
      utimesSync(`${checkout}/${path}`, 1_000_000_000, 1_000_000_000)
    expect((await nimbo('status')).ran).toBe('sources')
  })

  it('makes the bundle anew where a cloud is started, and runs that', async () => {
    made(-3600)
    builder(`
      import { mkdirSync, writeFileSync } from 'node:fs'
      mkdirSync(process.argv[2] + '/second')
      writeFileSync(process.argv[2] + '/second/main.mjs', "console.log('second bundle')")
      writeFileSync(process.argv[2] + '/current', 'second\\n')
    `)
    const first = await nimbo('up')
    expect(first.ran).toBe('second bundle')
    expect(first.said).toContain('making the bundle')
    expect(await nimbo('up')).toEqual({ ran: 'second bundle', said: '' })
  })

  it('starts from the sources, and says so, where no bundle can be made', async () => {
    builder("throw new Error('no room')")
    const { ran, said } = await nimbo('up')
    expect(ran).toBe('sources')
    expect(said).toContain('no room')
    expect(said).toContain('starting from the sources')
  })
})

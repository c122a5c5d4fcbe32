import { afterAll, describe, expect, test } from 'vitest'
import { testDisks } from './test-disk.ts'

const { disks, remove } = testDisks('copy')
afterAll(remove)

describe.each(disks)('%s', (_, root, files, done) => {
  test('copies folders with their files, links and modes, and leaves out what it is told to', async () => {
    await done(files.makeFolder(`${root}/from/image/kept`, { mode: 0o750 }))
    await done(files.makeFolder(`${root}/from/run`))
    await done(files.write(`${root}/from/run/pid`, '1'))
    await done(files.write(`${root}/from/image/kept/a`, 'never written again', { mode: 0o640 }))
    await done(files.write(`${root}/from/b`, 'old'))
    const copied = files.copyTreeSync(`${root}/from`, `${root}/to`, {
      skip: (path) => path === 'run',
      link: (path) => path.startsWith('image/'),
    })
    expect(copied).toEqual({ files: 2, bytes: 22 })
    await done(files.write(`${root}/from/b`, 'new'))
    expect(await done(files.readText(`${root}/to/b`))).toBe('old')
    expect(await done(files.readText(`${root}/to/image/kept/a`))).toBe('never written again')
    expect(await done(files.exists(`${root}/to/run`))).toBe(false)
    const info = async (path: string) => (await done(files.info(path)))!
    expect((await info(`${root}/to/image/kept/a`)).inode).toBe(
      (await info(`${root}/from/image/kept/a`)).inode,
    )
    expect((await info(`${root}/to/b`)).inode).not.toBe((await info(`${root}/from/b`)).inode)
    expect((await info(`${root}/to/image/kept`)).mode).toBe(0o750)
  })
})

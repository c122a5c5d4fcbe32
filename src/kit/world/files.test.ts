import type { Readable, Writable } from 'node:stream'
import { afterAll, describe, expect, test } from 'vitest'
import { realFiles } from './real-files.ts'
import { testDisks } from './test-disk.ts'

const { disks, folder, remove } = testDisks('files')
afterAll(remove)

describe.each(disks)('%s', (_, top, files, done) => {
  let rooms = 0
  /** A folder for one test, which runs in the disk's own time. */
  const inRoom = (work: (room: string) => Promise<void>) => async () => {
    const room = `${top}/room${rooms++}`
    await done(
      (async () => {
        await files.makeFolder(room)
        await work(room)
      })(),
    )
  }

  test(
    'reads what was written, appended and put in place of it',
    inRoom(async (room) => {
      await files.write(`${room}/a`, 'one')
      await files.append(`${room}/a`, Buffer.from(' two'))
      await files.append(`${room}/new`, 'first')
      expect(await files.readText(`${room}/a`)).toBe('one two')
      expect((await files.read(`${room}/new`)).toString()).toBe('first')
      await files.write(`${room}/a`, 'x')
      await files.writeAtomic(`${room}/b`, 'y')
      await files.writeAtomic(`${room}/b`, 'z')
      expect([await files.readText(`${room}/a`), await files.readText(`${room}/b`)]).toEqual(['x', 'z'])
      expect((await files.list(room)).sort()).toEqual(['a', 'b', 'new'])
    }),
  )

  test(
    'says what is there, with sizes and modes',
    inRoom(async (room) => {
      await files.makeFolder(`${room}/deep/er`, { mode: 0o750 })
      await files.write(`${room}/secret`, '12345')
      await files.write(`${room}/open`, '', { mode: 0o644 })
      await files.chmod(`${room}/open`, 0o640)
      expect(await files.info(`${room}/secret`)).toMatchObject({ size: 5, mode: 0o600, isFile: true })
      expect(await files.info(`${room}/open`)).toMatchObject({ mode: 0o640, isDirectory: false })
      expect(await files.info(`${room}/deep/er`)).toMatchObject({ mode: 0o750, isDirectory: true })
      expect(await files.info(`${room}/nothing`)).toBeUndefined()
      expect(await files.info(`${room}/secret/below`)).toBeUndefined()
      expect([await files.exists(`${room}/deep`), await files.exists(`${room}/x`)]).toEqual([true, false])
      // No error when it is there.
      await files.makeFolder(`${room}/deep/er`)
    }),
  )

  test(
    'gives one file two names, and keeps it until the last is gone',
    inRoom(async (room) => {
      await files.write(`${room}/a`, 'same')
      await files.link(`${room}/a`, `${room}/b`)
      expect((await files.info(`${room}/a`))!.inode).toBe((await files.info(`${room}/b`))!.inode)
      await files.append(`${room}/a`, '!')
      await files.remove(`${room}/a`)
      await files.remove(`${room}/a`)
      expect(await files.readText(`${room}/b`)).toBe('same!')
      await files.copy(`${room}/b`, `${room}/c`)
      await files.append(`${room}/b`, '!')
      expect(await files.readText(`${room}/c`)).toBe('same!')
    }),
  )

  test(
    'renames over what is there, files and folders',
    inRoom(async (room) => {
      await files.write(`${room}/a`, 'a')
      await files.write(`${room}/b`, 'b')
      await files.rename(`${room}/a`, `${room}/b`)
      expect(await files.list(room)).toEqual(['b'])
      expect(await files.readText(`${room}/b`)).toBe('a')
      await files.makeFolder(`${room}/from/deep`)
      await files.write(`${room}/from/deep/f`, 'f')
      await files.rename(`${room}/from`, `${room}/to`)
      expect(await files.readText(`${room}/to/deep/f`)).toBe('f')
      await files.removeTree(`${room}/to`)
      await files.removeTree(`${room}/to`)
      expect(await files.exists(`${room}/to`)).toBe(false)
    }),
  )

  test(
    'an open file is read and written at places, and truncated',
    inRoom(async (room) => {
      const file = await files.open(`${room}/f`, 'w')
      await file.writev([Buffer.from('hello '), Buffer.from('world')])
      await file.write(Buffer.from('xJyz'), 1, 1, 0)
      await file.write(Buffer.from('!'), 0, 1, 14)
      await file.datasync()
      await file.close()
      expect((await files.read(`${room}/f`)).toString()).toBe('Jello world\0\0\0!')
      const again = await files.open(`${room}/f`, 'r+')
      await again.truncate(5)
      const into = Buffer.alloc(10)
      expect([await again.read(into, 2, 3, null), await again.read(into, 5, 5, null)]).toEqual([3, 2])
      expect(into.toString()).toBe('\0\0Jello\0\0\0')
      expect(await again.read(into, 0, 5, 100)).toBe(0)
      await again.close()
      await expect(again.read(into, 0, 1, 0)).rejects.toThrow()
      const log = await files.open(`${room}/f`, 'a')
      await log.write(Buffer.from('+'), 0, 1, null)
      await log.close()
      expect(await files.readText(`${room}/f`)).toBe('Jello+')
    }),
  )

  test(
    'reads a part at once',
    inRoom(async (room) => {
      await files.write(`${room}/f`, '0123456789')
      const buffer = Buffer.alloc(4)
      expect([files.readSync(`${room}/f`, 3, buffer), buffer.toString()]).toEqual([4, '3456'])
      expect(files.readSync(`${room}/f`, 8, buffer)).toBe(2)
      expect(files.readSync(`${room}/f`, 80, buffer)).toBe(0)
    }),
  )

  test(
    'streams',
    inRoom(async (room) => {
      const large = Buffer.alloc(300_000, 'streams ')
      const out = files.writeStream(`${room}/f`)
      for (let at = 0; at < large.length; at += 50_000) out.write(large.subarray(at, at + 50_000))
      await ended(out)
      const more = files.writeStream(`${room}/f`, { flags: 'a' })
      more.write('end')
      await ended(more)
      const all = await gather(files.readStream(`${room}/f`))
      expect(all.equals(Buffer.concat([large, Buffer.from('end')]))).toBe(true)
      expect(String(await gather(files.readStream(`${room}/f`, { start: 8, end: 14 })))).toBe('streams')
      await expect(gather(files.readStream(`${room}/none`))).rejects.toMatchObject({ code: 'ENOENT' })
    }),
  )

  test(
    'fails as a kernel does',
    inRoom(async (room) => {
      await files.write(`${room}/f`, '')
      await files.makeFolder(`${room}/d`)
      await files.write(`${room}/d/f`, '')
      await files.makeFolder(`${room}/empty`)
      const failing: [string, () => Promise<unknown>][] = [
        ['ENOENT', () => files.read(`${room}/none`)],
        ['ENOENT', () => files.write(`${room}/none/f`, '')],
        ['ENOENT', () => files.open(`${room}/none`, 'r+')],
        ['ENOENT', () => files.list(`${room}/none`)],
        ['ENOENT', () => files.rename(`${room}/none`, `${room}/x`)],
        ['ENOENT', () => files.link(`${room}/none`, `${room}/x`)],
        ['ENOENT', () => files.copy(`${room}/none`, `${room}/x`)],
        ['ENOENT', () => files.chmod(`${room}/none`, 0o600)],
        ['ENOENT', () => files.syncFolder(`${room}/none`)],
        ['EEXIST', () => files.open(`${room}/f`, 'wx')],
        ['EEXIST', () => files.link(`${room}/d/f`, `${room}/f`)],
        ['EEXIST', () => files.makeFolder(`${room}/f`)],
        ['ENOTDIR', () => files.read(`${room}/f/below`)],
        ['ENOTDIR', () => files.list(`${room}/f`)],
        ['EISDIR', () => files.read(`${room}/d`)],
        ['EISDIR', () => files.write(`${room}/d`, '')],
        ['EISDIR', () => files.rename(`${room}/f`, `${room}/d`)],
        ['ENOTEMPTY', () => files.rename(`${room}/empty`, `${room}/d`)],
      ]
      for (const [code, work] of failing) await expect(work(), code).rejects.toMatchObject({ code })
      expect(() => files.readSync(`${room}/none`, 0, Buffer.alloc(1))).toThrow(/ENOENT/)
    }),
  )

  test(
    'knows its space',
    inRoom(async (room) => {
      const { freeBytes, totalBytes } = await files.space(room)
      expect(freeBytes).toBeGreaterThan(0)
      expect(totalBytes).toBeGreaterThanOrEqual(freeBytes)
    }),
  )
})

function ended(out: Writable): Promise<void> {
  return new Promise((resolve, reject) => {
    out.once('error', reject)
    out.end(() => resolve())
  })
}

async function gather(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

test('a file that a killed process had not put in its place goes with the next that is, and no other does', async () => {
  const room = `${folder}/killed`
  await realFiles.makeFolder(room)
  // No process has a number above pid_max, which is 4194304 at most.
  for (const name of ['host.4194305.12.new', `host.${process.pid}.12.new`, 'host.new'])
    await realFiles.write(`${room}/${name}`, 'half')
  await realFiles.writeAtomic(`${room}/host`, 'whole')
  expect((await realFiles.list(room)).sort()).toEqual(
    ['host', `host.${process.pid}.12.new`, 'host.new'].sort(),
  )
})

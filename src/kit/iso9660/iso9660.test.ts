// Read back by xorriso, by each of its two trees; a guest mounts one in test/real.
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { bufferReader, inspectImage } from '#kit/image-format/inspect.ts'
import { buildCdImage } from './iso9660.ts'

const at = Date.UTC(2026, 10, 20, 12, 0, 0)
const files = {
  'openstack/latest/meta_data.json': '{"uuid": "x"}',
  'openstack/latest/user_data': '#!/bin/sh\necho hello\n',
  'openstack/latest/empty': '',
  'openstack/2018-08-27/meta_data.json': '{"uuid": "x"}',
  'openstack/content/0000': Buffer.alloc(5000, 0xab),
  'ec2/2009-04-04/meta-data.json': '{"instance-id": "i-00000001"}',
  'ec2/2009-04-04/meta_data.json': 'the same short name as the one above',
}

describe('buildCdImage', () => {
  it('is a CD by its bytes, of its own size', async () => {
    const image = buildCdImage({ label: 'config-2', files, at })
    const info = await inspectImage(bufferReader(image), image.length)
    expect(info).toMatchObject({ format: 'iso', virtualSize: image.length, problems: [], alsoLooksLike: [] })
    expect(image.toString('latin1', 16 * 2048 + 40, 16 * 2048 + 48)).toBe('config-2')
  })

  it('gives the same bytes each time', () => {
    expect(
      buildCdImage({ label: 'config-2', files, at }).equals(buildCdImage({ label: 'config-2', files, at })),
    ).toBe(true)
  })

  it.each(['nojoliet', 'norock'])('is read back whole by xorriso (%s: the other tree)', async (tree) => {
    const folder = await mkdtemp(join(tmpdir(), 'nimbo-iso-'))
    try {
      const many = Object.fromEntries(
        Array.from({ length: 60 }, (_, i) => [`many/a file with a longer name ${i}.json`, `${i}`]),
      )
      const all: Record<string, string | Buffer> = { ...files, ...many }
      await writeFile(join(folder, 'cd.iso'), buildCdImage({ label: 'config-2', files: all, at }))
      const reading = ['-read_fs', tree]
      await promisify(execFile)('xorriso', [
        ...reading,
        '-osirrox',
        'on',
        '-indev',
        join(folder, 'cd.iso'),
        '-extract',
        '/',
        join(folder, 'out'),
      ])
      for (const [path, content] of Object.entries(all)) {
        expect((await readFile(join(folder, 'out', path))).equals(Buffer.from(content)), path).toBe(true)
      }
    } finally {
      await promisify(execFile)('chmod', ['-R', 'u+w', folder])
      await rm(folder, { recursive: true, force: true })
    }
  })

  it.each(['/absolute', 'a//b', '../up', ''])('refuses the path %j', (path) => {
    expect(() => buildCdImage({ label: 'config-2', files: { [path]: '' }, at })).toThrow("can't be a path")
  })
  it('refuses a file that is a folder too', () => {
    expect(() => buildCdImage({ label: 'config-2', files: { a: '', 'a/b': '' }, at })).toThrow('twice')
  })
})

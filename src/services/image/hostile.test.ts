// Images made to deceive, as an attacker sends them: uploaded, staged, or imported from elsewhere, each is refused with its
// reason, and nothing of it is kept.
import { mkdtempSync, readdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { qcow2Sample, vdiSample, vhdSample, vhdxSample, vmdkSample } from '#kit/image-format/sample.ts'
import { type TestImage, testImage } from './test-image.ts'

const folder = mkdtempSync(join(tmpdir(), 'nimbo-hostile-'))
let rig: TestImage
beforeAll(async () => {
  const stores = [{ id: 'only', kind: 'file' as const, folder }]
  rig = await testImage({ stores })
})
afterAll(async () => {
  await rig.stop()
  await rm(folder, { recursive: true })
})

const kept = () =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((each) => each.isFile())
    .map((each) => each.name)
const state = async (id: string) => (await rig.as.owner('GET', `/v2/images/${id}`)).body
const block = vhdxSample({ block: (3n << 20n) | 6n })

test.each([
  ['vhdx', 'cut in its body', block.subarray(0, block.length - 1), /cut off: a block ends/],
  ['vhdx', 'with a parent', vhdxSample({ flags: 2 }), /its parent/],
  ['vhd', 'cut in its table', vhdSample(3).subarray(0, 2000), /cut off/],
  ['vhd', 'with a hidden parent', vhdSample(3, { parent: 'base' }), /its parent/],
  ['vdi', 'cut in its map', vdiSample().subarray(0, 1000), /cut off/],
  ['qcow2', 'with a backing file', qcow2Sample({ backing: '/etc/shadow' }), /backing file/],
  ['qcow2', 'with a data file', qcow2Sample({ incompatible: 4n }), /data file/],
  [
    'vmdk',
    'that names a file of the host',
    vmdkSample({ extent: 'RW 1 FLAT "/etc/shadow" 0' }),
    /other files/,
  ],
])('a %s %s is refused, whichever way it comes', async (format, _what, content, reason) => {
  const id = await rig.create({ disk_format: format })
  const { status, text } = await rig.upload(id, content)
  expect([status, text]).toEqual([400, expect.stringMatching(reason)])
  expect((await state(id)).status).toBe('queued')
  const headers = { 'x-auth-token': 'owner', 'content-type': 'application/octet-stream' }
  const staged = await rig.service.http.inject({
    ...{ method: 'PUT', url: `/v2/images/${id}/stage`, headers, body: content },
  })
  expect(staged.status).toBe(400)
  expect(await state(id)).toMatchObject({ status: 'queued', size: null })
  expect(kept()).toEqual([])
  expect(await rig.service.app.staging.list()).toEqual([])
})

test('a spoiled image is taken whole or refused, and never breaks the service', async () => {
  const seeds = [
    ['qcow2', qcow2Sample()],
    ['vmdk', vmdkSample()],
    ['vdi', vdiSample()],
    ['vhd', vhdSample(3)],
    ['vhdx', block],
  ] as const
  const change = fc.record({ at: fc.nat({ max: 70_000 }), byte: fc.nat({ max: 255 }) })
  const spoiled = fc.record({
    seed: fc.constantFrom(...seeds),
    changes: fc.array(change, { maxLength: 5 }),
    keep: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  await fc.assert(
    fc.asyncProperty(spoiled, async ({ seed: [format, sample], changes, keep }) => {
      const content = Buffer.from(sample.subarray(0, Math.ceil(sample.length * keep)))
      for (const { at, byte } of changes) if (at < content.length) content[at] = byte
      const id = await rig.create({ disk_format: format })
      const { status } = await rig.upload(id, content)
      expect([204, 400]).toContain(status)
      expect(await state(id)).toMatchObject(
        status === 204 ? { status: 'active', size: content.length } : { status: 'queued', size: null },
      )
      expect(kept()).toEqual(status === 204 ? [id] : [])
      expect((await rig.as.owner('DELETE', `/v2/images/${id}`)).status).toBe(204)
      expect(kept()).toEqual([])
    }),
    { numRuns: 40 },
  )
})

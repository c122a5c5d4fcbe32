// Images that were cut off somewhere, as qemu-img made them: all pieces of them are refused, the whole is taken.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { CloudError } from '../errors/cloud-error.ts'
import { seededRandom } from '../world/virtual.ts'
import { checkImage } from './check.ts'
import { bufferReader, inspectWhole } from './inspect.ts'
import { isoSample, ploopSample, qcow2Sample, vdiSample, vhdSample, vhdxSample } from './sample.ts'
import { hasQemuImg } from './test-tool.ts'

/** Why it is refused, whichever way it is told. */
const reasons = async (image: Buffer, claimed: string) => {
  try {
    return checkImage(await inspectWhole(bufferReader(image), image.length), claimed).join(' ')
  } catch (error) {
    if (error instanceof CloudError) return error.message
    throw error
  }
}

describe('an image that was cut off', () => {
  it.each([
    [
      'a qcow2 within its L1 table',
      'qcow2',
      qcow2Sample(),
      8,
      /its L1 table ends at byte \d+, and the file has/,
    ],
    ['a qcow2 after its header', 'qcow2', qcow2Sample(), 150_000, /cut off/],
    ['a dynamic VHD without its footer', 'vhd', vhdSample(3), 512, /footer at its end is missing/],
    ['a fixed VHD in its middle', 'vhd', vhdSample(2), 2048, /raw/],
    ['a dynamic VHD within its table', 'vhd', vhdSample(3), 1024, /cut off/],
    ['a ploop image within its block', 'ploop', ploopSample(), 2 ** 20, /a block ends at byte 3145728/],
    ['a VDI within its map', 'vdi', vdiSample(), 600, /its map of blocks/],
    ['a VHDX within its block', 'vhdx', vhdxSample({ block: (3n << 20n) | 6n }), 1, /a block ends/],
    ['an ISO within its volume', 'iso', isoSample(), 2048, /its volume ends at byte 40960/],
  ])('is refused: %s', async (_what, claimed, image, less, reason) => {
    expect(await reasons(image, claimed)).toBe('')
    expect(await reasons(image.subarray(0, image.length - less), claimed)).toMatch(reason)
  })

  it('is refused for a table that lies beyond the end', async () => {
    const image = qcow2Sample()
    image.writeBigUInt64BE(2n ** 40n, image.readUInt32BE(44))
    expect(await reasons(image, 'qcow2')).toMatch(/cut off: an L2 table/)
    const askew = qcow2Sample()
    askew.writeBigUInt64BE(512n, askew.readUInt32BE(44))
    expect(await reasons(askew, 'qcow2')).toMatch(/lies askew/)
    const small = qcow2Sample()
    small.writeUInt32BE(1, 36)
    expect(await reasons(small, 'qcow2')).toMatch(/L1 table is too small/)
    const snapshots = qcow2Sample()
    snapshots.writeUInt32BE(1, 60)
    snapshots.writeBigUInt64BE(2n ** 40n, 64)
    expect(await reasons(snapshots, 'qcow2')).toMatch(/list of snapshots/)
    const blocks = vhdSample(3, { blocks: [8, 2 ** 24] })
    expect(await reasons(blocks, 'vhd')).toMatch(/a block ends/)
    const counted = qcow2Sample()
    counted.writeBigUInt64BE(2n ** 40n, 65_536)
    expect(await reasons(counted, 'qcow2')).toMatch(/cut off: a block of reference counts/)
  })
})

describe.skipIf(!hasQemuImg())('an image that qemu-img made', () => {
  const folder = mkdtempSync(join(tmpdir(), 'nimbo-whole-'))
  afterAll(() => rm(folder, { recursive: true }))
  // An odd size, so that the last cluster reaches past the guest's end; and a hole.
  const random = seededRandom(7)
  const disk = Buffer.concat([random.bytes(300_000), Buffer.alloc(2_000_000), random.bytes(700_928)])

  it.each([
    ['qcow2', 'qcow2', []],
    ['qcow2', 'qcow2', ['-c']],
    ['qcow2', 'qcow2', ['-o', 'compat=0.10']],
    ['qcow2', 'qcow2', ['-o', 'extended_l2=on,cluster_size=128k']],
    ['qcow2', 'qcow2', ['-o', 'cluster_size=512']],
    ['qcow2', 'qcow2', ['-o', 'preallocation=metadata']],
    ['vmdk', 'vmdk', []],
    ['vmdk', 'vmdk', ['-o', 'subformat=streamOptimized']],
    ['vdi', 'vdi', []],
    ['vdi', 'vdi', ['-o', 'static=on']],
    ['vhd', 'vpc', []],
    ['vhdx', 'vhdx', []],
    ['vhdx', 'vhdx', ['-o', 'subformat=fixed']],
    ['vhdx', 'vhdx', ['-o', 'block_size=1048576']],
    ['ploop', 'parallels', []],
  ])('as %s (-O %s %j) is whole, and no half of it is', async (claimed, format, options) => {
    writeFileSync(join(folder, 'disk'), disk)
    const made = join(folder, 'made')
    execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', format, ...options, join(folder, 'disk'), made])
    const image = readFileSync(made)
    expect(await reasons(image, claimed)).toBe('')
    for (const part of [0.3, 0.6, 0.9])
      expect(await reasons(image.subarray(0, Math.floor(image.length * part)), claimed)).toMatch(
        /cut off|ends within/,
      )
  })

  it('as fixed VHD is whole, and a part of it is no VHD', async () => {
    writeFileSync(join(folder, 'disk'), disk)
    const made = join(folder, 'made')
    const options = ['-O', 'vpc', '-o', 'subformat=fixed']
    execFileSync('qemu-img', ['convert', '-f', 'raw', ...options, join(folder, 'disk'), made])
    const image = readFileSync(made)
    expect(await reasons(image, 'vhd')).toBe('')
    expect(await reasons(image.subarray(0, image.length - 512), 'vhd')).toMatch(/content is raw/)
    const shortened = Buffer.concat([image.subarray(0, 1_000_000), image.subarray(-512)])
    expect(await reasons(shortened, 'vhd')).toMatch(/its disk ends at byte \d+, and the file has 1000512/)
  })
})

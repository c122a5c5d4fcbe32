// Uploads are judged by their bytes: what must pass passes, and no image reaches another file of the host.
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { checkImage, requireSafeImage } from './check.ts'
import { describeImage, readableSize } from './describe.ts'
import { bufferReader, formatBytes, formatOfHead, inspectWhole } from './inspect.ts'
import {
  isoSample,
  mbrSample,
  ploopSample,
  qcow2Sample,
  vdiSample,
  vhdSample,
  vhdxSample,
  vmdkDescriptor,
  vmdkSample,
} from './sample.ts'
import { watchedUpload } from './stream.ts'
import { verifiedBytes } from './verify.ts'

const gib = 2 ** 30
const inspect = (image: Buffer) => inspectWhole(bufferReader(image), image.length)

const healthy: [string, Buffer, number][] = [
  ['raw', Buffer.alloc(4096, 7), 4096],
  ['raw', Buffer.alloc(0), 0],
  ['raw', mbrSample(), 64 * 1024],
  ['raw', mbrSample(true), 64 * 1024],
  ['qcow2', qcow2Sample(), gib],
  ['qcow2', qcow2Sample({ version2: true }), gib],
  ['qcow2', qcow2Sample({ lazy: true }), gib],
  ['vmdk', vmdkSample(), 2 ** 20],
  ['vmdk', vmdkSample({ createType: 'streamOptimized' }), 2 ** 20],
  ['vdi', vdiSample(), gib],
  ['vhd', vhdSample(2), 4096],
  ['vhd', vhdSample(3), gib],
  ['vhdx', vhdxSample(), gib],
  ['ploop', ploopSample(), 2 ** 21],
  ['ploop', ploopSample(true), 2 ** 21],
  ['iso', isoSample(), 20 * 2048],
  ['aki', Buffer.alloc(4096, 1), 4096],
  ['ari', Buffer.alloc(4096, 1), 4096],
  ['ami', Buffer.alloc(4096, 1), 4096],
]

const dangerous: [string, string, Buffer, RegExp][] = [
  ['a backing file', 'qcow2', qcow2Sample({ backing: '/etc/shadow' }), /backing file \('\/etc\/shadow'\)/],
  ['a data file', 'qcow2', qcow2Sample({ incompatible: 4n }), /external data file/],
  ['encryption', 'qcow2', qcow2Sample({ encryption: 2 }), /encrypted \(luks\)/],
  ['corruption', 'qcow2', qcow2Sample({ incompatible: 2n }), /marked as corrupt/],
  ['unknown features', 'qcow2', qcow2Sample({ incompatible: 1n << 40n }), /unknown here/],
  ['qcow2 called raw', 'raw', qcow2Sample(), /said to be raw, but its content is qcow2/],
  ['raw called qcow2', 'qcow2', Buffer.alloc(4096), /said to be qcow2, but its content is raw/],
  ['qcow2 called a kernel', 'aki', qcow2Sample(), /content is qcow2/],
  [
    'a host file as VMDK extent',
    'vmdk',
    vmdkSample({ extent: 'RW 2048 FLAT "/etc/shadow" 0' }),
    /names other files \(\/etc\/shadow\)/,
  ],
  [
    'a sparse extent elsewhere',
    'vmdk',
    vmdkSample({ extent: 'RW 2048 SPARSE "../../etc/shadow"' }),
    /names other files/,
  ],
  [
    'one of several extents',
    'vmdk',
    vmdkSample({ extent: 'RW 1024 SPARSE "disk.vmdk"\nRW 1024 SPARSE "disk-s002.vmdk"' }),
    /names other files \(disk.vmdk, disk-s002.vmdk\)/,
  ],
  [
    'an extent that only careless readers see',
    'vmdk',
    vmdkSample({ extent: 'RW 2048 SPARSE "disk.vmdk"\nRW +2048 FLAT "/etc/shadow" 0' }),
    /names other files/,
  ],
  ['a VMDK with a parent', 'vmdk', vmdkSample({ parent: 'base.vmdk' }), /backing file \('base.vmdk'\)/],
  [
    'a parent in a comment, where QEMU finds it',
    'vmdk',
    vmdkSample({ extent: 'RW 2048 SPARSE "disk.vmdk"\n# parentFileNameHint="/etc/shadow"' }),
    /backing file \('\/etc\/shadow'\)/,
  ],
  [
    'a VMDK of two types',
    'vmdk',
    vmdkSample({ extent: 'RW 2048 SPARSE "disk.vmdk"\ncreateType="monolithicFlat"' }),
    /more than once/,
  ],
  ['a flat VMDK', 'vmdk', vmdkSample({ createType: 'monolithicFlat' }), /monolithicFlat/],
  ['a VMDK without capacity', 'vmdk', vmdkSample({ capacity: 0n }), /no capacity/],
  [
    'a bare VMDK descriptor',
    'vmdk',
    Buffer.from(vmdkDescriptor({ extent: 'RW 2048 SPARSE "/etc/shadow"' })),
    /names other files/,
  ],
  ['a differencing VHD', 'vhd', vhdSample(4), /its parent/],
  ['a VHD that hides its parent', 'vhd', vhdSample(3, { parent: 'C:\\\\base.vhd' }), /names another file/],
  ['a differencing VHDX', 'vhdx', vhdxSample({ flags: 2 }), /its parent/],
  ['a VHDX with a parent locator', 'vhdx', vhdxSample({ parentItem: true }), /its parent/],
  ['a VHDX with a log to replay', 'vhdx', vhdxSample({ log: true }), /changes that are still to be made/],
  ['a VHDX with part of a block', 'vhdx', vhdxSample({ block: 7n }), /its parent/],
  ['a differencing VDI', 'vdi', vdiSample(4), /its parent/],
  [
    'an ISO that is a qcow2 too',
    'iso',
    Buffer.concat([qcow2Sample().subarray(0, 16 * 2048), isoSample().subarray(16 * 2048)]),
    /tools would disagree/,
  ],
  ['a partitioned disk called ISO', 'iso', mbrSample(true), /said to be iso, but its content is raw/],
  ['a format nobody knows', 'docx', Buffer.alloc(1), /no known disk format/],
]

describe('image inspection', () => {
  it.each(healthy)('takes a healthy %s image', async (claimed, image, virtualSize) => {
    const info = await inspect(image)
    expect(checkImage(info, claimed)).toEqual([])
    expect(info.virtualSize).toBe(virtualSize)
  })

  it.each(dangerous)('refuses %s', async (_what, claimed, image, reason) => {
    const info = await inspect(image)
    expect(checkImage(info, claimed).join(' ')).toMatch(reason)
    expect(() => requireSafeImage(info, claimed)).toThrow(CloudError)
  })

  it('sees partition tables', async () => {
    expect((await inspect(mbrSample())).partitions).toBe('mbr')
    expect((await inspect(mbrSample(true))).partitions).toBe('gpt')
  })

  it('tells the format from as much as a stream shows first', async () => {
    expect(await formatOfHead(qcow2Sample().subarray(0, formatBytes))).toBe('qcow2')
    expect(await formatOfHead(isoSample().subarray(0, formatBytes))).toBe('iso')
    expect(await formatOfHead(Buffer.alloc(10))).toBe('raw')
  })

  it('refuses an image that ends within its first mark', async () => {
    for (const length of [4, 7])
      await expect(inspect(Buffer.from('QFI\xfb\0\0\0', 'latin1').subarray(0, length))).rejects.toThrow(
        'The image ends within its qcow2 header.',
      )
  })

  it('answers any bytes with a picture or a refusal, and reads none of them often', async () => {
    const seeds = [...healthy, ...dangerous]
      .map((row) => row.find((each) => Buffer.isBuffer(each)))
      .filter((image) => image !== undefined)
    // Where limits lie, and where numbers turn over.
    const odd = [0n, 1n, 511n, 512n, 65_536n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]
    const change = fc.record({
      at: fc.oneof(fc.nat({ max: 600 }), fc.nat({ max: 70_000 }), fc.nat({ max: 4 * 2 ** 20 })),
      value: fc.constantFrom(...odd),
      width: fc.constantFrom(1, 4, 8),
      little: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: seeds.length - 1 }),
        fc.array(change, { maxLength: 8 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        async (index, changes, keep) => {
          const whole = seeds[index]!
          const image = Buffer.from(whole.subarray(0, Math.ceil(whole.length * keep)))
          for (const { at, value, width, little } of changes) {
            const bytes = Buffer.alloc(8)
            if (little) bytes.writeBigUInt64LE(value)
            else bytes.writeBigUInt64BE(value)
            if (at + width <= image.length) bytes.copy(image, at, little ? 0 : 8 - width, little ? width : 8)
          }
          let bytesRead = 0
          const read = bufferReader(image)
          const counted = async (offset: number, length: number) => {
            const bytes = await read(offset, length)
            bytesRead += bytes.length
            return bytes
          }
          try {
            const info = await inspectWhole(counted, image.length)
            expect(checkImage(info, info.format).every((reason) => reason.endsWith('.'))).toBe(true)
          } catch (error) {
            expect(error).toMatchObject({ kind: 'badRequest', message: expect.stringMatching(/\.$/) })
            expect(error).toBeInstanceOf(CloudError)
          }
          expect(bytesRead).toBeLessThan(4 * image.length + 2 ** 20)
        },
      ),
      { numRuns: 500 },
    )
  })
})

describe('an upload on its way', () => {
  const pass = (image: Buffer, claimed: string, chunk: number) => {
    const chunks = Array.from({ length: Math.ceil(image.length / chunk) }, (_, i) =>
      image.subarray(i * chunk, (i + 1) * chunk),
    )
    return buffer(Readable.from(chunks).compose(watchedUpload(claimed)))
  }

  it.each([1000, 65_536, 10_000_000])('comes out unchanged in chunks of %i bytes', async (chunk) => {
    const image = Buffer.concat([qcow2Sample(), Buffer.alloc(300_000, 3)])
    expect((await pass(image, 'qcow2', chunk)).equals(image)).toBe(true)
  })

  it('is stopped early where it reaches for another file', async () => {
    const image = Buffer.concat([qcow2Sample({ backing: '/etc/shadow' }), Buffer.alloc(1_000_000)])
    let sent = 0
    async function* slow() {
      for (; sent < image.length; sent += 10_000) yield image.subarray(sent, sent + 10_000)
    }
    await expect(buffer(Readable.from(slow()).compose(watchedUpload('qcow2')))).rejects.toThrow(
      'backing file',
    )
    expect(sent).toBeLessThan(image.length)
  })

  it('is refused where it is short and wrong', async () => {
    await expect(pass(Buffer.from('hello'), 'qcow2', 10)).rejects.toThrow('content is raw')
  })
})

describe('verified bytes', () => {
  const image = {
    id: 'i-1',
    sizeBytes: 5,
    hashAlgorithm: 'sha256',
    hashValue: '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824',
  }
  const arrive = (text: string, promised = image) =>
    buffer(verifiedBytes(promised, Readable.from([Buffer.from(text)])))

  it('passes what was promised', async () => {
    expect((await arrive('hello')).toString()).toBe('hello')
  })
  it.each([
    ['hell', /with 4 of its 5 bytes/],
    ['hello!', /more than its 5 bytes/],
    ['hellO', /another sha256/],
  ])('refuses %j', async (text, reason) => {
    await expect(arrive(text)).rejects.toThrow(reason)
  })
})

describe('the description in the words of qemu-img', () => {
  it('prints the fields of row 118', async () => {
    const image = qcow2Sample({ backing: '/b/7312bbe40cc8bc765d86d2dbd58d0a57a83ee215' })
    expect(describeImage(await inspect(image), 'disk', 2_293_760)).toBe(
      [
        'image: disk',
        'file format: qcow2',
        'virtual size: 1 GiB (1073741824 bytes)',
        'disk size: 2.19 MiB',
        'cluster_size: 65536',
        'backing file: /b/7312bbe40cc8bc765d86d2dbd58d0a57a83ee215',
        'backing file format: qcow2',
        'Format specific information:',
        '    compat: 1.1',
        '    compression type: zlib',
        '    lazy refcounts: false',
        '    refcount bits: 16',
        '    corrupt: false',
        '    extended l2: false',
        '',
      ].join('\n'),
    )
  })

  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '0.977 KiB'],
    [196_616, '192 KiB'],
    [48 * 2 ** 20, '48 MiB'],
    [2 ** 40, '1 TiB'],
  ])('shows %i bytes as %s', (bytes, text) => {
    expect(readableSize(bytes)).toBe(text)
  })
})

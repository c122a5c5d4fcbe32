// What QEMU itself says of such an image is test/real/virt.test.ts's matter; here the fields are held to rows 116-118.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bufferReader, inspectImage } from '#kit/image-format/inspect.ts'
import { clusterSize, createQcow2 } from './create.ts'

const gib = 2 ** 30

describe('createQcow2', () => {
  it('makes the overlay that row 118 describes', async () => {
    const path = '/var/lib/nova/instances/_base/7312bbe40cc8bc765d86d2dbd58d0a57a83ee215'
    const image = createQcow2({ virtualSize: gib, backing: { path, format: 'raw' } })
    const info = await inspectImage(bufferReader(image), image.length)
    expect(info).toMatchObject({
      format: 'qcow2',
      virtualSize: 1_073_741_824,
      clusterSize: 65_536,
      backingFile: path,
      backingFormat: 'raw',
      qcow2: { compat: '1.1', lazyRefcounts: false, refcountBits: 16, corrupt: false },
      problems: [],
    })
  })

  it('counts one reference for each cluster it uses, whatever the size', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 64 * 1024 }), (gigabytes) => {
        const image = createQcow2({ virtualSize: gigabytes * gib })
        const used = Math.ceil(image.length / clusterSize)
        const counts = Array.from({ length: used + 4 }, (_, i) => image.readUInt16BE(2 * clusterSize + 2 * i))
        expect(counts).toEqual([...Array(used).fill(1), 0, 0, 0, 0])
        expect(image.readUInt32BE(36) * 512 * 2 ** 20).toBeGreaterThanOrEqual(gigabytes * gib)
      }),
      { numRuns: 30 },
    )
  })

  it('refuses sizes and paths that the format has no room for', () => {
    expect(() => createQcow2({ virtualSize: 100 })).toThrow("can't be made")
    expect(() => createQcow2({ virtualSize: 2 ** 52 })).toThrow("can't be made")
    expect(() =>
      createQcow2({ virtualSize: gib, backing: { path: '/'.repeat(1024), format: 'raw' } }),
    ).toThrow('too long')
  })
})

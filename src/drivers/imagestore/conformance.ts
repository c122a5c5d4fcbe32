// What every image store must do, seen from outside. Only tests import this.
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { ImageSource, ImageStore } from './driver.ts'

export type ImageSourceRig = {
  source: ImageSource
  /** Puts an image there in whatever way it gets there, and gives its ref. */
  place(content: Buffer): Promise<string>
  /** A ref of the right form at which there is nothing. */
  nowhere: string
  dispose(): Promise<void>
}

export type ImageStoreRig = {
  store: ImageStore
  /** Another one on the same images, as after a restart of the controller. */
  reopen(): Promise<ImageStore>
  /** All that lies anywhere in the store, halves too. */
  everything(): Promise<string[]>
  dispose(): Promise<void>
}

const content = Buffer.from(Array.from({ length: 200_000 }, (_, index) => index % 251))
type PutOptions = Parameters<ImageStore['put']>[2]
const unlimited: PutOptions = { limitBytes: 2 ** 40, check: async () => {} }
let counter = 0
const newId = () => `00000000-0000-4000-8000-${String(++counter).padStart(12, '0')}`

export function imageSourceConformance(name: string, make: () => Promise<ImageSourceRig>): void {
  describe(`image source ${name}`, () => {
    let rig: ImageSourceRig
    let ref: string
    beforeAll(async () => {
      rig = await make()
      ref = await rig.place(content)
    })
    afterAll(() => rig.dispose())

    it('gives an image byte by byte, and says how large it is', async () => {
      expect((await buffer(await rig.source.get(ref))).equals(content)).toBe(true)
      expect((await rig.source.info(ref))?.sizeBytes).toBe(content.length)
    })

    it.each([
      [0, 0],
      [10, 19],
      [65_535, 131_073],
      [content.length - 1, content.length - 1],
    ])('gives the bytes from %i to %i', async (start, end) => {
      const part = await buffer(await rig.source.get(ref, { start, end }))
      expect(part.equals(content.subarray(start, end + 1))).toBe(true)
    })

    it('says that there is nothing where there is nothing', async () => {
      await expect(rig.source.get(rig.nowhere)).rejects.toMatchObject({ kind: 'notFound' })
      expect(await rig.source.info(rig.nowhere)).toBeUndefined()
    })
  })
}

export function imageStoreConformance(name: string, make: () => Promise<ImageStoreRig>): void {
  imageSourceConformance(name, async () => {
    const rig = await make()
    return {
      source: rig.store,
      place: async (bytes) => (await rig.store.put(newId(), Readable.from([bytes]), unlimited)).id,
      nowhere: newId(),
      dispose: rig.dispose,
    }
  })

  describe(`image store ${name}`, () => {
    let rig: ImageStoreRig
    beforeAll(async () => {
      rig = await make()
    })
    afterAll(() => rig.dispose())
    const chunks = (...parts: (Buffer | Error)[]) =>
      Readable.from(
        (async function* () {
          for (const part of parts) {
            if (part instanceof Error) throw part
            yield part
          }
        })(),
      )
    const put = (id: string, stream: Readable, change: Partial<PutOptions> = {}) =>
      rig.store.put(id, stream, { ...unlimited, ...change })

    it('shows the whole to the check before it counts as stored', async () => {
      const id = newId()
      const seen: unknown[] = []
      await put(id, chunks(content.subarray(0, 1000), content.subarray(1000)), {
        async check(read, size) {
          seen.push(size, await rig.store.info(id), (await read(size - 4, 100)).length)
          expect((await read(100_000, 50)).equals(content.subarray(100_000, 100_050))).toBe(true)
        },
      })
      expect(seen).toEqual([content.length, undefined, 4])
      expect(await rig.store.list()).toContainEqual({ id, sizeBytes: content.length })
      expect(rig.store.locate(id)).toContain(id)
    })

    it.each([
      ['a stream that breaks', () => chunks(content, new Error('the line is cut')), {}, /the line is cut/],
      [
        'one byte more than the limit',
        () => chunks(content),
        { limitBytes: content.length - 1 },
        /larger than/,
      ],
      [
        'a check that refuses',
        () => chunks(content),
        { check: () => Promise.reject(new CloudError('badRequest', 'This is no image.')) },
        /no image/,
      ],
    ])('keeps nothing of %s', async (_what, stream, change, reason) => {
      const before = await rig.everything()
      const id = newId()
      await expect(put(id, stream(), change)).rejects.toThrow(reason)
      expect(await rig.everything()).toEqual(before)
      expect(await rig.store.info(id)).toBeUndefined()
    })

    it('takes an image of exactly the limit, and an empty one', async () => {
      const [full, empty] = [newId(), newId()]
      await put(full, chunks(content), { limitBytes: content.length })
      await put(empty, chunks())
      expect((await rig.store.info(full))?.sizeBytes).toBe(content.length)
      expect((await buffer(await rig.store.get(empty))).length).toBe(0)
    })

    it('says of each chunk when it is done with it, so that its memory can be used again', async () => {
      const id = newId()
      const pieces = Array.from({ length: 4 }, (_, index) =>
        Buffer.from(content.subarray(index * 50_000, (index + 1) * 50_000)),
      )
      await put(id, chunks(...pieces), { spent: (chunk) => chunk.fill(0) })
      expect((await buffer(await rig.store.get(id))).equals(content)).toBe(true)
      expect(Buffer.concat(pieces).equals(Buffer.alloc(content.length))).toBe(true)
    })

    it('writes over what a step that ran twice left', async () => {
      const id = newId()
      await put(id, chunks(Buffer.from('first')))
      await put(id, chunks(Buffer.from('second')))
      expect((await buffer(await rig.store.get(id))).toString()).toBe('second')
    })

    it('removes an image, and has nothing against removing it again', async () => {
      const id = newId()
      await put(id, chunks(content))
      await rig.store.remove(id)
      await rig.store.remove(id)
      expect(await rig.store.info(id)).toBeUndefined()
      expect((await rig.store.list()).map((each) => each.id)).not.toContain(id)
    })

    it('has its images after a restart, and sweeps halves away', async () => {
      const id = newId()
      await put(id, chunks(content))
      const whole = await rig.everything()
      const inside = Promise.withResolvers<void>()
      const halt = Promise.withResolvers<void>()
      // Held where it is while another one sweeps: as if the process had been killed there.
      const check = () => {
        inside.resolve()
        return halt.promise
      }
      const broken = expect(put(newId(), chunks(content), { check })).rejects.toThrow('no more')
      await inside.promise
      expect(await rig.everything()).not.toEqual(whole)
      const again = await rig.reopen()
      await again.sweep()
      expect(await rig.everything()).toEqual(whole)
      expect((await again.info(id))?.sizeBytes).toBe(content.length)
      halt.reject(new Error('this process is no more'))
      await broken
    })

    it('refuses an id that leads elsewhere', async () => {
      await expect(put('../../etc/passwd', chunks(content))).rejects.toMatchObject({ kind: 'badRequest' })
      await expect(rig.store.get('../etc/passwd')).rejects.toMatchObject({ kind: 'badRequest' })
    })
  })
}

// What every volume driver must do, seen from outside. Only tests import this.
import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { VolumeDriver, VolumeSource } from './driver.ts'

export type VolumeRig = {
  driver: VolumeDriver
  /** Another driver on the same host, as after a restart of the agent. */
  reopen(): Promise<VolumeDriver>
  /** The bytes that lie at the path of a connection; a driver that holds none has no such look. */
  look?(path: string): Promise<{ size: number; first: Buffer }>
  dispose(): Promise<void>
}

const gib = 2 ** 30
let counter = 0
const newId = () => `00000000-0000-4000-8000-${String(++counter).padStart(12, '0')}`

export function rawSource(content: Buffer, diskFormat = 'raw'): VolumeSource {
  return { diskFormat, sizeBytes: content.length, open: async () => Readable.from([content]) }
}

export function volumeConformance(name: string, make: () => Promise<VolumeRig>): void {
  describe(`volume driver ${name}`, () => {
    let rig: VolumeRig
    beforeAll(async () => {
      rig = await make()
    })
    afterAll(() => rig.dispose())
    const pathOf = async (id: string) => (await rig.driver.connect(id, 'node1')).data.path as string

    it('makes a volume once, however often it is asked', async () => {
      const id = newId()
      await rig.driver.create(id, 1)
      await rig.driver.create(id, 1)
      expect((await rig.driver.list()).filter((each) => each === id)).toEqual([id])
      const connection = await rig.driver.connect(id, 'node1')
      expect(connection).toMatchObject({ driverVolumeType: 'file', data: { format: 'raw' } })
      expect(connection.data.path).toEqual(expect.stringContaining(id))
      if (rig.look) expect((await rig.look(await pathOf(id))).size).toBe(gib)
    })

    it('fills a volume from an image, up to its size', async () => {
      const id = newId()
      await rig.driver.create(id, 1, rawSource(Buffer.from('all that the image holds'.padEnd(512))))
      expect(await rig.driver.list()).toContain(id)
      if (!rig.look) return
      const { size, first } = await rig.look(await pathOf(id))
      expect(size).toBe(gib)
      expect(first.toString()).toMatch(/^all that the image holds/)
    })

    it('makes a volume larger, and never smaller', async () => {
      const id = newId()
      await rig.driver.create(id, 2)
      await rig.driver.extend(id, 3)
      await rig.driver.extend(id, 3)
      await rig.driver.extend(id, 1)
      if (rig.look) expect((await rig.look(await pathOf(id))).size).toBe(3 * gib)
      await expect(rig.driver.extend(newId(), 3)).rejects.toMatchObject({ kind: 'notFound' })
    })

    it('removes a volume, and has nothing against removing it again', async () => {
      const id = newId()
      await rig.driver.create(id, 1)
      await rig.driver.delete(id)
      await rig.driver.delete(id)
      expect(await rig.driver.list()).not.toContain(id)
      await expect(rig.driver.connect(id, 'node1')).rejects.toMatchObject({ kind: 'notFound' })
    })

    it('leaves nothing of a volume whose image breaks off', async () => {
      const id = newId()
      const open = async () =>
        Readable.from(
          (async function* () {
            yield Buffer.alloc(1024)
            throw new Error('the line is cut')
          })(),
        )
      const source: VolumeSource = { diskFormat: 'raw', sizeBytes: 4096, open }
      await expect(rig.driver.create(id, 1, source)).rejects.toThrow()
      expect(await rig.driver.list()).not.toContain(id)
      await rig.driver.create(id, 1)
      expect(await rig.driver.list()).toContain(id)
    })

    it('has its volumes still after a restart', async () => {
      const id = newId()
      await rig.driver.create(id, 1)
      const again = await rig.reopen()
      expect(await again.list()).toContain(id)
      expect((await again.connect(id, 'node1')).data.path).toBe(await pathOf(id))
    })

    it('knows over restarts which volumes the cloud has not taken over', async () => {
      const [left, taken, gone] = [newId(), newId(), newId()]
      for (const id of [left, taken, gone]) await rig.driver.create(id, 1)
      await rig.driver.confirm(taken)
      await rig.driver.confirm(taken)
      await rig.driver.create(taken, 1)
      await rig.driver.delete(gone)
      const unconfirmed = await (await rig.reopen()).unconfirmed()
      expect(unconfirmed).toContain(left)
      expect(unconfirmed).not.toContain(taken)
      expect(unconfirmed).not.toContain(gone)
    })

    it('says how much room there is', async () => {
      const { totalGib, freeGib } = await rig.driver.capacity()
      expect(totalGib).toBeGreaterThan(0)
      expect(freeGib).toBeGreaterThanOrEqual(0)
      expect(freeGib).toBeLessThanOrEqual(totalGib)
    })
  })
}

// Simulated volumes: they are remembered, in a file over restarts, and hold nothing. Tests inject failures.
import { join } from 'node:path'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { World } from '#kit/world/world.ts'
import type { VolumeDriver, VolumeOptions } from '../driver.ts'

export type SimVolumes = VolumeDriver & {
  /** The `nth` such call from now on fails; 1 is the next. */
  fail(operation: 'create' | 'delete' | 'extend' | 'connect', nth?: number): void
}

const totalGib = 1024

/** GiB by id. */
type State = { volumes: [string, number][]; unconfirmed: string[] }

export async function openSimVolumes(world: World, options: VolumeOptions): Promise<SimVolumes> {
  const { files } = world
  const state = join(options.folder, 'volumes.json')
  await files.makeFolder(options.folder)
  const kept: State = (await files.exists(state))
    ? JSON.parse(await files.readText(state))
    : { volumes: [], unconfirmed: [] }
  const volumes = new Map(kept.volumes)
  const unconfirmed = new Set(kept.unconfirmed)
  let saving = Promise.resolve()
  /** Counted, so that it is known whether the file holds the latest: a save may fail, or be under way. */
  let changes = 0
  let inFile = 0
  const save = () => {
    changes++
    // One that failed, on a full disk, has told its own caller.
    saving = saving
      .catch(() => {})
      .then(async () => {
        const now: State = { volumes: [...volumes], unconfirmed: [...unconfirmed] }
        const upTo = changes
        await files.writeAtomic(state, JSON.stringify(now))
        inFile = upTo
      })
    return saving
  }
  /** For a call that finds everything done, by one before it that may have failed to save it. */
  const saved = () => (inFile < changes ? save() : undefined)
  const failures: { operation: string; left: number }[] = []
  const operate = (operation: string) => {
    const failure = failures.find((one) => one.operation === operation)
    if (!failure || --failure.left > 0) return
    failures.splice(failures.indexOf(failure), 1)
    throw new CloudError('unavailable', `The simulated volume store failed at ${operation}.`)
  }
  const need = (id: string) => {
    if (!volumes.has(id)) throw new CloudError('notFound', `There is no volume ${id} here.`)
  }
  const used = () => [...volumes.values()].reduce((sum, size) => sum + size, 0)
  return {
    name: 'sim',
    reach: 'everywhere',
    fail: (operation, nth = 1) => void failures.push({ operation, left: nth }),
    async create(id, sizeGib, source) {
      operate('create')
      if (volumes.has(id)) return saved()
      if (sizeGib > totalGib - used())
        throw new CloudError('tooLarge', 'The host has no room left for the volume.')
      if (source) for await (const _ of await source.open());
      volumes.set(id, sizeGib)
      unconfirmed.add(id)
      await save()
    },
    async delete(id) {
      operate('delete')
      volumes.delete(id)
      unconfirmed.delete(id)
      await save()
    },
    async extend(id, sizeGib) {
      operate('extend')
      need(id)
      volumes.set(id, Math.max(sizeGib, volumes.get(id)!))
      await save()
    },
    async connect(id) {
      operate('connect')
      need(id)
      return {
        driverVolumeType: 'file',
        data: { path: `${options.folder}/volume-${id}`, format: 'raw' },
      }
    },
    list: async () => [...volumes.keys()],
    async confirm(id) {
      await (unconfirmed.delete(id) ? save() : saved())
    },
    unconfirmed: async () => [...unconfirmed],
    capacity: async () => ({ totalGib, freeGib: totalGib - used() }),
  }
}

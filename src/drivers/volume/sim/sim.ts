// Simulated volumes: they are remembered and hold nothing. Tests inject failures and ask for the inventory.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { World } from '#kit/world/world.ts'
import type { VolumeDriver, VolumeOptions } from '../driver.ts'

export type SimVolumes = VolumeDriver & {
  /** The `nth` such call from now on fails; 1 is the next. */
  fail(operation: 'create' | 'delete' | 'extend' | 'connect', nth?: number): void
}

const totalGib = 1024

export async function openSimVolumes(_world: World, options: VolumeOptions): Promise<SimVolumes> {
  const volumes = new Map<string, number>()
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
      if (source) for await (const _ of await source.open());
      volumes.set(id, sizeGib)
    },
    async delete(id) {
      operate('delete')
      volumes.delete(id)
    },
    async extend(id, sizeGib) {
      operate('extend')
      need(id)
      volumes.set(id, sizeGib)
    },
    async connect(id) {
      operate('connect')
      need(id)
      return {
        driverVolumeType: 'file',
        data: { path: `${options.folder}/volume-${id}`, format: 'raw', access_mode: 'rw' },
      }
    },
    list: async () => [...volumes.keys()],
    capacity: async () => ({ totalGib, freeGib: totalGib - used() }),
  }
}

// The Linux image that guests of these tests boot: built once on a machine and kept there. That it can be built from
// nothing is tiny-image.test.ts's to say.
import { cpuModel } from '#drivers/virt/qemu/arguments.ts'
import { realWorld } from '#kit/world/real.ts'
import { readDistribution } from '#main/package.ts'
import { buildTinyImage, type TinyImage } from '#main/tiny-image/build.ts'
import { tinyImageCache } from '#main/tiny-image/cache.ts'

const world = realWorld()

/** As the qemu driver does it: without a source of random numbers a guest looks for some for a second or two. */
export const emulated = [
  ...['-machine', 'pc', '-accel', 'tcg,tb-size=64', '-cpu', cpuModel.tcg],
  ...['-object', 'rng-random,id=rng0,filename=/dev/urandom', '-device', 'virtio-rng-pci,rng=rng0'],
]

export async function tinyImage(out: string): Promise<TinyImage> {
  const [{ id: distribution }, cache] = await Promise.all([readDistribution(world), tinyImageCache(world)])
  return buildTinyImage(world, { out, cache, distribution })
}

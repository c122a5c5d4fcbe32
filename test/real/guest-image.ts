// The Linux image that guests of these tests boot: built once on a machine and kept there. That it can be built from
// nothing is tiny-image.test.ts's to say.
import { realWorld } from '#kit/world/real.ts'
import { readDistribution } from '#main/package.ts'
import { buildTinyImage, type TinyImage } from '#main/tiny-image/build.ts'
import { tinyImageCache } from '#main/tiny-image/cache.ts'

const world = realWorld()

export async function tinyImage(out: string): Promise<TinyImage> {
  const [{ id: distribution }, cache] = await Promise.all([readDistribution(world), tinyImageCache(world)])
  return buildTinyImage(world, { out, cache, distribution })
}

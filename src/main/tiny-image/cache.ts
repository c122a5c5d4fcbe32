// Where packages of the tiny guest and the image made of them are kept: once on a machine, whatever clouds come and go there.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { World } from '#kit/world/world.ts'

/** Root's is nobody else's to write to: what lies there is run. */
export async function tinyImageCache({ files, env }: Pick<World, 'files' | 'env'>): Promise<string> {
  if ((await files.info('/proc/self'))?.uid === 0) return '/var/cache/nimbo/tiny'
  const home = env.XDG_CACHE_HOME ?? (env.HOME ? `${env.HOME}/.cache` : undefined)
  if (!home)
    throw new CloudError('badRequest', 'There is neither HOME nor XDG_CACHE_HOME to keep packages in.')
  return `${home}/nimbo/tiny`
}

// One `up`, `down` or `destroy` of a cloud at a time. The lock names its holder, so that one left behind is taken over.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { World } from '#kit/world/world.ts'
import type { DataFolder } from './data-folder.ts'

export async function withLock<T>(
  world: World,
  folder: DataFolder,
  what: string,
  work: () => Promise<T>,
): Promise<T> {
  const path = `${folder.root}/lock`
  await take(world, path, what)
  try {
    return await work()
  } finally {
    await world.files.remove(path)
  }
}

async function take(world: World, path: string, what: string): Promise<void> {
  const own = await world.processes.info(world.processes.self)
  try {
    const file = await world.files.open(path, 'wx')
    await file.writev([Buffer.from(`${own!.pid} ${own!.startTicks} ${what}\n`)])
    await file.close()
  } catch (error) {
    if (!(await world.files.exists(path))) throw error
    const [pid, startTicks, doing] = (await world.files.readText(path)).trim().split(' ')
    const holder = await world.processes.info(Number(pid))
    if (holder && holder.startTicks === Number(startTicks)) {
      throw new CloudError(
        'conflict',
        `'nimbo ${doing}' is at work on this cloud (process ${pid}): wait for it.`,
        { cause: error },
      )
    }
    await world.files.remove(path)
    await take(world, path, what)
  }
}

// The files that browsers get: our page, and noVNC's modules as its package has them. All are listed at start, so that
// no path of a request ever reaches the file system.
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { World } from '#kit/world/world.ts'

export type StaticFile = { path: string; type: string }
/** By the path below '/', without it. */
export type StaticFiles = ReadonlyMap<string, StaticFile>

const types: Record<string, string> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
}

export async function listStaticFiles(world: World): Promise<StaticFiles> {
  const page = join(dirname(fileURLToPath(import.meta.url)), 'page')
  // The package opens by its core/rfb.js.
  const novnc = dirname(dirname(createRequire(import.meta.url).resolve('@novnc/novnc')))
  const found = new Map<string, StaticFile>()
  await walk(world, page, '', found)
  for (const part of ['core', 'vendor']) await walk(world, join(novnc, part), `novnc/${part}/`, found)
  // The names under which clients know the page.
  const whole = found.get('vnc_auto.html')!
  for (const name of ['vnc_lite.html', 'vnc.html']) found.set(name, whole)
  return found
}

async function walk(
  world: World,
  folder: string,
  prefix: string,
  found: Map<string, StaticFile>,
): Promise<void> {
  for (const name of await world.files.list(folder)) {
    const path = join(folder, name)
    const info = await world.files.info(path)
    if (info?.isDirectory) await walk(world, path, `${prefix}${name}/`, found)
    const type = types[name.split('.').at(-1)!]
    if (info?.isFile && type) found.set(prefix + name, { path, type })
  }
}

// Finds a kernel and its modules in an unpacked package tree, in an order that insmod accepts.
import { zstdDecompressSync } from 'node:zlib'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { World } from '#kit/world/world.ts'
import { neededModules } from './elf.ts'

export type Module = { name: string; content: Buffer }
export type Kernel = { release: string; image: Buffer; early: Module[]; late: Module[]; absent: string[] }

/**
 * `early` are the modules for the initrd and `late` those for the root file system, each with what they need.
 * A name that is built into the kernel needs no file; one that the kernel has in no form is told in `absent`.
 */
export async function readKernel(
  world: World,
  tree: string,
  early: readonly string[],
  late: readonly string[],
): Promise<Kernel> {
  const image = (await world.files.list(`${tree}/boot`)).find((name) => name.startsWith('vmlinuz-'))
  if (!image) throw new CloudError('notFound', `There is no kernel in ${tree}/boot.`)
  const release = image.slice('vmlinuz-'.length)
  const root = await moduleRoot(world, tree, release)
  const found = await findModules(world, root)
  const builtIn = new Set((await readIfThere(world, `${root}/modules.builtin`)).split('\n').map(moduleName))
  const absent = [...early, ...late].filter(
    (name) => !found.has(canonical(name)) && !builtIn.has(canonical(name)),
  )
  const first = await inOrder(world, found, early)
  const second = await inOrder(world, found, late)
  return {
    release,
    image: await world.files.read(`${tree}/boot/${image}`),
    early: first,
    late: second.filter((module) => !first.some((other) => other.name === module.name)),
    absent,
  }
}

async function moduleRoot(world: World, tree: string, release: string): Promise<string> {
  for (const folder of ['lib', 'usr/lib']) {
    const path = `${tree}/${folder}/modules/${release}`
    if (await world.files.exists(path)) return path
  }
  throw new CloudError('notFound', `There are no modules of kernel ${release} in ${tree}.`)
}

async function findModules(world: World, folder: string): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (const name of await world.files.list(folder)) {
    const path = `${folder}/${name}`
    if (/\.ko(\.xz|\.zst)?$/.test(name)) found.set(moduleName(name), path)
    else if ((await world.files.info(path))?.isDirectory) {
      for (const [inner, innerPath] of await findModules(world, path)) found.set(inner, innerPath)
    }
  }
  return found
}

/** Each module after those that it needs. */
async function inOrder(
  world: World,
  found: Map<string, string>,
  names: readonly string[],
): Promise<Module[]> {
  const ordered = new Map<string, Module>()
  const add = async (name: string): Promise<void> => {
    const path = found.get(canonical(name))
    if (!path || ordered.has(canonical(name))) return
    const content = await readModule(world, path)
    for (const needed of neededModules(content)) await add(needed)
    ordered.set(canonical(name), { name: canonical(name), content })
  }
  for (const name of names) await add(name)
  return [...ordered.values()]
}

/** Debian 13 ships modules by xz, Ubuntu by zstd; insmod wants them plain. */
async function readModule(world: World, path: string): Promise<Buffer> {
  if (path.endsWith('.zst')) return zstdDecompressSync(await world.files.read(path))
  if (!path.endsWith('.xz')) return world.files.read(path)
  const plain = path.slice(0, -'.xz'.length)
  if (!(await world.files.exists(plain))) {
    // Written beside: who reads at the same time sees a whole module or none.
    const beside = `${plain}.${world.random.hexId().slice(0, 8)}`
    const script = 'xz -dc "$0" > "$1" && mv "$1" "$2"'
    const result = await world.processes.run('sh', ['-c', script, path, beside, plain])
    if (result.code !== 0)
      throw new CloudError('internal', `xz could not unpack ${path}: ${result.stderr.trim()}`)
  }
  return world.files.read(plain)
}

/** The kernel takes `-` and `_` in a module's name for the same. */
function canonical(name: string): string {
  return name.replaceAll('-', '_')
}

function moduleName(path: string): string {
  return canonical(path.slice(path.lastIndexOf('/') + 1).replace(/\.ko(\.xz|\.zst)?$/, ''))
}

async function readIfThere(world: World, path: string): Promise<string> {
  return (await world.files.exists(path)) ? world.files.readText(path) : ''
}

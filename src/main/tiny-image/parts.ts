// Fetches the distribution's packages that the guest is made of and takes the few programs and libraries out of them.
// Nothing is installed: the packages are unpacked into a folder, which is kept for the next build.
import { createHash } from 'node:crypto'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { World } from '#kit/world/world.ts'
import { neededLibraries } from './elf.ts'

export type Programs = {
  busybox: Buffer
  /** Paths at which the guest finds a busybox command. */
  applets: string[]
  /** Dropbear and the libraries that it asks for, at their paths in the guest. */
  files: { path: string; content: Buffer }[]
}

const userPackages = [
  'busybox-static',
  'dropbear-bin',
  'libc6',
  'libcrypt1',
  'libgmp10',
  'libtomcrypt1',
  'libtommath1',
  'zlib1g',
]
const loader = 'ld-linux-x86-64.so.2'

/** The unpacked tree of all packages, in a folder named by their versions. */
export async function fetchPackages(world: World, cache: string, distribution: string): Promise<string> {
  try {
    return await fetchListed(world, cache, distribution)
  } catch (error) {
    // Lists from long ago name versions that are gone. Who may not renew them is told of those.
    const isRenewed = await run(world, 'apt-get', ['update', '-q']).then(
      () => true,
      () => false,
    )
    if (!isRenewed) throw error
    return fetchListed(world, cache, distribution)
  }
}

async function fetchListed(world: World, cache: string, distribution: string): Promise<string> {
  const packages = [...(await kernelPackages(world, distribution)), ...userPackages]
  const versions = await run(world, 'apt-cache', ['show', '--no-all-versions', ...packages])
  const kernel = packages[0]!
  const tree = `${cache}/tree-${kernel}-${checksum(versions)}`
  if (await world.files.exists(`${tree}/complete`)) return tree
  // Others may be at the same: a tree has its name only once it is whole, and one of them is enough.
  const work = `${cache}/work-${world.random.hexId().slice(0, 8)}`
  const archives = `${work}/archives`
  await world.files.makeFolder(archives, { mode: 0o755 })
  try {
    await run(world, 'apt-get', ['download', '-q', '-o', 'Acquire::Retries=3', ...packages], archives)
    for (const name of await world.files.list(archives)) {
      if (name.endsWith('.deb')) await run(world, 'dpkg-deb', ['-x', `${archives}/${name}`, `${work}/tree`])
    }
    await world.files.write(`${work}/tree/complete`, '')
    if (!(await world.files.exists(`${tree}/complete`))) {
      await world.files.removeTree(tree)
      await world.files.rename(`${work}/tree`, tree)
    }
  } finally {
    await world.files.removeTree(work)
  }
  return tree
}

/** Debian's kernel for clouds, or Ubuntu's for virtual machines with its modules apart. */
async function kernelPackages(world: World, distribution: string): Promise<string[]> {
  const meta = distribution === 'ubuntu' ? 'linux-image-virtual' : 'linux-image-cloud-amd64'
  const depends = await run(world, 'apt-cache', ['depends', meta])
  const kernel = /Depends: (linux-image-\S+)/.exec(depends)?.[1]
  if (!kernel) throw new CloudError('notFound', `apt knows no kernel ${meta}: run apt-get update.`)
  return distribution === 'ubuntu' ? [kernel, kernel.replace('linux-image-', 'linux-modules-')] : [kernel]
}

export async function readPrograms(world: World, tree: string): Promise<Programs> {
  const busybox = await firstOf(world, tree, ['bin/busybox', 'usr/bin/busybox'])
  const list = await run(world, busybox, ['--list-full'])
  const applets = list.split('\n').map((path) => `/${path.trim()}`)
  const dropbear = `${tree}/usr/sbin/dropbear`
  const key = `${tree}/usr/bin/dropbearkey`
  const client = `${tree}/usr/bin/dbclient`
  const programs = await Promise.all(
    [dropbear, key, client].map(async (path) => ({
      path: path.slice(tree.length),
      content: await world.files.read(path),
    })),
  )
  const libraries = await librariesOf(
    world,
    tree,
    programs.map((program) => program.content),
  )
  return {
    busybox: await world.files.read(busybox),
    applets: applets.filter((path) => path.length > 1 && path !== '/bin/busybox' && path !== '/linuxrc'),
    files: [...programs, ...libraries],
  }
}

/** Follows DT_NEEDED from the programs on; the loader itself is named by none of its libraries, but by their header. */
async function librariesOf(world: World, tree: string, programs: readonly Buffer[]) {
  const found = new Map<string, Buffer>()
  const queue = [loader, ...programs.flatMap(neededLibraries)]
  for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
    if (found.has(name)) continue
    const path = await firstOf(world, tree, [
      `lib/x86_64-linux-gnu/${name}`,
      `usr/lib/x86_64-linux-gnu/${name}`,
    ])
    const content = await world.files.read(path)
    found.set(name, content)
    queue.push(...neededLibraries(content))
  }
  return [...found].map(([name, content]) => ({
    path: name === loader ? `/lib64/${name}` : `/lib/x86_64-linux-gnu/${name}`,
    content,
  }))
}

async function firstOf(world: World, tree: string, paths: readonly string[]): Promise<string> {
  for (const path of paths) {
    if (await world.files.exists(`${tree}/${path}`)) return `${tree}/${path}`
  }
  throw new CloudError('notFound', `The packages in ${tree} have none of ${paths.join(', ')}.`)
}

/** Runs one of the host's programs; a failure tells what it said. */
export async function run(
  world: World,
  command: string,
  args: readonly string[],
  cwd?: string,
): Promise<string> {
  const result = await world.processes.run(command, args, { cwd, timeoutMs: 600_000 })
  if (result.code === 0) return result.stdout
  throw new CloudError(
    'internal',
    `${command} ${args[0] ?? ''} failed: ${(result.stderr || result.stdout).trim()}`,
    {
      detail: [command, ...args].join(' '),
    },
  )
}

function checksum(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12)
}

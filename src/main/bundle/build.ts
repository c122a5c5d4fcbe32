// Makes one bundle of all that `nimbo` runs, so that a start reads a dozen files and not fifteen hundred.
// `node src/main/bundle/build.ts FOLDER` leaves it in a folder of its own below FOLDER and names that in FOLDER/current, whose
// time is that of the build's begin: the launcher takes the bundle for stale as soon as any source is newer.
import { dirname, relative } from 'node:path'
import { type Plugin, rolldown } from 'rolldown'
import { realWorld } from '#kit/world/real.ts'
import type { World } from '#kit/world/world.ts'

const checkout = dirname(dirname(dirname(import.meta.dirname)))
/** Programs of threads: each `new Worker(new URL('./x.ts', import.meta.url))` by its file. */
const threads: Record<string, string> = {
  'src/main/broker-thread-entry.ts': 'broker-thread',
  'src/main/simulated-hosts-thread-entry.ts': 'hosts-thread',
  'src/kit/digest/worker.ts': 'digest-thread',
  'src/kit/password/bcrypt-thread.ts': 'bcrypt-thread',
}
/** A bundle lies at node_modules/.cache/nimbo/NAME. */
const intro = "const nimboCheckout = new URL('../../../../', import.meta.url);"

/** Files of ours are found from where their sources lie, and so are those beside them. */
const places: Plugin = {
  name: 'places',
  transform(code, id) {
    const path = relative(checkout, id)
    if (!path.startsWith('src/') || !/import\.meta\.|'node:https?'/.test(code)) return undefined
    const placed = code
      .replace(/^import (?:\* as (\w+)|\{([^}]*)\}) from '(node:https?)'$/gm, httpModule)
      .replace(/new Worker\(new URL\('\.\/([^']+)', import\.meta\.url\)/g, (_, name: string) => {
        const thread = threads[`${dirname(path)}/${name}`]
        if (!thread) throw new Error(`${path}: the thread ${name} is not in the bundle's list`)
        return `new Worker(new URL('./${thread}.mjs', import.meta.url)`
      })
      .replaceAll(
        'import.meta.dirname',
        `decodeURIComponent(new URL('${dirname(path)}', nimboCheckout).pathname)`,
      )
      .replaceAll(/(?<!js', )import\.meta\.url/g, `new URL('${path}', nimboCheckout).href`)
    // Lines stay where they are, which is all that a stack trace tells.
    return { code: placed, map: null }
  },
}

/** An import would have Node load its WebSocket and fetch, 40 ms of processor time that nobody here has a use for. */
function httpModule(_: string, whole: string | undefined, parts: string | undefined, module: string): string {
  const names = (parts ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && !name.startsWith('type '))
    .map((name) => name.replace(' as ', ': '))
  return `const ${whole ?? `{ ${names.join(', ')} }`} = process.getBuiltinModule('${module}')`
}

/** Returns its name in the folder. One that can't be made leaves the last one in its place. */
export async function buildBundle(world: World, folder: string): Promise<string> {
  const name = `${world.clock.now().toString(36)}-${world.processes.self.toString(36)}`
  await world.files.makeFolder(folder, { mode: 0o755 })
  // Written before anything is read: its time is what sources are compared with.
  await world.files.write(`${folder}/${name}.current`, `${name}\n`, { mode: 0o644 })
  const bundle = await rolldown({
    cwd: checkout,
    input: {
      main: `${checkout}/src/main/main.ts`,
      ...Object.fromEntries(Object.entries(threads).map(([path, thread]) => [thread, `${checkout}/${path}`])),
    },
    platform: 'node',
    // Drivers of databases load parts of themselves by name; tests and this file stay what they are.
    external: [/^node:/, 'mysql2', /^pg($|-)/, /^vitest/, 'rolldown'],
    plugins: [places],
  })
  await bundle.write({
    dir: `${folder}/${name}`,
    format: 'esm',
    intro,
    sourcemap: true,
    entryFileNames: '[name].mjs',
    chunkFileNames: '[name]-[hash].mjs',
  })
  await bundle.close()
  await world.files.rename(`${folder}/${name}.current`, `${folder}/current`)
  await removeOthers(world, folder, name)
  return name
}

/** Those that no process runs: one that does may still load a part of its own. */
async function removeOthers(world: World, folder: string, current: string): Promise<void> {
  for (const name of await world.files.list(folder)) {
    if (name === current || name === 'current') continue
    const running = await world.processes.find([`${folder}/${name}/`])
    if (running.length === 0) await world.files.removeTree(`${folder}/${name}`)
  }
}

const [folder] = process.argv.slice(2)
if (process.argv[1] === import.meta.filename && folder)
  await buildBundle(realWorld(), folder).catch((error: Error) => {
    console.error(error.message)
    process.exitCode = 1
  })

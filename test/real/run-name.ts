// Names for what tests make on this machine: no two runs have one in common, and a run that was killed is told by the
// process in its name, so that the next one clears away what it left.
import { readdirSync } from 'node:fs'
import { realWorld } from '#kit/world/real.ts'

const world = realWorld()
const spaceOf = /^nb[a-z](\d+)-/
const folderOf = /^nimbo-(?:wiring|guests)-(\d+)-/

/** To stand behind a word of the caller's: `nbw` and a letter more before it for namespaces, a folder's name before it in /tmp. */
export function runName(): string {
  return `${process.pid}-${world.random.hexId().slice(0, 6)}`
}

/** Namespaces, daemons and folders of runs whose process is no more. Others may be clearing at the same time. */
export async function clearDeadRuns(): Promise<void> {
  const folders = (await world.files.list('/tmp')).filter((name) => isDead(folderOf.exec(name)))
  const known = await namespaces()
  const spaces = known.filter((name) => isDead(spaceOf.exec(name)))
  for (const folder of folders) {
    // Agents' namespaces are named by networks and routers; the driver notes each that it makes.
    const noted = namesIn(`/tmp/${folder}`)
    spaces.push(...known.filter((name) => noted.includes(name)))
    for (const { pid } of await world.processes.find([`/tmp/${folder}/`]))
      world.processes.signal(pid, 'SIGKILL')
  }
  for (const name of spaces) {
    const { stdout } = await world.processes.run('ip', ['netns', 'pids', name])
    for (const pid of stdout.split('\n').filter(Boolean)) world.processes.signal(Number(pid), 'SIGKILL')
    await world.processes.run('ip', ['netns', 'del', name])
  }
  for (const folder of folders) await world.files.removeTree(`/tmp/${folder}`)
}

/** Of all that is below a folder; none where another is just clearing it away. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true }).map((path) => String(path).split('/').at(-1)!)
  } catch {
    return []
  }
}

async function namespaces(): Promise<string[]> {
  const { stdout } = await world.processes.run('ip', ['netns', 'list'])
  return stdout.split('\n').map((line) => line.split(' ')[0]!)
}

function isDead(found: RegExpExecArray | null): boolean {
  return found !== null && !world.processes.alive(Number(found[1]))
}

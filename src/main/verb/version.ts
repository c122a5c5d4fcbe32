// `nimbo version`: this program's version, its commit where it is a checkout, and Node's.
import type { World } from '#kit/world/world.ts'
import type { Verb } from '../verb.ts'

const checkout = `${import.meta.dirname}/../../..`

export async function readVersion(world: World): Promise<string> {
  const text = await world.files.readText(`${checkout}/package.json`)
  return (JSON.parse(text) as { version: string }).version
}

export const version: Verb = {
  summary: 'Tells the version',
  async run({ world, terminal }) {
    const git = await world.processes
      .run('git', ['-C', checkout, 'rev-parse', '--short', 'HEAD'])
      .catch(() => undefined)
    const commit = git?.code === 0 ? ` (${git.stdout.trim()})` : ''
    terminal.print(`nimbo ${await readVersion(world)}${commit}, node ${process.versions.node}`)
    return 0
  },
}

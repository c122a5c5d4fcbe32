// `nimbo version`: this program's version, its commit where it is a checkout, and Node's.
import type { Verb } from '../verb.ts'

const checkout = `${import.meta.dirname}/../../..`

export const version: Verb = {
  summary: 'Tells the version',
  async run({ world, terminal }) {
    const { version } = JSON.parse(await world.files.readText(`${checkout}/package.json`)) as {
      version: string
    }
    const git = await world.processes
      .run('git', ['-C', checkout, 'rev-parse', '--short', 'HEAD'])
      .catch(() => undefined)
    const commit = git?.code === 0 ? ` (${git.stdout.trim()})` : ''
    terminal.print(`nimbo ${version}${commit}, node ${process.versions.node}`)
    return 0
  },
}

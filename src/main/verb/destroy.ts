// `nimbo destroy`: removes every trace of a cloud from this machine.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { ProcessInfo, World } from '#kit/world/world.ts'
import { readCloud } from '../data-folder.ts'
import { withLock } from '../lock.ts'
import { endProcess } from '../role.ts'
import type { Verb } from '../verb.ts'
import { stopCloud } from './down.ts'

/** Programs that the agents start; only those whose arguments name this cloud's folder are ended. */
const startedByAgents = ['qemu-system-', 'dnsmasq', 'haproxy', 'ovsdb-server', 'ovs-vswitchd', 'swtpm']

export const destroy: Verb = {
  summary: 'Removes the cloud with its guests, networks and files',
  options: { yes: { type: 'boolean', short: 'y', help: "Don't ask" } },
  async run({ world, terminal, root, options }) {
    const cloud = await readCloud(world, root)
    if (!options.yes) {
      if (!terminal.ask)
        throw new CloudError('badRequest', `Say --yes: this removes all guests and data in ${root}.`, {
          type: 'Usage',
        })
      const answer = await terminal.ask(
        `Remove the cloud in ${root} with all its guests and data? Type 'yes': `,
      )
      if (answer.trim() !== 'yes') {
        terminal.print('Nothing was changed.')
        return 1
      }
    }
    await withLock(world, cloud.folder, 'destroy', async () => {
      await stopCloud(world, cloud.folder)
      const { destroyHost } = await import('../agent.ts')
      await destroyHost(world, cloud)
      for (const left of await leftovers(world, root)) await endProcess(world, left.pid, 3_000)
    })
    await world.files.removeTree(root)
    terminal.print(`The cloud in ${root} is gone.`)
    return 0
  },
}

/** What should have ended with its guest or network and didn't. */
async function leftovers(world: World, root: string): Promise<ProcessInfo[]> {
  const found = await world.processes.find([`${root}/`])
  return found.filter(({ command }) => {
    const program = command[0]!.slice(command[0]!.lastIndexOf('/') + 1)
    return startedByAgents.some((name) => program.startsWith(name))
  })
}

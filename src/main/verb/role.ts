// The processes of a cloud: each says who it is, runs until it is asked to end, and ends in order.
import { CloudError, fullMessage } from '#kit/errors/cloud-error.ts'
import { unsyncedFiles } from '#kit/world/unsynced-files.ts'
import type { World } from '#kit/world/world.ts'
import { type Cloud, readCloud } from '../data-folder.ts'
import { announceRole, type Role } from '../role.ts'
import { keepSupervised } from '../supervision.ts'
import type { Verb } from '../verb.ts'

/** sysexits' EX_CONFIG: the supervisor doesn't start it again. */
const badConfiguration = 78

export type Running = { stop(): Promise<void> }

async function run(role: Role, world: World, cloud: Cloud): Promise<Running> {
  // Its files are nobody's only copy of anything, and the disk would be asked for each guest and each port.
  const unsynced = { ...world, files: unsyncedFiles(world.files, world.random) }
  if (role === 'cloud') return (await import('../simulated-cloud.ts')).runSimulatedCloud(unsynced, cloud)
  if (role === 'controller') return (await import('../controller.ts')).runController(world, cloud)
  return (await import('../agent.ts')).runAgent(world, cloud)
}

export function roleVerb(role: Role): Verb {
  return {
    summary: `Runs the ${role} here until it is asked to end`,
    async run({ world, terminal, program, root }) {
      // Asked while it still starts: it ends as soon as it is up.
      const asked = new Promise<void>((resolve) => {
        for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve())
      })
      try {
        const cloud = await readCloud(world, root)
        await announceRole(world, cloud.folder, role)
        const supervision = await keepSupervised(world, cloud, role, { program, say: terminal.say })
        const running = await run(role, world, cloud)
        await asked
        supervision.stop()
        await running.stop()
        return 0
      } catch (error) {
        if (!(error instanceof CloudError) || error.kind !== 'badRequest') throw error
        terminal.say(`nimbo ${role}: ${fullMessage(error)}`)
        return badConfiguration
      }
    },
  }
}

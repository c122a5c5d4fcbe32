// Who watches the supervisor: the role that it started. Where it was killed (by the kernel for want of memory, say) the role
// starts another, so that its own end is still followed by a new beginning. Systemd needs nobody for that.
import { fullMessage } from '#kit/errors/cloud-error.ts'
import type { World } from '#kit/world/world.ts'
import type { Cloud } from './data-folder.ts'
import { type Program, type Role, startSupervisor, supervisorState } from './role.ts'

const lookMs = 1000

/** Only a supervisor that was seen alive is replaced: a file of one may have stayed from before systemd took its place. */
export async function keepSupervised(
  world: World,
  cloud: Cloud,
  role: Role,
  { program, say }: { program: Program; say: (line: string) => void },
): Promise<{ stop(): void }> {
  let seen = false
  let cancel = () => {}
  let stopped = false
  const look = async () => {
    const state = await supervisorState(world, cloud.folder, role)
    if (stopped) return
    if (state === 'living') seen = true
    else if (state === 'dead' && seen) {
      say(`supervisor: it is gone, and the ${role} starts another`)
      const self = await world.processes.info(world.processes.self)
      await startSupervisor(world, cloud, role, program, self)
    }
  }
  const keep = async () => {
    try {
      await look()
    } catch (error) {
      say(`supervisor: it could not be looked after: ${fullMessage(error)}`)
    }
    if (!stopped) cancel = world.timers.after(lookMs, () => void keep(), { background: true })
  }
  await keep()
  return {
    stop() {
      stopped = true
      cancel()
    },
  }
}

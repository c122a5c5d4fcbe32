// One round of the kill harness of a simulated cloud: a boot or a deletion during which processes of the cloud are killed, seen through to
// its end. The cloud has to get there by itself: nothing here does more than ask.
import type { Session } from '#cli/openstack.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { LiveCloud } from '#test/interop/live-cloud.ts'
import { until, world } from '#test/interop/live-cloud.ts'
import { isCutOff, patiently } from './patience.ts'

export type Role = 'controller' | 'agent'

export type KillPoint = {
  kill: readonly Role[]
  during: 'boot' | 'delete'
  /** Milliseconds after the request was sent. */
  at: { ms: number }
}

export type Server = {
  id: string
  status: string
  fault?: { message: string }
  'OS-EXT-STS:task_state': string | null
}

export type Round = {
  /** Undefined where the request was cut off before it was taken. */
  serverId?: string
  ended: 'ACTIVE' | 'ERROR' | 'never began'
  fault?: string
}

/** Long enough for a host's grace periods and an order that is asked again after 30 s; more would be stuck. */
const boundMs = 180_000

export function describePoint({ kill, during, at }: KillPoint): string {
  return `${kill.join(' and ')} killed ${at.ms} ms into a ${during}`
}

export function openRounds(
  cloud: LiveCloud,
  session: Session,
  body: (name: string) => Record<string, unknown>,
) {
  let rounds = 0

  const show = (id: string) =>
    patiently(async () => (await session.find<{ server: Server }>('compute', `/servers/${id}`))?.server)

  async function create(name: string): Promise<string | undefined> {
    try {
      const path = '/servers'
      const { server } = await session.call<{ server: { id: string } }>('compute', {
        method: 'POST',
        path,
        body: { server: body(name) },
      })
      return server.id
    } catch (error) {
      if (!isCutOff(error)) throw error
      // The answer was lost; whether the request was is for the cloud to say.
      const { servers } = await patiently(() =>
        session.call<{ servers: { id: string }[] }>('compute', { path: `/servers?name=${name}` }),
      )
      return servers[0]?.id
    }
  }

  async function remove(id: string): Promise<void> {
    await patiently(async () => {
      const there = await session.find('compute', `/servers/${id}`)
      if (there) await session.call('compute', { method: 'DELETE', path: `/servers/${id}` }).catch(ignoreGone)
    })
  }

  /** The client goes on asking meanwhile: nothing that it waits for may be a supervisor's pause. */
  async function strike({ at, kill: roles }: KillPoint): Promise<void> {
    await world.timers.sleep(at.ms)
    await Promise.all(roles.map((role) => kill(cloud, role)))
    await Promise.all(roles.map((role) => restarted(cloud, role)))
  }

  return async (point: KillPoint): Promise<Round> => {
    const name = `kill-${++rounds}`
    const boot = point.during === 'boot'
    const creating = create(name)
    const [id] = await Promise.all([creating, boot && strike(point)])
    if (!id) return { ended: 'never began' }
    const server = await until(
      `server ${id} is ACTIVE or in ERROR (${describePoint(point)})`,
      async () => {
        const shown = await show(id)
        if (!shown) throw new Error(`Server ${id} is gone, though nobody deleted it.`)
        return shown.status !== 'BUILD' && shown
      },
      boundMs,
    )
    if (server.status === 'ERROR' && !server.fault?.message)
      throw new Error(`Server ${id} is in ERROR without a fault.`)
    const removing = remove(id)
    await Promise.all([removing, !boot && strike(point)])
    await until(`server ${id} is deleted (${describePoint(point)})`, async () => !(await show(id)), boundMs)
    return { serverId: id, ended: server.status as 'ACTIVE' | 'ERROR', fault: server.fault?.message }
  }
}

async function roleProcess(cloud: LiveCloud, file: string): Promise<number | undefined> {
  const path = `${cloud.root}/run/${file}.pid`
  if (!(await world.files.exists(path))) return undefined
  const [pid, ticks] = (await world.files.readText(path)).trim().split(' ').map(Number)
  return (await world.processes.info(pid!))?.startTicks === ticks ? pid : undefined
}

async function kill(cloud: LiveCloud, role: Role): Promise<void> {
  const pid = await roleProcess(cloud, role)
  if (!pid) return
  world.processes.signal(pid, 'SIGKILL')
  await until(`${role} is dead`, async () => !world.processes.alive(pid), 60_000, 1)
}

/** The supervisor starts it again; its pauses, which grow while a process keeps ending, are cut short. */
async function restarted(cloud: LiveCloud, role: Role): Promise<void> {
  const supervisor = await roleProcess(cloud, `${role}-supervisor`)
  await until(
    `${role} runs again`,
    async () => {
      if (await roleProcess(cloud, role)) return true
      for (const pause of await world.processes.find(['sleep']))
        if (pause.parent === supervisor) world.processes.signal(pause.pid, 'SIGKILL')
      return false
    },
    120_000,
    20,
  )
}

function ignoreGone(error: unknown): void {
  if (!(error instanceof CloudError) || error.kind !== 'notFound') throw error
}

// What users and operators ask of the cloud while its processes die. Each operation is asked once, as a client would, and
// has to end done or undone; where it says done, what it was asked for has to be there.
import { isCutOff } from '#test/kill/patience.ts'
import type { Stage } from '../stage.ts'

export type Ended = 'done' | 'undone'

export type Operation = {
  /** As the journal names it; undefined until the cloud has said its id. */
  subject(): string | undefined
  /** Asks, once. */
  begin(): Promise<void>
  /** Undefined while the cloud is still at it. */
  ended(): Promise<Ended | undefined>
  /** After 'done': what a user sees of it. */
  works?(): Promise<boolean>
}

export type OperationKind = {
  /** How long it takes without kills, in milliseconds: a random moment falls into it. */
  spanMs: number
  /** Of its task, as the journal names them. */
  events: readonly string[]
  /** Of the instance's folder or of the data folder's `run`, in the order of their making. */
  files?: readonly string[]
  /** Whose QEMU it has to do with. */
  guest?: 'own' | 'subject' | 'spare'
  open(stage: Stage, name: string): Promise<Operation>
}

export type Row = Record<string, unknown> & { id: string }
export type Server = {
  id: string
  name: string
  status: string
  fault?: { message: string }
  'OS-EXT-STS:task_state': string | null
}

/** Everything of a run has a name that begins so, apart from what is there at rest. */
export const passing = 'kill-'

export async function shownServer(stage: Stage, id: string): Promise<Server | undefined> {
  return (await stage.find<{ server: Server }>('compute', `/servers/${id}`))?.server
}

export const act = (stage: Stage, id: string, body: object) =>
  stage.admin.call('compute', { method: 'POST', path: `/servers/${id}/action`, body })

/** Undefined while something is done to it. */
export async function settled(stage: Stage, id: string): Promise<Server | undefined> {
  const server = await shownServer(stage, id)
  if (!server) throw new Error(`Server ${id} is gone, though nobody deleted it.`)
  if (server.status === 'ERROR' && !server.fault?.message)
    throw new Error(`Server ${id} is in ERROR without a fault.`)
  const still = server['OS-EXT-STS:task_state'] === null
  return still && ['ACTIVE', 'SHUTOFF', 'PAUSED', 'ERROR'].includes(server.status) ? server : undefined
}

/** As a user would: waits for what is under way, then asks for what leads there. */
export async function bringTo(
  stage: Stage,
  id: string,
  wanted: 'ACTIVE' | 'SHUTOFF' | 'PAUSED',
): Promise<void> {
  await stage.until(`server ${id} is ${wanted}`, async () => {
    const server = await settled(stage, id)
    if (!server) return false
    if (server.status === wanted) return true
    const step =
      server.status === 'PAUSED'
        ? { unpause: null }
        : server.status === 'ERROR'
          ? { reboot: { type: 'HARD' } }
          : server.status === 'SHUTOFF'
            ? { 'os-start': null }
            : wanted === 'PAUSED'
              ? { pause: null }
              : { 'os-stop': null }
    // Refused where the cloud saw meanwhile that the guest has ended: the next look tells.
    await act(stage, id, step).catch(unlessRefused)
    return false
  })
}

function unlessRefused(error: unknown): void {
  if (!isCutOff(error) && !isConflict(error)) throw error
}
function isConflict(error: unknown): boolean {
  return error instanceof Error && 'kind' in error && (error.kind === 'conflict' || error.kind === 'notFound')
}

// `nimbo trace server NAME`: the steps of a boot under their phases, as the journal recorded them.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Session } from './openstack.ts'
import { columns, paint, type Style, type Terminal } from './terminal.ts'

export type TraceStep = {
  /** Absent for sub-steps. */
  number?: number
  title: string
  service?: string
  /** 'REST', 'RPC call', 'RPC cast', 'DB', 'driver'. */
  kind?: string
  /** Of the message or the request. */
  id?: string
  /** Since the boot's first event. */
  startMs?: number
  durationMs?: number
  outcome?: 'ok' | 'error'
  error?: string
  /** Nothing in the journal tells of it. */
  missing?: boolean
  /** Why it was not needed. */
  skipped?: string
  /** That an answer was kept from before, that the token is older than the boot. */
  note?: string
  substeps?: TraceStep[]
}

export type BootTrace = {
  server: { id: string; name: string; status?: string }
  phases: { name: string; steps: TraceStep[] }[]
}

/** By name or id, in the caller's project. Throws 'notFound'. */
export async function findServer(session: Session, nameOrId: string): Promise<{ id: string; name: string }> {
  const wanted = encodeURIComponent(`^${nameOrId.replace(/[.*+?^$()[\]{}|\\]/g, '\\$&')}$`)
  const { servers } = await session.call<{ servers: { id: string; name: string }[] }>('compute', {
    path: `/servers/detail?all_tenants=1&name=${wanted}`,
  })
  const exact = servers.filter((server) => server.name === nameOrId)
  if (exact.length > 1) {
    const ids = exact.map((server) => server.id).join(', ')
    throw new CloudError('conflict', `Several servers are called ${nameOrId}: name one by its id (${ids}).`)
  }
  if (exact[0]) return exact[0]
  const byId = /^[0-9a-f-]{32,36}$/.test(nameOrId)
    ? await session.find<{ server: { id: string; name: string } }>('compute', `/servers/${nameOrId}`)
    : undefined
  // The journal still knows servers that are gone.
  if (byId) return byId.server
  if (/^[0-9a-f-]{32,36}$/.test(nameOrId)) return { id: nameOrId, name: nameOrId }
  throw new CloudError('notFound', `There is no server called ${nameOrId}.`)
}

export async function readTrace(session: Session, journalUrl: string, serverId: string): Promise<BootTrace> {
  return session.call<BootTrace>('journal', { path: `${journalUrl}/v1/servers/${serverId}/boot-trace` })
}

export function formatTrace(trace: BootTrace, terminal: Pick<Terminal, 'colors'>): string[] {
  const all = trace.phases.flatMap((phase) => phase.steps.flatMap((step) => rowsOf(step)))
  const cells = columns(
    all.map((row) => row.cells),
    [0, 5, 6],
  )
  const lines = [paint(terminal, 'bold', heading(trace))]
  let next = 0
  for (const phase of trace.phases) {
    lines.push('', paint(terminal, 'bold', phase.name))
    for (const step of phase.steps) {
      for (const row of rowsOf(step)) {
        const line = `  ${cells[next++]}`
        lines.push(row.style ? paint(terminal, row.style, line) : line)
        if (row.error) lines.push(paint(terminal, 'red', `      failed: ${row.error}`))
      }
    }
  }
  return [...lines, '', ending(trace, terminal)]
}

/** One line of one step, for a boot that is being watched. */
export function formatStep(step: TraceStep, terminal: Pick<Terminal, 'colors'>): string {
  const [number, title, service, kind, , , duration] = rowsOf(step)[0]!.cells
  const mark =
    step.outcome === 'error' ? paint(terminal, 'red', 'failed') : paint(terminal, 'green', duration ?? '')
  const line = `  ${(number ?? '').padStart(2)}  ${(title ?? '').padEnd(52)}  ${`${service}, ${kind}`.padEnd(28)}  ${mark}`
  return step.error ? `${line}: ${step.error}` : line
}

type Row = { cells: string[]; style?: Style; error?: string }

function rowsOf(step: TraceStep, depth = 0): Row[] {
  const cells = [
    step.number === undefined ? '' : String(step.number),
    `${'  '.repeat(depth)}${step.title}${remark(step)}`,
    step.service ?? '',
    step.kind ?? '',
    step.id ?? '',
    step.missing ? 'missing' : step.skipped ? 'skipped' : milliseconds(step.startMs, '+'),
    milliseconds(step.durationMs, ''),
  ]
  const failed = step.outcome === 'error'
  const style: Style | undefined = failed ? 'red' : step.missing ? 'yellow' : depth > 0 ? 'dim' : undefined
  const own: Row = { cells, style, error: failed ? (step.error ?? 'without a reason') : undefined }
  return [own, ...(step.substeps ?? []).flatMap((inner) => rowsOf(inner, depth + 1))]
}

function remark(step: TraceStep): string {
  const text = step.skipped ?? step.note
  return text === undefined ? '' : ` (${text})`
}

function milliseconds(value: number | undefined, sign: string): string {
  return value === undefined ? '' : `${sign}${value.toFixed(1)} ms`
}

function heading({ server }: BootTrace): string {
  const status = server.status ? `, ${server.status}` : ''
  return `Boot of server ${server.name} (${server.id}${status})`
}

function ending(trace: BootTrace, terminal: Pick<Terminal, 'colors'>): string {
  const steps = trace.phases.flatMap((phase) => phase.steps)
  const missing = steps.filter((step) => step.missing).map((step) => step.number)
  const failed = steps.filter((step) => step.outcome === 'error').map((step) => step.number)
  const ends = steps.map((step) => (step.startMs ?? 0) + (step.durationMs ?? 0))
  const done = `${steps.length - missing.length} of ${steps.length} steps in ${(Math.max(0, ...ends) / 1000).toFixed(2)} s`
  const parts = [done]
  if (failed.length > 0) parts.push(`failed: ${failed.join(', ')}`)
  if (missing.length > 0) parts.push(`not recorded: ${missing.join(', ')}`)
  const style: Style = failed.length > 0 ? 'red' : missing.length > 0 ? 'yellow' : 'green'
  return paint(terminal, style, parts.join('; '))
}

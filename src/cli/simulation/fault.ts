// Faults of a simulated cloud over the API: what `nimbo fault` asks, and how it shows it.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Session } from '../openstack.ts'
import { columns, paint, type Terminal } from '../terminal.ts'

export type Fault = {
  id: string
  kind: string
  subject: string
  state: 'active' | 'ended'
  parameters: Record<string, unknown>
  reason: string | null
  user_id: string | null
  started_at: string
  ends_at: string | null
  ended_at: string | null
  ended_by: string | null
  error: string | null
}

type FieldSchema = { type?: string; enum?: string[]; const?: string; description?: string }
export type FaultKind = {
  name: string
  summary: string
  /** Seconds that it lasts where nobody says. */
  duration: number
  schema: { properties: { fault: { properties: Record<string, FieldSchema>; required?: string[] } } }
}

export async function listFaults(session: Session, all: boolean): Promise<Fault[]> {
  const path = `/faults${all ? '?all=true' : ''}`
  return (await session.call<{ faults: Fault[] }>('simulation', { path })).faults
}

export async function showFault(session: Session, id: string): Promise<Fault> {
  const path = `/faults/${encodeURIComponent(await wholeId(session, id))}`
  return (await session.call<{ fault: Fault }>('simulation', { path })).fault
}

export async function listFaultKinds(session: Session): Promise<FaultKind[]> {
  return (await session.call<{ fault_kinds: FaultKind[] }>('simulation', { path: '/fault-kinds' }))
    .fault_kinds
}

/** Servers and networks may be named instead of given by id. */
export async function addFault(session: Session, wish: Record<string, unknown>): Promise<Fault> {
  const fault = { ...wish }
  if (typeof wish.server === 'string') fault.server = await serverId(session, wish.server)
  if (typeof wish.network === 'string') fault.network = await networkId(session, wish.network)
  const path = '/faults'
  return (await session.call<{ fault: Fault }>('simulation', { method: 'POST', path, body: { fault } })).fault
}

/** Returns the ids of those that it ended. */
export async function endFaults(session: Session, ids: readonly string[]): Promise<string[]> {
  const ended: string[] = []
  for (const id of ids) {
    const whole = await wholeId(session, id)
    await session.call('simulation', { method: 'DELETE', path: `/faults/${encodeURIComponent(whole)}` })
    ended.push(whole)
  }
  return ended
}

/** The first characters of an id are enough where they fit one. */
async function wholeId(session: Session, start: string): Promise<string> {
  if (start.length >= 36) return start
  const found = (await listFaults(session, true)).filter(({ id }) => id.startsWith(start))
  if (found.length === 1) return found[0]!.id
  throw found.length === 0
    ? new CloudError('notFound', `There is no fault '${start}'.`)
    : new CloudError('badRequest', `'${start}' is the start of ${found.length} faults' ids: say more of it.`)
}

const isId = (text: string) => /^[0-9a-f]{8}-[0-9a-f]{4}-/.test(text)

async function serverId(session: Session, name: string): Promise<string> {
  if (isId(name)) return name
  const { servers } = await session.call<{ servers: { id: string; name: string }[] }>('compute', {
    path: `/servers?all_tenants=1&name=${encodeURIComponent(`^${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`)}`,
  })
  return only('server', name, servers)
}

async function networkId(session: Session, name: string): Promise<string> {
  if (isId(name)) return name
  const { networks } = await session.call<{ networks: { id: string }[] }>('network', {
    path: `/v2.0/networks?name=${encodeURIComponent(name)}`,
  })
  return only('network', name, networks)
}

function only(what: string, name: string, found: readonly { id: string }[]): string {
  if (found.length === 1) return found[0]!.id
  throw found.length === 0
    ? new CloudError('notFound', `There is no ${what} '${name}'.`)
    : new CloudError('badRequest', `There are ${found.length} ${what}s called '${name}': give an id.`)
}

export function formatFaults(
  faults: readonly Fault[],
  now: number,
  terminal: Pick<Terminal, 'colors'>,
): string[] {
  if (faults.length === 0) return ['There is no fault.']
  const rows = faults.map((fault) => [
    fault.id.slice(0, 8),
    fault.kind,
    fault.subject,
    fault.state,
    restOf(fault, now),
    fault.error ?? fault.reason ?? '',
  ])
  const [head, ...lines] = columns([['ID', 'KIND', 'WHAT', 'STATE', 'ENDS', 'REASON'], ...rows])
  const colored = lines.map((line, index) =>
    faults[index]!.state === 'active' ? paint(terminal, 'yellow', line) : line,
  )
  return [paint(terminal, 'bold', head!), ...colored]
}

function restOf({ state, ends_at, ended_by }: Fault, now: number): string {
  if (state === 'ended') return ended_by === null ? '' : `by ${ended_by}`
  if (ends_at === null) return ''
  return `in ${Math.max(0, Math.ceil((Date.parse(ends_at) - now) / 1000))} s`
}

export function formatFault(fault: Fault): string[] {
  const { parameters, ...rest } = fault
  const rows = Object.entries({ ...rest, ...parameters }).flatMap(([name, value]) =>
    value === null ? [] : [[name.replaceAll('_', ' '), String(value)]],
  )
  return columns(rows)
}

export function formatFaultKinds(kinds: readonly FaultKind[], terminal: Pick<Terminal, 'colors'>): string[] {
  return kinds.flatMap(({ name, summary, duration, schema }) => {
    const { properties, required = [] } = schema.properties.fault
    const own = Object.entries(properties).filter(
      ([field]) => !['kind', 'duration', 'reason'].includes(field),
    )
    const length = duration === 0 ? 'strikes once' : `${duration} s unless --for says another`
    return [
      `${paint(terminal, 'bold', name)}  (${length})`,
      `  ${summary}.`,
      ...columns(
        own.map(([field, { description = '', enum: words }]) => [
          `    --${optionOf(field)}${required.includes(field) ? '' : ' (optional)'}`,
          `${description}${words ? `: ${words.join(', ')}` : ''}`,
        ]),
      ),
    ]
  })
}

/** 'latency_ms' is given as --latency 200ms. */
export function optionOf(field: string): string {
  return field.replace(/_ms$/, '').replaceAll('_', '-')
}

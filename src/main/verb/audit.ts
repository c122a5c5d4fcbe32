// `nimbo audit`: who changed what in the cloud, or tried to.
import { type AuditEvent, formatAudit } from '#cli/audit.ts'
import { parseDuration } from '#kit/config/option.ts'
import { publicOrigin } from '../api.ts'
import { usageError, type Verb } from '../verb.ts'
import { asAdmin } from './admin.ts'

/** Options that are passed on as filters. */
const filters = {
  user: { filter: 'user', value: 'NAME', help: 'Whose: by name' },
  'user-id': { filter: 'user_id', value: 'ID', help: 'Whose: by id' },
  'project-id': { filter: 'project_id', value: 'ID', help: 'In which project' },
  action: {
    filter: 'action',
    value: 'WORD',
    help: 'create, update, delete, authenticate, update/os-start ...',
  },
  target: { filter: 'target', value: 'WHAT', help: "An id, or a kind of thing: 'compute/servers'" },
  outcome: { filter: 'outcome', value: 'WORD', help: 'success or failure' },
  request: { filter: 'request_id', value: 'ID', help: 'Of one request' },
} as const

const options = Object.entries(filters).map(([name, { value, help }]) => [
  name,
  { type: 'string' as const, value, help },
])

export const audit: Verb = {
  summary: 'Tells who changed what, or tried to, the newest last',
  options: {
    ...Object.fromEntries(options),
    since: { type: 'string', value: 'TIME', help: 'How far back: 1h, 7d; all that is kept by default' },
    limit: { type: 'string', value: 'N', help: 'The most lines, 50 by default' },
    json: { type: 'boolean', help: "For programs: CADF's events" },
  },
  async run(invocation) {
    const { world, terminal, options } = invocation
    const query = new URLSearchParams({ limit: (options.limit as string | undefined) ?? '50' })
    for (const [name, { filter }] of Object.entries(filters))
      if (typeof options[name] === 'string') query.set(filter, options[name])
    if (options.since !== undefined) {
      const back = parseDuration(options.since)
      if (back === undefined)
        throw usageError(`--since is a time such as 30m, 1h or 7d, not '${options.since}'.`)
      query.set('since', String(world.clock.now() - back))
    }
    return asAdmin(invocation, async (session, cloud) => {
      const path = `${publicOrigin(cloud, 'journal')}/v1/audit?${query}`
      const { events } = await session.call<{ events: AuditEvent[] }>('journal', { path })
      if (options.json) terminal.print(JSON.stringify({ events }, null, 2))
      else for (const line of formatAudit(events, terminal)) terminal.print(line)
      return 0
    })
  },
}

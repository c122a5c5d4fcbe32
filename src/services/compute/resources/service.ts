// The processes of compute as operators see them: roles with their hosts and heart-beats.
import { Type } from 'typebox'
import { c, type RowOf, table } from '#kit/db/table.ts'
import { body } from '#kit/http/body.ts'
import { view } from '#kit/http/view.ts'
import { admin, rules } from './policy.ts'
import { bool, hostName } from './schema.ts'
import { inMicroseconds } from './time.ts'

export type Binary = 'nova-conductor' | 'nova-scheduler' | 'nova-consoleauth' | 'nova-compute'

export const service = table(
  'service',
  {
    number: c.autoId(),
    id: c.id(),
    host: c.text(255),
    binary: c.text<Binary>(64),
    disabled: c.bool(),
    disabledReason: c.nullable(c.text(255)),
    forcedDown: c.bool(),
    /** Of the last heart-beat. */
    seenAt: c.time(),
    updatedAt: c.time(),
    createdAt: c.time(),
  },
  { unique: [['id'], ['host', 'binary']] },
)
export type Service = RowOf<typeof service>

export function isUp(s: Service, now: number, downTimeMs: number): boolean {
  return !s.forcedDown && now - s.seenAt <= downTimeMs
}

export type ShownService = Service & { zone: string; up: boolean }
export const serviceView = view<ShownService>()({
  id: (s, { version: at }) => (at !== undefined && at < 2053 ? s.number : s.id),
  binary: (s) => s.binary,
  host: (s) => s.host,
  zone: (s) => s.zone,
  status: (s) => (s.disabled ? 'disabled' : 'enabled'),
  state: (s) => (s.up ? 'up' : 'down'),
  updated_at: (s) => inMicroseconds(Math.max(s.seenAt, s.updatedAt)),
  disabled_reason: (s) => s.disabledReason,
  forced_down: { since: '2.11', get: (s) => s.forcedDown },
})

const reason = Type.String({ minLength: 1, maxLength: 255, pattern: '\\S' })
const hostBinary = {
  host: { schema: hostName },
  binary: { schema: Type.String({ minLength: 1, maxLength: 255 }) },
}
export const serviceNamed = body(
  null,
  { ...hostBinary, disabled_reason: { schema: reason, optional: true } },
  { extra: 'ignore' },
)
export const serviceForced = body(null, { ...hostBinary, forced_down: { schema: bool, optional: true } })
export const serviceUpdate = body(null, {
  status: { schema: Type.Union([Type.Literal('enabled'), Type.Literal('disabled')]), optional: true },
  disabled_reason: { schema: reason, optional: true },
  forced_down: { schema: bool, optional: true },
})

export const serviceRules = rules({
  list: ['os_compute_api:os-services:list', admin, 'List the services of compute'],
  update: ['os_compute_api:os-services:update', admin, 'Enable, disable or force down a service'],
  delete: ['os_compute_api:os-services:delete', admin, 'Delete a service'],
})

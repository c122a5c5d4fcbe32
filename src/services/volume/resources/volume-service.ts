// The processes of volume as operators see them, and the room that each host has.
import { Type } from 'typebox'
import { c, type RowOf, table } from '#kit/db/table.ts'
import { body } from '#kit/http/body.ts'
import { view } from '#kit/http/view.ts'
import { admin, rules } from './policy.ts'
import { text255 } from './schema.ts'
import { inMicroseconds } from './time.ts'

export type Binary = 'cinder-scheduler' | 'cinder-volume'

export const volumeService = table(
  'volume_service',
  {
    id: c.id(),
    binary: c.text<Binary>(64),
    /** 'node1@file' of a volume host, 'controller' of the service itself. */
    host: c.text(255),
    disabled: c.bool(),
    disabledReason: c.nullable(c.text(255)),
    /** GiB; 0 of the service itself. */
    totalGib: c.real(),
    freeGib: c.real(),
    /** Of the last heart-beat. */
    seenAt: c.time(),
    updatedAt: c.time(),
    createdAt: c.time(),
  },
  { unique: [['binary', 'host']] },
)
export type VolumeService = RowOf<typeof volumeService>

export function isUp(s: Pick<VolumeService, 'seenAt'>, now: number, downTimeMs: number): boolean {
  return now - s.seenAt <= downTimeMs
}

export type ShownService = VolumeService & { up: boolean; zone: string }
const ofVolumeHosts = (value: unknown) => (s: ShownService) =>
  s.binary === 'cinder-volume' ? value : undefined
export const serviceView = view<ShownService>()({
  binary: (s) => s.binary,
  host: (s) => s.host,
  zone: (s) => s.zone,
  status: (s) => (s.disabled ? 'disabled' : 'enabled'),
  state: (s) => (s.up ? 'up' : 'down'),
  updated_at: (s) => inMicroseconds(Math.max(s.seenAt, s.updatedAt)),
  disabled_reason: (s) => s.disabledReason,
  frozen: ofVolumeHosts(false),
  replication_status: ofVolumeHosts('disabled'),
  active_backend_id: ofVolumeHosts(null),
  cluster: { since: '3.7', get: () => null },
  backend_state: {
    since: '3.49',
    get: (s) => (s.binary === 'cinder-volume' ? (s.up ? 'up' : 'down') : undefined),
  },
})

const name = Type.String({ minLength: 1, maxLength: 255 })
const which = {
  binary: { schema: name, optional: true },
  service: { schema: name, optional: true },
  host: { schema: text255, optional: true },
  cluster: { schema: text255, optional: true },
} as const
export const serviceNamed = body(null, which)
export const serviceReason = body(null, {
  ...which,
  disabled_reason: { schema: Type.String({ minLength: 1, maxLength: 255, pattern: '\\S' }) },
})

export const serviceRules = rules({
  list: ['volume_extension:services:index', admin, 'List the services of volume'],
  update: ['volume_extension:services:update', admin, 'Enable or disable a service of volume'],
  delete: ['volume_extension:services:delete', admin, 'Forget a volume host that is gone for good'],
  pools: ['scheduler_extension:scheduler_stats:get_pools', admin, 'See the room on volume hosts'],
  hosts: ['volume_extension:hosts', admin, 'List volume hosts'],
})

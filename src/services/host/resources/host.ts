// Hosts: rows of those that joined, and how any host of the cloud is shown.
import { Type } from 'typebox'
import { c, type RowOf, table } from '#kit/db/table.ts'
import { body } from '#kit/http/body.ts'
import { view } from '#kit/http/view.ts'

export const host = table(
  'host',
  {
    name: c.text(64),
    /** Where its tunnels end, as it said when it joined. */
    address: c.text(64),
    version: c.text(64),
    /** SHA-256 of its certificate in DER, hexadecimal. */
    certificateFingerprint: c.text(64),
    certificateUntil: c.time(),
    /** SHA-256 of its public key: a machine that joins again is known by it. */
    keyFingerprint: c.text(64),
    /** Its service user in identity. */
    userId: c.text(64),
    joinedAt: c.time(),
    /** It has been sent away; its row goes when nothing of it is left in the cloud. */
    removedAt: c.nullable(c.time()),
  },
  { primaryKey: ['name'], unique: [['certificateFingerprint']] },
)
export type Host = RowOf<typeof host>

export type HostService = { name: string; up: boolean }

/** A host as operators see it; what it has comes from the services that know. */
export type ShownHost = {
  name: string
  address: string | null
  up: boolean
  disabled: boolean
  disabledReason: string | null
  removing: boolean
  /** On the controller's own machine: it didn't join and can't leave. */
  own: boolean
  services: HostService[]
  servers: number
  version: string | null
  joinedAt: number | null
  certificateUntil: number | null
}

const time = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString())

export const hostView = view<ShownHost>()({
  name: (h) => h.name,
  address: (h) => h.address,
  state: (h) => (h.up ? 'up' : 'down'),
  status: (h) => (h.removing ? 'removing' : h.disabled ? 'disabled' : 'enabled'),
  disabled_reason: (h) => h.disabledReason,
  own: (h) => h.own,
  services: (h) => h.services.map(({ name, up }) => ({ name, state: up ? 'up' : 'down' })),
  servers: (h) => h.servers,
  version: (h) => h.version,
  joined_at: (h) => time(h.joinedAt),
  certificate_until: (h) => time(h.certificateUntil),
})

/** Names go into certificates, queue names and interfaces' tags. */
export const hostName = Type.String({ pattern: '^[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$' })

export const hostJoin = body('join', {
  token: { schema: Type.String({ minLength: 1, maxLength: 256 }) },
  name: { schema: hostName },
  /** PKCS #10 in PEM. */
  request: { schema: Type.String({ minLength: 1, maxLength: 8192 }) },
  address: { schema: Type.String({ minLength: 1, maxLength: 64 }) },
  version: { schema: Type.String({ minLength: 1, maxLength: 64 }) },
})
export const hostDisable = body(null, {
  reason: { schema: Type.String({ maxLength: 255 }), optional: true },
})

// Key pairs: public keys of a user, by name. The cloud keeps no private key.
import { Type } from 'typebox'
import { c, type RowOf, table } from '#kit/db/table.ts'
import { body } from '#kit/http/body.ts'
import { view } from '#kit/http/view.ts'
import { rules } from './policy.ts'
import { name255 } from './schema.ts'
import { inMicroseconds } from './time.ts'

export const keypair = table(
  'keypair',
  {
    number: c.autoId(),
    userId: c.text(64),
    name: c.text(255),
    type: c.text<'ssh' | 'x509'>(10),
    publicKey: c.text(),
    fingerprint: c.text(255),
    createdAt: c.time(),
  },
  { unique: [['userId', 'name']] },
)
export type Keypair = RowOf<typeof keypair>

const type = Type.Union([Type.Literal('ssh'), Type.Literal('x509')])
const user = Type.String({ minLength: 1, maxLength: 255 })

const until292 = body('keypair', {
  name: { schema: name255 },
  public_key: { schema: Type.String(), optional: true },
  type: { schema: type, since: '2.2', optional: true },
  user_id: { schema: user, since: '2.10', optional: true },
})
const from292 = body('keypair', {
  name: { schema: Type.String({ minLength: 1, maxLength: 255, pattern: '^[_@. a-zA-Z0-9-]+$' }) },
  public_key: { schema: Type.String() },
  type: { schema: type, optional: true },
  user_id: { schema: user, optional: true },
})
/** Until 2.91 the cloud makes the pair where no public key is given. */
export const keypairBodies = { until292, from292 }
export const isOldName = (name: string) => /^[a-zA-Z0-9_ -]+$/.test(name) && name.trim() === name

/** What a create answers: the private key, of a pair that we made, is shown this once. */
export type NewKeypair = Keypair & { privateKey?: string }

const brief = {
  name: (k: NewKeypair) => k.name,
  public_key: (k: NewKeypair) => k.publicKey,
  fingerprint: (k: NewKeypair) => k.fingerprint,
  type: { since: '2.2', get: (k: NewKeypair) => k.type },
}
export const keypairBrief = view<NewKeypair>()(brief)
export const keypairCreated = view<NewKeypair>()({
  ...brief,
  user_id: (k) => k.userId,
  private_key: (k) => k.privateKey,
})
export const keypairView = view<NewKeypair>()({
  ...brief,
  id: (k) => k.number,
  user_id: (k) => k.userId,
  created_at: (k) => inMicroseconds(k.createdAt),
  updated_at: () => null,
  deleted: () => false,
  deleted_at: () => null,
})

const own = '(rule:context_is_admin) or user_id:%(user_id)s'
export const keypairRules = rules({
  list: ['os_compute_api:os-keypairs:index', own, 'List key pairs'],
  show: ['os_compute_api:os-keypairs:show', own, 'Show a key pair'],
  create: ['os_compute_api:os-keypairs:create', own, 'Create or import a key pair'],
  delete: ['os_compute_api:os-keypairs:delete', own, 'Delete a key pair'],
})

// Credentials that identity keeps for users on behalf of others: EC2 keys, TOTP seeds, certificates. Sealed in the table.
// https://docs.openstack.org/api-ref/identity/v3/#credentials
import { Type } from 'typebox'
import { c, type RowOf, table } from '#kit/db/table.ts'
import { body } from '#kit/http/body.ts'
import { view } from '#kit/http/view.ts'
import { rule } from '#kit/policy/policy.ts'
import { type Extra, id, nullableId } from './field.ts'
import { cloudWide, everywhere, reader } from './rule.ts'

export const credential = table(
  'credential',
  {
    id: c.text(64),
    userId: c.text(64),
    projectId: c.nullable(c.text(64)),
    type: c.text(255),
    sealedBlob: c.text(),
    extra: c.json<Extra>(),
    createdAt: c.time(),
  },
  { index: [['userId'], ['projectId']] },
)
export type SealedCredential = RowOf<typeof credential>
/** As the ops see it: opened. */
export type Credential = Omit<SealedCredential, 'sealedBlob'> & { blob: string }

const type = Type.String({ minLength: 1, maxLength: 255 })
export const credentialCreate = body(
  'credential',
  {
    blob: { schema: Type.String() },
    type: { schema: type },
    user_id: { schema: id },
    project_id: { schema: nullableId, optional: true },
  },
  { extra: 'keep' },
)
export const credentialUpdate = body(
  'credential',
  {
    blob: { schema: Type.String(), optional: true },
    type: { schema: type, optional: true },
    user_id: { schema: id, optional: true },
    project_id: { schema: nullableId, optional: true },
  },
  { extra: 'keep' },
)
export type NewCredential = ReturnType<typeof credentialCreate.parse>
export type CredentialChange = ReturnType<typeof credentialUpdate.parse>

const declared = view<Credential>()({
  id: (k) => k.id,
  user_id: (k) => k.userId,
  project_id: (k) => k.projectId,
  type: (k) => k.type,
  blob: (k) => k.blob,
  links: (k, { origin }) => ({ self: `${origin}/v3/credentials/${k.id}` }),
})
export const credentialView = (k: Credential, shown: { origin: string }) => ({
  ...k.extra,
  ...declared(k, shown),
})

export function credentialTarget(k: { userId: string } | undefined): Record<string, unknown> {
  return k ? { 'target.credential.user_id': k.userId } : {}
}

const owner = 'user_id:%(target.credential.user_id)s'
export const credentialRules = {
  list: rule('identity:list_credentials', `${reader} or ${owner}`, 'List credentials', everywhere),
  get: rule('identity:get_credential', `${reader} or ${owner}`, 'Show a credential', everywhere),
  create: rule(
    'identity:create_credential',
    `rule:admin_required or ${owner}`,
    'Create a credential',
    everywhere,
  ),
  update: rule(
    'identity:update_credential',
    `rule:admin_required or ${owner}`,
    'Change a credential',
    everywhere,
  ),
  delete: rule(
    'identity:delete_credential',
    `rule:admin_required or ${owner}`,
    'Delete a credential',
    everywhere,
  ),
}

/** EC2 keys are credentials of type ec2, found by the hash of their access key. */
export const ec2Create = body(null, { tenant_id: { schema: Type.String() } }, { extra: 'ignore' })

export type Ec2Key = { userId: string; projectId: string; access: string; secret: string }
export const ec2View = view<Ec2Key>()({
  user_id: (k) => k.userId,
  tenant_id: (k) => k.projectId,
  access: (k) => k.access,
  secret: (k) => k.secret,
  trust_id: () => null,
  links: (k, { origin }) => ({ self: `${origin}/v3/users/${k.userId}/credentials/OS-EC2/${k.access}` }),
})
/** Before Keystone knew readers, whatever role let a user make keys of its own. */
const anyRole = { check: `rule:admin_required or ${owner}` }
export const ec2Rules = {
  list: rule('identity:ec2_list_credentials', `${reader} or rule:owner`, "List a user's EC2 keys", cloudWide),
  get: rule('identity:ec2_get_credential', `${reader} or ${owner}`, 'Show an EC2 key', cloudWide),
  create: rule(
    'identity:ec2_create_credential',
    `rule:admin_required or (role:member and ${owner})`,
    'Create an EC2 key',
    cloudWide,
    anyRole,
  ),
  delete: rule(
    'identity:ec2_delete_credential',
    `rule:admin_required or (role:member and ${owner})`,
    'Delete an EC2 key',
    cloudWide,
    anyRole,
  ),
}

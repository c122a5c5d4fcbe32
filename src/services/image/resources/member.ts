// Projects with which an image is shared.
import { Type } from 'typebox'
import { c, type RowOf, table } from '#kit/db/table.ts'
import { body } from '#kit/http/body.ts'
import { inSeconds } from '#kit/http/iso-time.ts'
import { view } from '#kit/http/view.ts'
import { rule } from '#kit/policy/policy.ts'
import { ownerMay, projectScope } from './image.ts'

export type MemberStatus = 'pending' | 'accepted' | 'rejected'

export const imageMember = table(
  'image_member',
  {
    imageId: c.id(),
    memberId: c.text(255),
    status: c.text<MemberStatus>(16),
    createdAt: c.time(),
    updatedAt: c.time(),
  },
  { primaryKey: ['imageId', 'memberId'], index: [['memberId', 'status']] },
)
export type ImageMember = RowOf<typeof imageMember>

export const memberCreate = body(
  null,
  { member: { schema: Type.String({ minLength: 1, maxLength: 255 }) } },
  { extra: 'ignore' },
)
export const memberUpdate = body(
  null,
  {
    status: {
      schema: Type.Union([Type.Literal('pending'), Type.Literal('accepted'), Type.Literal('rejected')]),
    },
  },
  { extra: 'ignore' },
)

export const memberView = view<ImageMember>()({
  member_id: (m) => m.memberId,
  image_id: (m) => m.imageId,
  status: (m) => m.status,
  created_at: (m) => inSeconds(m.createdAt),
  updated_at: (m) => inSeconds(m.updatedAt),
  schema: () => '/v2/schemas/member',
})

const parties = 'project_id:%(project_id)s or project_id:%(member_id)s'
const partyMay = (name: string, description: string) =>
  rule(name, `rule:context_is_admin or (role:reader and (${parties}))`, description, projectScope, {
    check: parties,
  })
export const memberRules = {
  add: ownerMay('add_member', 'Share an image with a project'),
  delete: ownerMay('delete_member', 'Stop sharing an image with a project'),
  get: partyMay('get_member', 'Show with whom an image is shared'),
  list: partyMay('get_members', 'List with whom an image is shared'),
  modify: rule(
    'modify_member',
    'rule:context_is_admin or (role:member and project_id:%(member_id)s)',
    'Accept or reject a shared image',
    projectScope,
    { check: 'project_id:%(member_id)s' },
  ),
}

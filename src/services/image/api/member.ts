// Routes of image members.
import { route } from '../app.ts'
import * as ops from '../ops/member.ts'
import { memberCreate, memberUpdate, memberView } from '../resources/member.ts'

export const memberRoutes = [
  route('GET', '/images/:id/members', {
    policy: 'token',
    handle: async (context, { params }) => ({
      members: (await ops.listMembers(context, params.id!)).map((member) => memberView(member)),
      schema: '/v2/schemas/members',
    }),
  }),
  route('POST', '/images/:id/members', {
    policy: 'token',
    body: memberCreate,
    handle: async (context, { params, body }) =>
      memberView(await ops.addMember(context, params.id!, body.member)),
  }),
  route('GET', '/images/:id/members/:member', {
    policy: 'token',
    handle: async (context, { params }) =>
      memberView(await ops.getMember(context, params.id!, params.member!)),
  }),
  route('PUT', '/images/:id/members/:member', {
    policy: 'token',
    body: memberUpdate,
    handle: async (context, { params, body }) =>
      memberView(await ops.setMemberStatus(context, params.id!, params.member!, body.status)),
  }),
  route('DELETE', '/images/:id/members/:member', {
    policy: 'token',
    handle: (context, { params }) => ops.deleteMember(context, params.id!, params.member!),
  }),
]

// Attachments, from version 3.27 on; completed by a call of their own from 3.44 on.
import { route } from '../app.ts'
import {
  completeAttachment,
  connectAttachment,
  createAttachment,
  deleteAttachment,
  listAttachments,
  showAttachment,
} from '../ops/attachment.ts'
import {
  attachmentBrief,
  attachmentComplete,
  attachmentCreate,
  attachmentRules,
  attachmentUpdate,
  attachmentView,
} from '../resources/attachment.ts'
import { volumeRules } from '../resources/volume.ts'

const since = '3.27'

export const attachmentRoutes = [
  route('POST', '/attachments', {
    since,
    policy: attachmentRules.create,
    status: 200,
    body: attachmentCreate,
    handle: async (context, { body }) => ({
      attachment: attachmentView(await createAttachment(context, body)),
    }),
  }),
  route('GET', '/attachments', {
    since,
    policy: volumeRules.list,
    handle: async (context, { query }) => ({
      attachments: (await listAttachments(context, query)).map((row) => attachmentBrief(row)),
    }),
  }),
  route('GET', '/attachments/detail', {
    since,
    policy: volumeRules.list,
    handle: async (context, { query }) => ({
      attachments: (await listAttachments(context, query)).map((row) => attachmentView(row)),
    }),
  }),
  route('GET', '/attachments/:id', {
    since,
    policy: volumeRules.show,
    handle: async (context, { params }) => ({
      attachment: attachmentView(await showAttachment(context, params.id!)),
    }),
  }),
  route('PUT', '/attachments/:id', {
    since,
    policy: attachmentRules.update,
    body: attachmentUpdate,
    handle: async (context, { params, body }) => ({
      attachment: attachmentView(await connectAttachment(context, params.id!, body.connector)),
    }),
  }),
  route('DELETE', '/attachments/:id', {
    since,
    policy: attachmentRules.delete,
    status: 200,
    handle: async (context, { params }) => ({
      attachments: (await deleteAttachment(context, params.id!)).map((row) => attachmentBrief(row)),
    }),
  }),
  route('POST', '/attachments/:id/action', {
    since: '3.44',
    action: 'os-complete',
    policy: attachmentRules.complete,
    status: 204,
    body: attachmentComplete,
    handle: (context, { params }) => completeAttachment(context, params.id!),
  }),
]

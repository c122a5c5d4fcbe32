// Tasks as clients see them: what became of an import. https://docs.openstack.org/api-ref/image/v2/#tasks
import { c, type RowOf, table } from '#kit/db/table.ts'
import { inSeconds } from '#kit/http/iso-time.ts'
import { rule } from '#kit/policy/policy.ts'
import { projectScope } from './image.ts'

export const taskStatuses = ['pending', 'processing', 'success', 'failure'] as const
export type TaskStatus = (typeof taskStatuses)[number]
/** 'import' is asked for at /tasks and makes an image of its own; the other one is an import into an image. */
export const taskTypes = ['import', 'api_image_import'] as const
export type TaskType = (typeof taskTypes)[number]

export const imageTask = table(
  'image_task',
  {
    id: c.id(),
    type: c.text<TaskType>(30),
    status: c.text<TaskStatus>(30),
    imageId: c.nullable(c.text(36)),
    owner: c.text(255),
    requestId: c.nullable(c.text(255)),
    userId: c.nullable(c.text(255)),
    input: c.json<Record<string, unknown>>(),
    result: c.nullable(c.json<Record<string, unknown>>()),
    /** Why it failed, or how far it has come. */
    message: c.text(),
    /** When it is forgotten; null until it has ended. */
    expiresAt: c.nullable(c.time()),
    createdAt: c.time(),
    updatedAt: c.time(),
  },
  { index: [['imageId'], ['createdAt', 'id'], ['expiresAt']] },
)
export type ImageTask = RowOf<typeof imageTask>

/** The kind of the work behind both types, and what it concerns. */
export const importKind = 'image-import'
export const subjectOf = (imageId: string) => `image:${imageId}`

const time = (ms: number | null) => (ms === null ? null : inSeconds(ms))

/** As a list shows it. */
export function taskStub(task: ImageTask): Record<string, unknown> {
  return {
    id: task.id,
    type: task.type,
    status: task.status,
    owner: task.owner,
    ...(task.expiresAt !== null && { expires_at: time(task.expiresAt) }),
    created_at: time(task.createdAt),
    updated_at: time(task.updatedAt),
    ...ofImage(task),
    self: `/v2/tasks/${task.id}`,
    schema: '/v2/schemas/task',
  }
}

export function taskView(task: ImageTask): Record<string, unknown> {
  return { ...taskStub(task), input: task.input, result: task.result, message: task.message }
}

/** As the list of one image's tasks shows it. */
export function imageTaskView(task: ImageTask): Record<string, unknown> {
  return {
    id: task.id,
    type: task.type,
    status: task.status,
    owner: task.owner,
    expires_at: time(task.expiresAt),
    created_at: time(task.createdAt),
    updated_at: time(task.updatedAt),
    deleted_at: null,
    deleted: false,
    input: task.input,
    result: task.result,
    message: task.message,
    ...ofImage(task),
  }
}

function ofImage({ imageId, requestId, userId }: ImageTask): Record<string, unknown> {
  return {
    ...(imageId !== null && { image_id: imageId }),
    ...(requestId !== null && { request_id: requestId }),
    ...(userId !== null && { user_id: userId }),
  }
}

const admin = 'role:admin'
export const taskRules = {
  access: rule('tasks_api_access', admin, 'Use the tasks API', projectScope),
  get: rule('get_task', '', 'Show a task', projectScope),
  list: rule('get_tasks', '', 'List tasks', projectScope),
  add: rule('add_task', '', 'Start a task', projectScope),
  copyImage: rule('copy_image', admin, 'Copy an image to other stores', projectScope),
}

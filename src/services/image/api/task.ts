// Routes of tasks.
import { Type } from 'typebox'
import { body } from '#kit/http/body.ts'
import { firstUrl, nextUrl } from '#kit/http/page.ts'
import { answer } from '#kit/http/route.ts'
import { route } from '../app.ts'
import { importByTask } from '../ops/import.ts'
import { listImageTasks, listTasks, showTask } from '../ops/task.ts'
import { imageTaskView, taskStub, taskView } from '../resources/task.ts'

const taskBody = body(
  null,
  {
    type: { schema: Type.String({ maxLength: 255 }) },
    input: { schema: Type.Record(Type.String(), Type.Unknown()) },
  },
  { extra: 'ignore' },
)

export const taskRoutes = [
  route('GET', '/tasks', {
    policy: 'token',
    handle: async (context, { query }) => {
      const { tasks, next } = await listTasks(context, query)
      return {
        tasks: tasks.map(taskStub),
        ...(next && { next: nextUrl('/v2/tasks', query, next) }),
        first: firstUrl('/v2/tasks', query),
        schema: '/v2/schemas/tasks',
      }
    },
  }),
  route('POST', '/tasks', {
    policy: 'token',
    body: taskBody,
    handle: async (context, { body: given }) => {
      const task = await importByTask(context, given.type, given.input)
      return answer({
        status: 201,
        headers: { location: `${context.origin}/v2/tasks/${task.id}` },
        body: taskView(task),
      })
    },
  }),
  route('GET', '/tasks/:id', {
    policy: 'token',
    handle: async (context, { params }) => taskView(await showTask(context, params.id!)),
  }),
  route('GET', '/images/:id/tasks', {
    policy: 'token',
    handle: async (context, { params }) => ({
      tasks: (await listImageTasks(context, params.id!)).map(imageTaskView),
    }),
  }),
]

// POST /os-server-external-events: the network and volume services tell of what happened.
import { Type } from 'typebox'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { body } from '#kit/http/body.ts'
import { answer } from '#kit/http/route.ts'
import { version } from '#kit/http/version.ts'
import { route } from '../app.ts'
import { type GivenEvent, takeEvents } from '../ops/external-event.ts'
import { uuid } from '../resources/schema.ts'
import { serverRules } from '../resources/server-rule.ts'

/** Names with the version that brought them. */
const names: Record<string, string> = {
  'network-changed': '2.1',
  'network-vif-plugged': '2.1',
  'network-vif-unplugged': '2.1',
  'network-vif-deleted': '2.1',
  'volume-extended': '2.51',
  'power-update': '2.76',
  'accelerator-request-bound': '2.82',
  'volume-reimaged': '2.93',
}

const event = Type.Object(
  {
    name: Type.String(),
    server_uuid: uuid,
    status: Type.Optional(
      Type.Union([Type.Literal('failed'), Type.Literal('completed'), Type.Literal('in-progress')]),
    ),
    tag: Type.Optional(Type.String({ maxLength: 255 })),
  },
  { additionalProperties: false },
)
const eventsBody = body(null, { events: { schema: Type.Array(event, { minItems: 1 }) } })

export const externalEventRoutes = [
  route('POST', '/os-server-external-events', {
    policy: serverRules.externalEvent,
    body: eventsBody,
    handle: async (context, { body }) => {
      for (const { name } of body.events) {
        const since = names[name]
        if (since === undefined || (context.version ?? 2093) < version(since))
          throw new CloudError(
            'badRequest',
            `Invalid input for field/attribute name. Value: ${name}. '${name}' is not an event of this version`,
          )
      }
      const events = await takeEvents(context, body.events as GivenEvent[])
      return answer({ status: events.every((each) => each.code === 200) ? 200 : 207, body: { events } })
    },
  }),
]

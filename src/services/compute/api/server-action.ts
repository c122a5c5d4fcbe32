// POST /servers/:id/action: one key in the body, one action. And what was done: /servers/:id/os-instance-actions.
import { Type } from 'typebox'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { body, described } from '#kit/http/body.ts'
import { nextUrl } from '#kit/http/page.ts'
import { type ComputeContext, route } from '../app.ts'
import { consoleText, openConsole } from '../ops/console.ts'
import { listActions, showAction } from '../ops/server-action.ts'
import { deleteServer, lockServer, orderPower, resetState, unlockServer } from '../ops/server-power.ts'
import { changeSecurityGroup } from '../ops/server-security-group.ts'
import { consoleOfType, consoleOutput, remoteConsole } from '../resources/console.ts'
import { checkQuery, paging } from '../resources/query.ts'
import { name255 } from '../resources/schema.ts'
import { actionView, eventView } from '../resources/server-action.ts'
import type { PowerVerb } from '../tasks/server-power.ts'

/** Whatever stands beside the name of such an action counts for nothing. */
const action = (name: string, run: (context: ComputeContext, id: string) => Promise<void>) =>
  route('POST', '/servers/:id/action', {
    action: name,
    policy: 'token',
    status: 202,
    body: described(Type.Object({ [name]: Type.Unknown() }, { additionalProperties: false })),
    handle: (context, { params }) => run(context, params.id!),
  })
const power = (name: string, verb: PowerVerb) => action(name, (context, id) => orderPower(context, id, verb))

const reboot = body('reboot', { type: { schema: Type.String() } })
const reset = body('os-resetState', { state: { schema: Type.String() } })
/** Before 2.73 whatever stands beside the name counts for nothing. */
const lock = body(
  null,
  {
    lock: {
      schema: Type.Union([
        Type.Null(),
        Type.Object(
          { locked_reason: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })) },
          { additionalProperties: false },
        ),
      ]),
      since: '2.73',
    },
  },
  { extra: 'ignore' },
)
const groupNamed = (wrapper: string) => body(wrapper, { name: { schema: name255 } })

const securityGroup = (name: 'addSecurityGroup' | 'removeSecurityGroup') =>
  route('POST', '/servers/:id/action', {
    action: name,
    policy: 'token',
    status: 202,
    body: groupNamed(name),
    handle: async (context, { params, body }) =>
      changeSecurityGroup(context, params.id!, body.name, name === 'addSecurityGroup'),
  })

/** Until 2.5 consoles were opened by actions; remote-consoles took their place. */
const oldConsole = (name: string, types: Record<string, string>) =>
  route('POST', '/servers/:id/action', {
    action: name,
    until: '2.5',
    policy: 'token',
    status: 200,
    body: consoleOfType(name),
    handle: async (context, { params, body }) => {
      const protocol = types[body.type]
      if (!protocol) throw new CloudError('badRequest', `Unavailable console type ${body.type}.`)
      const { type, url } = await openConsole(context, params.id!, { protocol, type: body.type })
      return { console: { type, url } }
    },
  })

export const serverActionRoutes = [
  power('os-start', 'start'),
  power('os-stop', 'stop'),
  power('pause', 'pause'),
  power('unpause', 'unpause'),
  action('unlock', (context, id) => unlockServer(context, id)),
  action('forceDelete', (context, id) => deleteServer(context, id, true)),
  securityGroup('addSecurityGroup'),
  securityGroup('removeSecurityGroup'),
  oldConsole('os-getVNCConsole', { novnc: 'vnc' }),
  oldConsole('os-getSPICEConsole', {}),
  oldConsole('os-getRDPConsole', {}),
  oldConsole('os-getSerialConsole', {}),
  route('POST', '/servers/:id/action', {
    action: 'reboot',
    policy: 'token',
    status: 202,
    body: reboot,
    handle: async (context, { params, body }) => {
      const type = body.type.toUpperCase()
      if (type !== 'SOFT' && type !== 'HARD')
        throw new CloudError(
          'badRequest',
          `Invalid input for field/attribute type. Value: ${body.type}. '${body.type}' is not one of ['HARD', 'SOFT']`,
        )
      await orderPower(context, params.id!, type === 'SOFT' ? 'softReboot' : 'hardReboot')
    },
  }),
  route('POST', '/servers/:id/action', {
    action: 'os-resetState',
    policy: 'token',
    status: 202,
    body: reset,
    handle: async (context, { params, body }) => resetState(context, params.id!, body.state),
  }),
  route('POST', '/servers/:id/action', {
    action: 'lock',
    policy: 'token',
    status: 202,
    body: lock,
    handle: (context, { params, body }) => lockServer(context, params.id!, body.lock?.locked_reason ?? null),
  }),
  route('POST', '/servers/:id/action', {
    action: 'os-getConsoleOutput',
    policy: 'token',
    status: 200,
    body: consoleOutput,
    handle: async (context, { params, body }) => {
      const { length } = body
      const lines = length === undefined || length === null ? null : Number(length)
      return { output: await consoleText(context, params.id!, lines) }
    },
  }),
  route('POST', '/servers/:id/remote-consoles', {
    since: '2.6',
    policy: 'token',
    status: 200,
    body: remoteConsole,
    handle: async (context, { params, body }) => ({
      remote_console: await openConsole(context, params.id!, body),
    }),
  }),

  route('GET', '/servers/:id/os-instance-actions', {
    policy: 'token',
    handle: async (context, { params, query }) => {
      const { version: at = 2093 } = context
      if (at >= 2058) {
        const known = new Set([...paging, 'changes-since', ...(at >= 2066 ? ['changes-before'] : [])])
        checkQuery(query, known, at, '2.58')
      }
      const { actions, next } = await listActions(context, params.id!, query)
      const href =
        next && nextUrl(`${context.origin}/v2.1/servers/${params.id}/os-instance-actions`, query, next)
      return {
        instanceActions: actions.map((each) => actionView(each, context)),
        ...(href && { links: [{ rel: 'next', href }] }),
      }
    },
  }),
  route('GET', '/servers/:id/os-instance-actions/:request', {
    policy: 'token',
    handle: async (context, { params }) => {
      const shown = await showAction(context, params.id!, params.request!)
      return {
        instanceAction: {
          ...actionView(shown.action, context),
          ...(shown.events && { events: shown.events.map((each) => eventView(each, context)) }),
        },
      }
    },
  }),
]

// Every kind of fault: its words, what it asks for, and the effect that a person will see. Declared once: the API's checks,
// its list of kinds and the command line's help are made of it.
import { type TObject, Type } from 'typebox'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { type Body, type BodyOf, body, described, type Fields, type Problem } from '#kit/http/body.ts'

export type FaultKind = {
  summary: string
  /** What is asked for besides kind, duration and reason. */
  fields: Fields
  /** How long it lasts where nobody says, in seconds; 0 strikes once and leaves nothing to end. */
  usualSeconds: number
}

const host = { schema: Type.String({ minLength: 1, maxLength: 255, description: 'A host of the cloud' }) }
const server = { schema: Type.String({ format: 'uuid', description: 'The id of a server' }) }
const to = {
  schema: Type.String({
    minLength: 1,
    maxLength: 255,
    description: "Another host, or 'controller' (its APIs and the message bus)",
  }),
}
const milliseconds = (most: number, description: string) =>
  Type.Integer({ minimum: 0, maximum: most, description })

const driverKinds = ['virt', 'wiring', 'volume'] as const
export type DriverKind = (typeof driverKinds)[number]
const oneOf = <const W extends readonly string[]>(words: W, description: string) =>
  Type.Unsafe<W[number]>({ type: 'string', enum: [...words], description })

const longestSkewMs = 366 * 86_400_000

const kinds = {
  'host-power': {
    summary:
      'A host loses power: its guests, networks and agents are gone at once; at the end it boots again',
    fields: { host },
    usualSeconds: 60,
  },
  agent: {
    summary:
      "A host's agents are killed; guests and networks live on. With duration 0 they start again at once",
    fields: { host },
    usualSeconds: 30,
  },
  broker: {
    summary: 'The message broker is killed and starts again from its disk at the end',
    fields: {},
    usualSeconds: 10,
  },
  controller: {
    summary:
      "The controller's services and the message broker stop and start again at the end; their APIs answer nothing meanwhile",
    fields: {},
    usualSeconds: 5,
  },
  'network-process': {
    summary: 'dnsmasq or haproxy of a network is killed, and cannot be started again before the end',
    fields: {
      network: { schema: Type.String({ format: 'uuid', description: 'The id of a network' }) },
      process: { schema: oneOf(['dnsmasq', 'haproxy'], 'Which of its processes') },
      host: { ...host, optional: true },
    },
    usualSeconds: 60,
  },
  'link-cut': {
    summary: 'Nothing passes between a host and the controller, or between two hosts',
    fields: { host, to },
    usualSeconds: 60,
  },
  'link-slow': {
    summary: 'What passes between a host and the controller, or between two hosts, takes longer',
    fields: {
      host,
      to,
      latency_ms: { schema: milliseconds(60_000, 'How much longer each way, in milliseconds') },
      jitter_ms: {
        schema: milliseconds(60_000, 'Up to so much more by chance, in milliseconds'),
        optional: true,
      },
    },
    usualSeconds: 60,
  },
  'disk-full': {
    summary: "A host's disk has no room left: what its agents write there fails",
    fields: { host },
    usualSeconds: 60,
  },
  driver: {
    summary: "A host's driver fails, hangs or is slow at an operation",
    fields: {
      host,
      driver: { schema: oneOf(driverKinds, 'Which driver') },
      operation: {
        schema: Type.String({
          pattern: '^[a-z][A-Za-z]{0,63}$',
          description: "The driver's operation: 'create', 'destroy', 'plugPort', 'applyWiring', 'connect'",
        }),
      },
      nth: {
        schema: Type.Integer({
          minimum: 1,
          maximum: 1_000_000,
          description: 'The first call that it strikes; 1',
        }),
        optional: true,
      },
      times: {
        schema: Type.Integer({ minimum: 1, maximum: 1_000_000, description: 'How many calls it strikes; 1' }),
        optional: true,
      },
      effect: {
        schema: oneOf(
          ['fail-before', 'fail-after', 'hang', 'slow'],
          'fail-before leaves nothing done, fail-after loses the answer of what was done, hang lasts as long as the fault, slow waits latency_ms',
        ),
        optional: true,
      },
      latency_ms: {
        schema: milliseconds(600_000, 'With slow: how long, in milliseconds; 1000'),
        optional: true,
      },
    },
    usualSeconds: 300,
  },
  'clock-skew': {
    summary: "A host's clock is wrong",
    fields: {
      host,
      skew_ms: {
        schema: Type.Integer({
          minimum: -longestSkewMs,
          maximum: longestSkewMs,
          description: 'How far it goes ahead of the true time, in milliseconds; behind it where negative',
        }),
      },
    },
    usualSeconds: 60,
  },
  'guest-panic': {
    summary:
      "A guest's kernel panics: it halts, and says so on its console; it stays so until somebody reboots it",
    fields: { server },
    usualSeconds: 0,
  },
  'guest-hang': {
    summary:
      'A guest stands still, deaf to its network and its power button, until the end or until it is reset',
    fields: { server },
    usualSeconds: 60,
  },
  'guest-disk-full': {
    summary: "A guest's disk is full: it says so on its console",
    fields: { server },
    usualSeconds: 60,
  },
  'guest-network': {
    summary:
      'A guest drops what comes in over its network and sends nothing, until the end or until it is started again',
    fields: { server },
    usualSeconds: 60,
  },
} as const satisfies Record<string, FaultKind>

export type FaultKindName = keyof typeof kinds
export const faultKinds: Readonly<Record<FaultKindName, FaultKind>> = kinds
export const faultKindNames = Object.keys(kinds) as FaultKindName[]

/** What a fault of a kind was asked for with. */
export type FaultParameters<K extends FaultKindName> = BodyOf<(typeof kinds)[K]['fields']>

/** What every fault may say. */
const common = (kind: FaultKindName): Fields => ({
  kind: { schema: Type.Literal(kind) },
  duration: {
    schema: Type.Number({
      minimum: 0,
      maximum: 86_400,
      description: `Seconds after which it ends by itself; ${kinds[kind].usualSeconds}`,
    }),
    optional: true,
  },
  reason: {
    schema: Type.String({ maxLength: 255, description: 'Why, for those who read the journal' }),
    optional: true,
  },
})

const bodies = new Map<FaultKindName, Body<Record<string, unknown>>>()

/** `{"fault": {"kind": ..., ...}}` of one kind. */
function faultBody(kind: FaultKindName): Body<Record<string, unknown>> {
  let known = bodies.get(kind)
  if (!known) {
    known = body('fault', { ...common(kind), ...kinds[kind].fields }, { explain: withPath })
    bodies.set(kind, known)
  }
  return known
}

/** What was asked for, checked: its kind, its fields by the names of ours, and as they came. */
export type GivenFault = {
  kind: FaultKindName
  fields: Record<string, unknown>
  asked: Readonly<Record<string, unknown>>
}

/** `{"fault": {"kind": ..., ...}}` of any kind. */
export const anyFault = described<GivenFault>(
  () => {
    const ofKinds = faultKindNames.map((name) => faultBody(name).schemaAt() as TObject)
    const fault = Type.Union(ofKinds.map(({ properties }) => properties.fault!))
    return Type.Object({ fault }, { additionalProperties: false })
  },
  (given) => {
    const asked = (given as { fault?: { kind?: unknown } } | null)?.fault
    const kind = typeof asked === 'object' && asked !== null ? asked.kind : undefined
    const known = faultKindNames.find((each) => each === kind)
    if (!known) {
      const what = asked === undefined ? "the body: 'fault' is missing" : 'fault.kind: there is no such kind'
      throw new CloudError('badRequest', `${what}. The kinds are ${faultKindNames.join(', ')}.`)
    }
    const { kind: _, ...fields } = faultBody(known).parse(given)
    return { kind: known, fields, asked: asked as Record<string, unknown> }
  },
)

/** Which member of the body is wrong, and how. */
export function withPath({ path, message, unknown, missing, value }: Problem): CloudError {
  const at = path.join('.') || 'the body'
  if (unknown)
    return new CloudError(
      'badRequest',
      `${at}: ${unknown.map((each) => `'${each}'`).join(', ')} is not known here.`,
    )
  if (missing)
    return new CloudError('badRequest', `${at}: ${missing.map((each) => `'${each}'`).join(', ')} is missing.`)
  const text = JSON.stringify(value) ?? 'nothing'
  return new CloudError(
    'badRequest',
    `${at}: ${message}, and it is ${text.length > 100 ? `${text.slice(0, 100)}…` : text}.`,
  )
}

/** As operators read it. */
export function faultKindView(name: FaultKindName): Record<string, unknown> {
  const { summary, usualSeconds } = kinds[name]
  return { name, summary, duration: usualSeconds, schema: faultBody(name).schemaAt() }
}

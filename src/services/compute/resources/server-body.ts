// What a caller may say when making or changing a server, by version.
import { isIP } from 'node:net'
import { Type } from 'typebox'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { type Body, body } from '#kit/http/body.ts'
import { type Version, version } from '#kit/http/version.ts'
import { mappingV1, mappingV2 } from './block-device.ts'
import { bool, hostName, metadata, name255, nullable, tag, uuid } from './schema.ts'

const diskConfig = Type.Union([Type.Literal('AUTO'), Type.Literal('MANUAL')])
const description = nullable(Type.String({ maxLength: 255, pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f]*$' }))
const hostname = Type.String({
  minLength: 2,
  maxLength: 63,
  pattern: '^[a-zA-Z0-9]+[a-zA-Z0-9-]*[a-zA-Z0-9]+$',
})
const address = Type.String({ minLength: 1, maxLength: 64 })

const network = Type.Object(
  {
    uuid: Type.Optional(uuid),
    port: Type.Optional(nullable(uuid)),
    fixed_ip: Type.Optional(address),
    tag: Type.Optional(tag),
  },
  { additionalProperties: false },
)
const networkList = Type.Array(network)
const named = Type.Union([Type.Literal('none'), Type.Literal('auto')])
const count = Type.Unsafe<number | string>({ type: ['integer', 'string'], pattern: '^[0-9]*$', minLength: 1 })
const personality = Type.Array(
  Type.Object({ path: Type.String(), contents: Type.String() }, { additionalProperties: false }),
)
/** base64 of at most 65535 characters. */
const userData = Type.String({ maxLength: 65_535 })

const inner = body('server', {
  name: { schema: name255 },
  imageRef: { schema: Type.Union([uuid, Type.Literal('')]), optional: true },
  flavorRef: { schema: Type.Unsafe<string | number>({ type: ['string', 'integer'], minLength: 1 }) },
  adminPass: { schema: Type.String(), optional: true },
  metadata: { schema: metadata, optional: true },
  networks: { schema: Type.Union([networkList, named]), optional: true },
  'OS-DCF:diskConfig': { schema: diskConfig, optional: true, as: 'diskConfig' },
  accessIPv4: { schema: address, optional: true },
  accessIPv6: { schema: address, optional: true },
  personality: { schema: personality, until: '2.56', optional: true },
  availability_zone: { schema: name255, optional: true },
  block_device_mapping: { schema: Type.Array(mappingV1), optional: true },
  block_device_mapping_v2: { schema: Type.Array(mappingV2), optional: true },
  config_drive: { schema: bool, optional: true },
  key_name: { schema: name255, optional: true },
  min_count: { schema: count, optional: true },
  max_count: { schema: count, optional: true },
  return_reservation_id: { schema: bool, optional: true },
  security_groups: {
    schema: Type.Array(Type.Object({ name: Type.Optional(name255) }, { additionalProperties: false })),
    optional: true,
  },
  user_data: { schema: userData, optional: true },
  description: { schema: description, since: '2.19', optional: true },
  tags: { schema: Type.Array(tag, { maxItems: 50 }), since: '2.52', optional: true },
  trusted_image_certificates: {
    schema: nullable(
      Type.Array(Type.String({ minLength: 1 }), { minItems: 1, maxItems: 50, uniqueItems: true }),
    ),
    since: '2.63',
    optional: true,
  },
  host: { schema: hostName, since: '2.74', optional: true },
  hypervisor_hostname: { schema: hostName, since: '2.74', optional: true },
  hostname: { schema: hostname, since: '2.90', optional: true },
})

const oneOrMore = Type.Union([uuid, Type.Array(uuid)])
const hints = Type.Object(
  {
    group: Type.Optional(oneOrMore),
    same_host: Type.Optional(oneOrMore),
    different_host: Type.Optional(oneOrMore),
    query: Type.Optional(Type.Unsafe<unknown>({ type: ['string', 'object'] })),
    target_cell: Type.Optional(name255),
  },
  { additionalProperties: true },
)
/** Hints stand beside the server, under either of two names. */
const outer = body(
  null,
  {
    'os:scheduler_hints': { schema: hints, optional: true, as: 'hints' },
    'OS-SCH-HNT:scheduler_hints': { schema: hints, optional: true, as: 'oldHints' },
  },
  { extra: 'keep' },
)

type Inner = ReturnType<(typeof inner)['parse']>
type GivenHints = {
  group?: string | string[]
  same_host?: string | string[]
  different_host?: string | string[]
}
export type ServerWish = Inner & { hints?: GivenHints }

export const serverCreate: Body<ServerWish> = {
  wrapper: 'server',
  fields: inner.fields,
  schemaAt: (at) => inner.schemaAt(at),
  parse(input, at) {
    const beside = outer.parse(input, at) as { hints?: GivenHints; oldHints?: GivenHints }
    const {
      'os:scheduler_hints': _new,
      'OS-SCH-HNT:scheduler_hints': _old,
      ...rest
    } = input as Record<string, unknown>
    const wish = inner.parse(rest, at)
    checkAt(wish, at)
    return { ...wish, hints: beside.hints ?? beside.oldHints }
  },
}

/** What schemas of fields alone don't say. */
function checkAt(wish: Inner, at: Version | undefined): void {
  if (at !== undefined && at >= version('2.37') && wish.networks === undefined)
    throw new CloudError('badRequest', "'networks' is a required property")
  if (at !== undefined && at < version('2.37') && typeof wish.networks === 'string')
    throw new CloudError(
      'badRequest',
      `Invalid input for field/attribute networks. Value: ${wish.networks}. '${wish.networks}' is not of type 'array'`,
    )
  checkAddress('accessIPv4', wish.accessIPv4, 4)
  checkAddress('accessIPv6', wish.accessIPv6, 6)
  for (const each of typeof wish.networks === 'object' ? wish.networks : []) {
    if (each.fixed_ip !== undefined && isIP(each.fixed_ip) === 0)
      throw new CloudError(
        'badRequest',
        `Invalid input for field/attribute fixed_ip. Value: ${each.fixed_ip}. '${each.fixed_ip}' is not a valid address`,
      )
  }
  if (wish.userData !== undefined) checkBase64('user_data', wish.userData)
  for (const { contents } of wish.personality ?? []) checkBase64('contents', contents)
}

export function checkAddress(name: string, given: string | undefined, kind: 4 | 6): void {
  if (given !== undefined && isIP(given) !== kind)
    throw new CloudError(
      'badRequest',
      `Invalid input for field/attribute ${name}. Value: ${given}. '${given}' is not a 'ipv${kind}'`,
    )
}

function checkBase64(name: string, given: string): void {
  if (!isBase64(given))
    throw new CloudError(
      'badRequest',
      `Invalid input for field/attribute ${name}. Value: ${given.slice(0, 200)}. It is not a 'base64'`,
    )
}

function isBase64(text: string): boolean {
  return /^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(text) && text.replace(/\s/g, '').length % 4 === 0
}

export const serverUpdate = body('server', {
  name: { schema: name255, optional: true },
  'OS-DCF:diskConfig': { schema: diskConfig, optional: true, as: 'diskConfig' },
  // An empty text takes the address away.
  accessIPv4: { schema: Type.String({ maxLength: 64 }), optional: true },
  accessIPv6: { schema: Type.String({ maxLength: 64 }), optional: true },
  description: { schema: description, since: '2.19', optional: true },
  hostname: { schema: hostname, since: '2.90', optional: true },
})
export type ServerChange = ReturnType<(typeof serverUpdate)['parse']>

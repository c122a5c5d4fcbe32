// What clients own, by kind: where its API lies, and what its owner expects to find of it.
export type Kind =
  | 'server'
  | 'volume'
  | 'image'
  | 'keypair'
  | 'server_group'
  | 'network'
  | 'subnet'
  | 'port'
  | 'router'
  | 'floatingip'
  | 'security_group'
  | 'security_group_rule'
  | 'flavor'
  | 'aggregate'
  | 'application_credential'

/**
 * `there` must be found; `going` was asked to be deleted and that was accepted; `gone` was deleted or never came about;
 * `unsure`: an answer was lost, and either may be.
 */
export type Standing = 'there' | 'going' | 'gone' | 'unsure'

export type Thing = {
  readonly kind: Kind
  readonly name: string
  readonly client: string
  readonly project: string
  readonly projectId: string
  /** Unknown while the answer to its creation is. */
  id: string | undefined
  standing: Standing
  /** By attribute of the API's answer: the values it may have, more than one where an answer was lost. */
  readonly seen: Map<string, unknown[]>
  /** Ids of what it was made with or joined to: `network`, `subnet`, `server`. */
  readonly link: Map<string, string>
}

type Place = {
  /** Service type of the catalog. */
  readonly type: string
  readonly collection: string
  /** The key of the thing in bodies; image has none. */
  readonly wrapper: string | undefined
  /** Path of the list with what tells things apart, where that isn't the collection's own. */
  readonly list?: string
}

const network = (kind: string): Place => ({ type: 'network', collection: `/v2.0/${kind}s`, wrapper: kind })

const places: Record<Exclude<Kind, 'application_credential'>, Place> = {
  server: { type: 'compute', collection: '/servers', wrapper: 'server' },
  keypair: { type: 'compute', collection: '/os-keypairs', wrapper: 'keypair' },
  server_group: { type: 'compute', collection: '/os-server-groups', wrapper: 'server_group' },
  flavor: { type: 'compute', collection: '/flavors', wrapper: 'flavor' },
  aggregate: { type: 'compute', collection: '/os-aggregates', wrapper: 'aggregate' },
  volume: { type: 'block-storage', collection: '/volumes', wrapper: 'volume' },
  image: { type: 'image', collection: '/v2/images', wrapper: undefined },
  network: network('network'),
  subnet: network('subnet'),
  port: network('port'),
  router: network('router'),
  floatingip: network('floatingip'),
  security_group: { ...network('security_group'), collection: '/v2.0/security-groups' },
  security_group_rule: { ...network('security_group_rule'), collection: '/v2.0/security-group-rules' },
}

export function placeOf(kind: Kind, userId = ''): Place {
  if (kind !== 'application_credential') return places[kind]
  return {
    type: 'identity',
    collection: `/users/${userId}/application_credentials`,
    wrapper: 'application_credential',
  }
}

/** What a change leaves an attribute with, while nobody knows whether it was made. */
export function expectEither(thing: Thing, change: Record<string, unknown>): () => void {
  const before = new Map(Object.keys(change).map((name) => [name, thing.seen.get(name)]))
  for (const [name, value] of Object.entries(change)) {
    const known = thing.seen.get(name)
    if (known) thing.seen.set(name, [...known, value])
  }
  return () => {
    for (const [name, values] of before) if (values) thing.seen.set(name, values)
  }
}

export function expectNow(thing: Thing, values: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(values)) thing.seen.set(name, [value])
}

/** The attributes in which `shown` is not what its owner left: 'name is "x" and not "y"'. */
export function differences(thing: Thing, shown: Record<string, unknown>): string[] {
  const owned = thing.kind === 'volume' ? { ...shown, metadata: ownersMetadata(shown.metadata) } : shown
  return [...thing.seen]
    .filter(([name, values]) => !values.some((value) => same(value, owned[name])))
    .map(
      ([name, values]) =>
        `${name} is ${JSON.stringify(owned[name])} and not ${values.map((value) => JSON.stringify(value)).join(' or ')}`,
    )
}

/** A volume's, without what the service shows among it while it is attached. */
function ownersMetadata(shown: unknown): unknown {
  if (typeof shown !== 'object' || shown === null) return shown
  const { attached_mode: _mode, ...owned } = shown as Record<string, unknown>
  return owned
}

function same(one: unknown, other: unknown): boolean {
  return canonical(one) === canonical(other)
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).sort().join()}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'undefined'
  const members = Object.entries(value).map(([name, inner]) => `${name}:${canonical(inner)}`)
  return `{${members.sort().join()}}`
}

// What moving from one broker to another would carry, and what stands in its way. Pure: read first, then judged.

type Named = { name: string } & Record<string, unknown>
type Placed = Named & { vhost: string }
export type Binding = Placed & { source: string; destination: string; destination_type: string }
export type OperatorPolicy = Placed

/** RabbitMQ's definitions file, as far as it is looked into. */
export type Definitions = {
  vhosts: Named[]
  users: Named[]
  permissions: ({ user: string } & Record<string, unknown>)[]
  topic_permissions: ({ user: string } & Record<string, unknown>)[]
  parameters: ({ component: string } & Record<string, unknown>)[]
  global_parameters: Named[]
  policies: Placed[]
  exchanges: Placed[]
  queues: Placed[]
  bindings: Binding[]
}

export type SourceQueue = {
  name: string
  vhost: string
  durable: boolean
  exclusive?: boolean
  consumers?: number
  messages?: number
}

export type Side = { definitions: Definitions; operatorPolicies: readonly OperatorPolicy[] }

export type Plan = {
  definitions: Definitions
  operatorPolicies: readonly OperatorPolicy[]
  /** Durable queues, whose messages are carried. */
  queues: readonly { vhost: string; name: string }[]
  /** What the target has under the same name and in another form: nothing is moved before that is cleared up. */
  conflicts: readonly string[]
  /** What the target has and gets anew. */
  replaced: readonly string[]
  /** What isn't carried, and why. */
  left: readonly string[]
  /** As of now; more may come while others still publish. */
  messages: number
}

/** Users, exchanges and so on of a migration itself. */
export const ownPrefix = 'nimbo-migrate'

export type PlanOptions = {
  /** The user by whom the target is entered: it keeps its own password. */
  entering: string
  /** Durable queues of no type of their own get copies on several nodes, where they can. */
  asQuorum?: boolean
}

export function planMigration(
  source: Side,
  queues: readonly SourceQueue[],
  target: Side,
  { entering, asQuorum = false }: PlanOptions,
): Plan {
  const given = source.definitions
  const carriedUser = (name: string) => name !== entering && !name.startsWith(ownPrefix)
  const durable = (each: Record<string, unknown>) => each.durable === true
  const gone = new Set(queues.filter((each) => each.exclusive).map(placeOf))
  const kept = given.queues
    .filter((each) => durable(each) && !gone.has(placeOf(each)))
    .map((each) => (asQuorum && maybeQuorum(each) ? quorum(each) : each))
  const exchanges = given.exchanges.filter((each) => durable(each) && !isBuiltIn(each.name))
  const ends = {
    queue: new Set(kept.map(placeOf)),
    exchange: new Set(exchanges.map(placeOf)),
  }
  const isEnd = (kind: string, vhost: string, name: string) =>
    (kind === 'exchange' && isBuiltIn(name)) ||
    (ends[kind as keyof typeof ends]?.has(placeOf({ vhost, name })) ?? false)
  const definitions: Definitions = {
    vhosts: given.vhosts,
    users: given.users.filter(({ name }) => carriedUser(name)),
    permissions: given.permissions.filter(({ user }) => carriedUser(user)),
    topic_permissions: given.topic_permissions.filter(({ user }) => carriedUser(user)),
    parameters: given.parameters.filter(({ component }) => component !== 'operator_policy'),
    global_parameters: given.global_parameters.filter(
      ({ name }) => name !== 'cluster_name' && name !== 'internal_cluster_id',
    ),
    policies: given.policies,
    exchanges,
    queues: kept,
    bindings: given.bindings.filter(
      (each) =>
        each.source !== '' &&
        isEnd('exchange', each.vhost, each.source) &&
        isEnd(each.destination_type, each.vhost, each.destination),
    ),
  }
  const carried = new Set(kept.map(placeOf))
  const remaining = queues.filter((each) => !carried.has(placeOf(each)) && (each.messages ?? 0) > 0)
  return {
    definitions,
    operatorPolicies: source.operatorPolicies,
    queues: kept.map(({ vhost, name }) => ({ vhost, name })),
    conflicts: [
      ...clashes('queue', kept, target.definitions.queues, ['durable', 'auto_delete', 'arguments']),
      ...clashes('exchange', exchanges, target.definitions.exchanges, [
        ...['type', 'durable', 'auto_delete', 'internal', 'arguments'],
      ]),
    ],
    replaced: [
      ...differing('user', definitions.users, target.definitions.users),
      ...differing('policy', definitions.policies, target.definitions.policies),
      ...differing('operator policy', source.operatorPolicies, target.operatorPolicies),
    ],
    left: remaining.map(
      (each) =>
        `queue '${each.name}' in '${each.vhost}' has ${each.messages} messages and is ${each.exclusive ? 'exclusive to a connection' : 'not durable'}`,
    ),
    messages: queues
      .filter((each) => carried.has(placeOf(each)))
      .reduce((sum, each) => sum + (each.messages ?? 0), 0),
  }
}

/** What quorum queues haven't. https://www.rabbitmq.com/docs/quorum-queues#feature-matrix */
function maybeQuorum({ auto_delete, arguments: given }: Placed): boolean {
  const args = (given ?? {}) as Record<string, unknown>
  const classicOnly = ['x-queue-type', 'x-max-priority', 'x-queue-mode', 'x-queue-version']
  return (
    auto_delete !== true &&
    !classicOnly.some((name) => name in args) &&
    args['x-overflow'] !== 'reject-publish-dlx'
  )
}

function quorum(queue: Placed): Placed {
  return { ...queue, arguments: { ...(queue.arguments as object), 'x-queue-type': 'quorum' } }
}

function isBuiltIn(name: string): boolean {
  return name === '' || name.startsWith('amq.')
}

function placeOf({ vhost, name }: { vhost?: unknown; name: unknown }): string {
  return JSON.stringify([vhost ?? null, name])
}

function clashes(
  kind: string,
  ours: readonly Placed[],
  theirs: readonly Placed[],
  fields: readonly string[],
): string[] {
  const there = new Map(theirs.map((each) => [placeOf(each), each]))
  return ours.flatMap((each) => {
    const other = there.get(placeOf(each))
    const differ = other ? fields.filter((field) => stable(each[field]) !== stable(other[field])) : []
    return differ.length > 0
      ? [`${kind} '${each.name}' in '${each.vhost}' exists there with another ${differ.join(', ')}`]
      : []
  })
}

function differing(kind: string, ours: readonly Named[], theirs: readonly Named[]): string[] {
  const there = new Map(theirs.map((each) => [placeOf(each), each]))
  return ours.flatMap((each) => {
    const other = there.get(placeOf(each))
    return other && stable(each) !== stable(other) ? [`${kind} '${each.name}'`] : []
  })
}

/** The same text for the same value, whatever the order of its members; classic is what a queue is without saying so. */
function stable(value: unknown): string {
  return JSON.stringify(value, (key, each) => {
    if (key === 'x-queue-type' && each === 'classic') return undefined
    if (typeof each !== 'object' || each === null || Array.isArray(each)) return each
    return Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
  })
}

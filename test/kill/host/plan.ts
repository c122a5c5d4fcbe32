// Which processes are killed, during which operation and when: all of it from a seed, so that a run can be had again. Every
// process meets every operation that concerns it before one is met twice.
import type { OperationKind } from './operation/operation.ts'
import { type OperationName, operationKinds } from './operation/table.ts'
import type { Program } from './process.ts'

export type Moment =
  /** After the request was sent. */
  | { ms: number }
  /** When the journal tells of it. */
  | { event: string }
  /** When it is there. */
  | { file: string }
  /** When the agent has begun its n-th command since the request was sent. */
  | { command: number }

export type Strike = {
  number: number
  kill: readonly Program[]
  operation: OperationName
  at: Moment
}

/** How often each is killed in a round, alone and with others. */
const weights: [kill: readonly Program[], share: number][] = [
  [['controller'], 26],
  [['agent'], 26],
  [['command'], 20],
  [['qemu'], 16],
  [['ovs-vswitchd'], 10],
  [['ovsdb-server'], 8],
  [['dnsmasq'], 8],
  [['haproxy'], 8],
  [['controller-supervisor'], 5],
  [['agent-supervisor'], 5],
  [['controller', 'agent'], 12],
  [['agent', 'qemu'], 6],
  [['agent', 'ovs-vswitchd'], 4],
  [['agent', 'dnsmasq'], 4],
  [['agent', 'haproxy'], 4],
  [['ovs-vswitchd', 'ovsdb-server'], 4],
  [['agent', 'agent-supervisor'], 3],
  [['controller', 'controller-supervisor'], 3],
]
/** What a short run leaves out: the agent's next start brings its daemons back, as it does Open vSwitch, which stays in. */
const longRunsOnly = new Set(['agent+dnsmasq', 'agent+haproxy', 'controller+controller-supervisor'])
/** Of a cloud whose broker is a process of its own. */
const brokerWeights: typeof weights = [
  [['broker'], 12],
  [['broker', 'controller'], 5],
  [['broker', 'agent'], 5],
]

/** Powers of a guest, disks and cards: what its QEMU's end comes across. */
const concernsGuest = (name: OperationName) => (operationKinds[name] as OperationKind).guest !== undefined
/** The subject is Linux, which boots for ten seconds; what is done to routers takes many commands, so that one is met. */
const suitsShort = (kill: readonly Program[], name: OperationName) =>
  kill.includes('command')
    ? /^(router|floating)/.test(name)
    : !(kill.includes('qemu') && (operationKinds[name] as OperationKind).guest === 'subject')
const networked = /^(server (create|delete|start)|interface|router|floating|network)/

function concerns(kill: readonly Program[], name: OperationName): boolean {
  if (kill.includes('qemu')) return concernsGuest(name)
  if (kill.every((one) => one === 'controller' || one === 'agent' || one === 'broker')) return true
  if (kill.includes('command')) return networked.test(name)
  return kill.some((one) => one.endsWith('supervisor')) || networked.test(name)
}

export type PlanOptions = {
  seed: number
  kills: number
  ownBroker: boolean
  /** Each kind of kill once, without those that are nearly another one or cost the boot of a Linux guest. */
  short?: boolean
}

export function planStrikes(options: PlanOptions): Strike[] {
  const random = generator(options.seed)
  const names = Object.keys(operationKinds) as OperationName[]
  const turns = new Map<string, OperationName[]>()
  const next = (kill: readonly Program[]): OperationName => {
    const key = kill.join('+')
    let left = turns.get(key)
    if (!left?.length) {
      left = shuffled(
        names.filter((name) => concerns(kill, name) && (!options.short || suitsShort(kill, name))),
        random,
      )
      turns.set(key, left)
    }
    return left.pop()!
  }
  const strikes: Strike[] = []
  const table = options.ownBroker ? brokerWeights : weights
  const once = table
    .filter(([kill]) => !longRunsOnly.has(kill.join('+')))
    .map(([kill]): [typeof kill, number] => [kill, 1])
  const bag = spread(options.short ? once : table)
  for (let killed = 0; killed < options.kills; ) {
    const kill = bag[strikes.length % bag.length]!
    const operation = next(kill)
    strikes.push({ number: strikes.length + 1, kill, operation, at: momentOf(kill, operation, random) })
    killed += kill.length
  }
  return strikes
}

/** Evenly: each kind comes at steps of its own share, so that a short run has something of all. */
function spread(table: typeof weights): (readonly Program[])[] {
  return table
    .flatMap(([kill, share], index) =>
      Array.from({ length: share }, (_, turn) => ({
        kill,
        at: (turn + (index + 1) / (table.length + 1)) / share,
        turn,
      })),
    )
    .sort((a, b) => (a.turn === 0 || b.turn === 0 ? a.turn - b.turn : 0) || a.at - b.at)
    .map(({ kill }) => kill)
}

function momentOf(kill: readonly Program[], name: OperationName, random: (below: number) => number): Moment {
  const { spanMs, events, files = [], guest } = operationKinds[name] as OperationKind
  if (kill.includes('command')) return { command: 1 + random(3) }
  // Before there is one, its own guest can't be killed.
  if (kill.includes('qemu') && name === 'server create') return { file: random(2) === 0 ? 'pid' : 'qmp.sock' }
  const kinds = [
    'ms',
    'ms',
    ...(events.length > 0 ? ['event', 'event'] : []),
    ...(files.length > 0 ? ['file'] : []),
  ]
  if (guest === undefined || kill.length > 1) kinds.push('ms')
  const kind = kinds[random(kinds.length)]
  if (kind === 'event') return { event: events[random(events.length)]! }
  if (kind === 'file') return { file: files[random(files.length)]! }
  return { ms: random(spanMs) }
}

export function describeStrike({ number, kill, operation, at }: Strike): string {
  const when =
    'ms' in at
      ? `${at.ms} ms into`
      : 'event' in at
        ? `at ${at.event} of`
        : 'file' in at
          ? `when ${at.file} is there in`
          : `as number ${at.command} in`
  return `${number}: ${kill.join(' and ')} killed ${when} ${operation}`
}

function shuffled<T>(list: readonly T[], random: (below: number) => number): T[] {
  const result = [...list]
  for (let last = result.length - 1; last > 0; last--) {
    const other = random(last + 1)
    ;[result[last], result[other]] = [result[other]!, result[last]!]
  }
  return result
}

/** mulberry32: small, and its low bits are as good as its high ones. */
export function generator(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let word = Math.imul(state ^ (state >>> 15), state | 1)
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61)
    return ((word ^ (word >>> 14)) >>> 0) % below
  }
}

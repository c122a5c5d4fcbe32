// `nimbo fault`: makes parts of a simulated cloud go wrong, for a while.
import {
  addFault,
  endFaults,
  type Fault,
  formatFault,
  formatFaultKinds,
  formatFaults,
  listFaultKinds,
  listFaults,
  optionOf,
  showFault,
} from '#cli/simulation/fault.ts'
import { requireSimulated } from '#cli/simulation/simulated.ts'
import { parseDuration } from '#kit/config/option.ts'
import { type Invocation, type OptionSpec, usageError, type Verb } from '../verb.ts'
import { asAdmin } from './admin.ts'

const usage =
  "Say 'nimbo fault add KIND ... [--for 30s]', 'nimbo fault list [--all]', 'nimbo fault show ID', 'nimbo fault end ID ...' (or --all) or 'nimbo fault kinds [KIND]'."

/** What kinds ask for, as options; `kinds` tells which kind takes which. */
const parameters: Record<string, { read: (text: string, option: string) => unknown; option: OptionSpec }> = {
  host: { read: asText, option: { type: 'string', value: 'NAME', help: 'A host' } },
  to: { read: asText, option: { type: 'string', value: 'NAME', help: "Another host, or 'controller'" } },
  server: { read: asText, option: { type: 'string', value: 'SERVER', help: 'Name or id of a server' } },
  network: { read: asText, option: { type: 'string', value: 'NETWORK', help: 'Name or id of a network' } },
  process: { read: asText, option: { type: 'string', value: 'NAME', help: 'dnsmasq or haproxy' } },
  driver: { read: asText, option: { type: 'string', value: 'NAME', help: 'virt, wiring or volume' } },
  operation: {
    read: asText,
    option: { type: 'string', value: 'NAME', help: "The driver's operation: create" },
  },
  nth: { read: asCount, option: { type: 'string', value: 'N', help: 'The first call that it strikes' } },
  times: { read: asCount, option: { type: 'string', value: 'N', help: 'How many calls it strikes' } },
  effect: {
    read: asText,
    option: { type: 'string', value: 'WORD', help: 'fail-before, fail-after, hang or slow' },
  },
  latency_ms: {
    read: asMilliseconds,
    option: { type: 'string', value: 'TIME', help: 'How much slower: 200ms' },
  },
  jitter_ms: { read: asMilliseconds, option: { type: 'string', value: 'TIME', help: 'Up to so much more' } },
  skew_ms: {
    read: asSigned,
    option: { type: 'string', value: 'TIME', help: 'How far the clock is ahead: 5m, or behind: --skew=-5m' },
  },
}

export const fault: Verb = {
  summary: 'Makes parts of a simulated cloud fail for a while: add, list, show, end, kinds',
  words: 'add|list|show|end|kinds [KIND|ID …]',
  options: {
    for: { type: 'string', value: 'TIME', help: 'How long it lasts: 30s, 5m; 0s strikes once' },
    reason: { type: 'string', value: 'TEXT', help: 'Why, for those who read the journal' },
    ...Object.fromEntries(Object.entries(parameters).map(([field, { option }]) => [optionOf(field), option])),
    all: { type: 'boolean', help: 'With list: also those that are over; with end: all' },
    json: { type: 'boolean', help: 'For programs' },
  },
  async run(invocation) {
    const [what = '', ...words] = invocation.words
    const work = Object.hasOwn(works, what) ? works[what] : undefined
    if (!work) throw usageError(usage)
    return work(invocation, words)
  },
}

type Work = (invocation: Invocation, words: readonly string[]) => Promise<number>

const works: Record<string, Work> = {
  add: (invocation, words) => {
    const [kind, ...more] = words
    if (kind === undefined || more.length > 0)
      throw usageError("Say 'nimbo fault add KIND ...': 'nimbo fault kinds' lists them.")
    const wish = wishOf(invocation, kind)
    return asAdmin(invocation, async (session) => {
      requireSimulated(session)
      const made = await addFault(session, wish)
      show(invocation, { fault: made }, () => [saying(made)])
      return 0
    })
  },
  list: (invocation, words) => {
    if (words.length > 0) throw usageError(usage)
    const { terminal, world, options } = invocation
    return asAdmin(invocation, async (session) => {
      requireSimulated(session)
      const faults = await listFaults(session, options.all === true)
      show(invocation, { faults }, () => formatFaults(faults, world.clock.now(), terminal))
      return 0
    })
  },
  show: (invocation, words) => {
    const [id, ...more] = words
    if (id === undefined || more.length > 0) throw usageError(usage)
    return asAdmin(invocation, async (session) => {
      requireSimulated(session)
      const found = await showFault(session, id)
      show(invocation, { fault: found }, () => formatFault(found))
      return 0
    })
  },
  end: (invocation, words) => {
    const all = invocation.options.all === true
    if (all === words.length > 0) throw usageError("Say 'nimbo fault end ID ...' or 'nimbo fault end --all'.")
    return asAdmin(invocation, async (session) => {
      requireSimulated(session)
      const ids = all ? (await listFaults(session, false)).map(({ id }) => id) : words
      const ended = await endFaults(session, ids)
      show(invocation, { ended }, () => [`${ended.length} fault${ended.length === 1 ? '' : 's'} ended.`])
      return 0
    })
  },
  kinds: (invocation, words) =>
    asAdmin(invocation, async (session) => {
      requireSimulated(session)
      const kinds = (await listFaultKinds(session)).filter(
        ({ name }) => words.length === 0 || words.includes(name),
      )
      if (kinds.length === 0)
        throw usageError(`There is no kind '${words.join(' ')}': 'nimbo fault kinds' lists them.`)
      show(invocation, { fault_kinds: kinds }, () => formatFaultKinds(kinds, invocation.terminal))
      return 0
    }),
}

function show({ options, terminal }: Invocation, value: unknown, lines: () => string[]): void {
  if (options.json) terminal.print(JSON.stringify(value, null, 2))
  else for (const line of lines()) terminal.print(line)
}

function saying({ id, kind, subject, state, ends_at }: Fault): string {
  const until = ends_at === null ? '' : `, until ${ends_at.slice(11, 19)} UTC`
  return `${kind} of ${subject}${state === 'ended' ? ' is done' : `${until}: 'nimbo fault end ${id.slice(0, 8)}' ends it sooner`}.`
}

function wishOf({ options }: Invocation, kind: string): Record<string, unknown> {
  const wish: Record<string, unknown> = { kind }
  if (options.for !== undefined) wish.duration = asMilliseconds(options.for as string, 'for') / 1000
  if (options.reason !== undefined) wish.reason = options.reason
  for (const [field, { read }] of Object.entries(parameters)) {
    const text = options[optionOf(field)]
    if (text !== undefined) wish[field] = read(text as string, optionOf(field))
  }
  return wish
}

function asText(text: string): string {
  return text
}

function asCount(text: string, option: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value > 0) return value
  throw usageError(`--${option} takes a whole number from 1 on, not '${text}'.`)
}

function asMilliseconds(text: string, option: string): number {
  const ms = parseDuration(text)
  if (ms === undefined) throw usageError(`--${option} takes a time such as 500ms, 30s or 5m, not '${text}'.`)
  return ms
}

function asSigned(text: string, option: string): number {
  return text.startsWith('-')
    ? -asMilliseconds(text.slice(1), option)
    : asMilliseconds(text.replace(/^\+/, ''), option)
}

// The kinds of option that a section may declare, each with the reader that turns YAML or an environment variable into it.

export type Read<T> = { value: T } | { problem: string }

export type OptionType = 'text' | 'choice' | 'int' | 'bool' | 'list' | 'port' | 'duration' | 'secret' | 'json'

export type Option<T = unknown> = {
  readonly type: OptionType
  readonly default: T
  readonly help: string
  /** What a number counts: 'MiB', 'connections'. */
  readonly unit?: string
  /** For people: 'real | sim', '1 to 65535'. */
  readonly range?: string
  /** `fromText`: it comes from the environment, where all is text. */
  read(raw: unknown, fromText: boolean): Read<T>
}

type Maybe<D> = Extract<D, undefined>
type IntLimits = { min?: number; max?: number; unit?: string }

/** A default of undefined makes the option optional, and its type says so. */
export const option = {
  text<D extends string | undefined>(initial: D, help: string): Option<string | Maybe<D>> {
    return { type: 'text', default: initial as string | Maybe<D>, help, read: readText }
  },

  /** A regular expression, as text. */
  pattern<D extends string | undefined>(initial: D, help: string): Option<string | Maybe<D>> {
    const text = option.text(initial, help)
    return {
      ...text,
      range: 'a regular expression',
      read(raw, fromText) {
        const read = text.read(raw, fromText)
        return 'value' in read && !isRegex(read.value ?? '')
          ? { problem: `must be a regular expression, not ${show(raw)}` }
          : read
      },
    }
  },

  choice<const C extends string>(initial: NoInfer<C>, choices: readonly C[], help: string): Option<C> {
    return {
      type: 'choice',
      default: initial,
      help,
      range: choices.join(' | '),
      read: (raw) =>
        choices.includes(raw as C)
          ? { value: raw as C }
          : { problem: `must be one of ${choices.join(', ')}, not ${show(raw)}` },
    }
  },

  int<D extends number | undefined>(
    initial: D,
    help: string,
    limits: IntLimits = {},
  ): Option<number | Maybe<D>> {
    const { min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER, unit } = limits
    return {
      type: 'int',
      default: initial as number | Maybe<D>,
      help,
      unit,
      range: rangeOf(limits),
      read(raw) {
        const value = typeof raw === 'string' && /^-?\d+$/.test(raw) ? Number(raw) : raw
        if (!Number.isSafeInteger(value)) return { problem: `must be a whole number, not ${show(raw)}` }
        const number = value as number
        if (number < min) return { problem: `must be at least ${min}, not ${number}` }
        if (number > max) return { problem: `must be at most ${max}, not ${number}` }
        return { value: number }
      },
    }
  },

  port<D extends number | undefined>(initial: D, help: string): Option<number | Maybe<D>> {
    const number = option.int(initial, help, { min: 0, max: 65_535 })
    return { ...number, type: 'port', range: '0 to 65535' }
  },

  bool<D extends boolean | undefined>(initial: D, help: string): Option<boolean | Maybe<D>> {
    return {
      type: 'bool',
      default: initial as boolean | Maybe<D>,
      help,
      range: 'true | false',
      read: readBool,
    }
  },

  /** Text items; in the environment separated by commas. */
  list<D extends readonly string[] | undefined>(
    initial: D,
    help: string,
  ): Option<readonly string[] | Maybe<D>> {
    return { type: 'list', default: initial as readonly string[] | Maybe<D>, help, read: readList }
  },

  /** Written as '250ms', '30s', '10m', '1h', '7d', or a bare number of seconds; its value is in milliseconds. */
  duration<D extends string | undefined>(
    initial: D,
    help: string,
    limits: { min?: string; max?: string } = {},
  ): Option<number | Maybe<D>> {
    const min = limits.min === undefined ? 0 : ownDuration(limits.min)
    const max = limits.max === undefined ? Number.POSITIVE_INFINITY : ownDuration(limits.max)
    return {
      type: 'duration',
      default: (initial === undefined ? undefined : ownDuration(initial)) as number | Maybe<D>,
      help,
      range: rangeOf(limits),
      read(raw) {
        const value = parseDuration(raw)
        if (value === undefined)
          return { problem: `must be a duration such as 500ms, 30s, 10m, 1h or 7d, not ${show(raw)}` }
        if (value < min) return { problem: `must be at least ${limits.min}, not ${raw}` }
        if (value > max) return { problem: `must be at most ${limits.max}, not ${raw}` }
        return { value }
      },
    }
  },

  /** Text that no dump, log or complaint ever shows. */
  secret<D extends string | undefined>(initial: D, help: string): Option<string | Maybe<D>> {
    return {
      type: 'secret',
      default: initial as string | Maybe<D>,
      help,
      read: (raw, fromText) =>
        typeof raw === 'string' ? readText(raw, fromText) : { problem: 'must be text in quotation marks' },
    }
  },

  /** Any shape; `check` says what is wrong with it, or undefined. In the environment it is JSON. */
  json<T>(initial: T, help: string, check?: (value: unknown) => string | undefined): Option<T> {
    return {
      type: 'json',
      default: initial,
      help,
      read(raw, fromText) {
        let value = raw
        if (fromText) {
          try {
            value = JSON.parse(String(raw))
          } catch {
            return { problem: 'must be JSON' }
          }
        }
        const problem = check?.(value)
        return problem === undefined ? { value: value as T } : { problem }
      },
    }
  },
}

const unitMs: Record<string, number> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

/** Milliseconds, or undefined where it is no duration. */
export function parseDuration(raw: unknown): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)?$/.exec(String(raw))
  return match ? Math.round(Number(match[1]) * unitMs[match[2] ?? 's']!) : undefined
}

/** The largest unit that leaves a whole number: 90000 becomes '90s'. */
export function formatDuration(ms: number): string {
  const unit = ['d', 'h', 'm', 's'].find((name) => ms !== 0 && ms % unitMs[name]! === 0) ?? 'ms'
  return `${ms / unitMs[unit]!}${unit}`
}

function ownDuration(text: string): number {
  const value = parseDuration(text)
  if (value === undefined) throw new Error(`An option's duration is malformed: ${text}`)
  return value
}

function isRegex(text: string): boolean {
  try {
    new RegExp(text)
    return true
  } catch {
    return false
  }
}

function readText(raw: unknown, _fromText: boolean): Read<string> {
  if (typeof raw === 'string') return { value: raw }
  // YAML has already taken 012 for 12 and 1e3 for 1000: what was written can't be had back.
  const quotable = typeof raw === 'number' || typeof raw === 'boolean'
  return { problem: `must be text${quotable ? `: put quotation marks around ${raw}` : ''}` }
}

function readBool(raw: unknown): Read<boolean> {
  const word = String(raw).toLowerCase()
  if (['true', 'yes', 'on', '1'].includes(word)) return { value: true }
  if (['false', 'no', 'off', '0'].includes(word)) return { value: false }
  return { problem: `must be true or false, not ${show(raw)}` }
}

function readList(raw: unknown, fromText: boolean): Read<readonly string[]> {
  if (fromText) {
    const items = String(raw).split(',')
    return { value: items.map((item) => item.trim()).filter((item) => item !== '') }
  }
  if (!Array.isArray(raw)) return { problem: `must be a list, not ${show(raw)}` }
  const wrong = raw.findIndex((item) => typeof item !== 'string')
  return wrong < 0 ? { value: raw } : { problem: `must be a list of text; its item ${wrong + 1} is not` }
}

function rangeOf(limits: { min?: number | string; max?: number | string }): string | undefined {
  if (limits.min !== undefined && limits.max !== undefined) return `${limits.min} to ${limits.max}`
  if (limits.min !== undefined) return `at least ${limits.min}`
  return limits.max === undefined ? undefined : `at most ${limits.max}`
}

function show(raw: unknown): string {
  const text = JSON.stringify(raw) ?? 'nothing'
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}

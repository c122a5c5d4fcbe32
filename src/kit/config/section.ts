// A section is a service's options, declared once: YAML keys, environment names, types and documentation follow from it.
import { censor } from '../redact/name.ts'
import type { Option } from './option.ts'

export type Options = Record<string, Option>

export type Section<Name extends string = string, O extends Options = Options> = {
  readonly name: Name
  readonly options: O
}

/** What a service gets: each option's value, durations in milliseconds. */
export type ConfigOf<S extends Section> = {
  readonly [K in keyof S['options']]: S['options'][K] extends Option<infer T> ? T : never
}

/** `name` and keys are camelCase here and snake_case in files. */
export function section<const Name extends string, const O extends Options>(
  name: Name,
  options: O,
): Section<Name, O> {
  return { name, options }
}

/** A section's values without any file: the defaults, and what is given instead of them. */
export function withDefaults<S extends Section>(of: S, given: Partial<ConfigOf<S>> = {}): ConfigOf<S> {
  const defaults = Object.entries(of.options).map(([key, option]) => [key, option.default])
  return hideSecrets(of, { ...Object.fromEntries(defaults), ...given }) as ConfigOf<S>
}

/** Makes JSON.stringify, console.log and loggers show the values without the secrets among them. */
export function hideSecrets<T extends object>(of: Section, values: T): T {
  const shown = () => {
    const entries = Object.entries(values).map(([key, value]) =>
      of.options[key]?.type === 'secret' && value ? [key, censor] : [key, value],
    )
    return Object.fromEntries(entries)
  }
  // Not enumerable, so that a spread or a comparison sees options alone.
  Object.defineProperty(values, 'toJSON', { value: shown })
  Object.defineProperty(values, Symbol.for('nodejs.util.inspect.custom'), { value: shown })
  return values
}

export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

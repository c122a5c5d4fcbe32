// The options of all sections as rows, for the guide and for `nimbo config`.
import { envName } from './load.ts'
import { formatDuration, type Option, type OptionType } from './option.ts'
import { type Section, snakeCase } from './section.ts'

export type OptionRow = {
  section: string
  key: string
  env: string
  type: OptionType
  /** As one would write it; empty where the option has none. */
  default: string
  unit: string
  range: string
  help: string
}

export function describeOptions(sections: readonly Section[]): OptionRow[] {
  return sections.flatMap((of) =>
    Object.entries(of.options).map(([key, option]) => ({
      section: snakeCase(of.name),
      key: snakeCase(key),
      env: envName(of, key),
      type: option.type,
      default: defaultOf(option),
      unit: option.unit ?? '',
      range: option.range ?? '',
      help: option.help,
    })),
  )
}

function defaultOf(option: Option): string {
  if (option.default === undefined) return ''
  if (option.type === 'duration') return formatDuration(option.default as number)
  if (option.type === 'secret') return option.default === '' ? '' : '***'
  return typeof option.default === 'string' ? option.default : JSON.stringify(option.default)
}

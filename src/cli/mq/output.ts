// What a verb answers and how it is written: tab-separated columns as rabbitmqctl has them, JSON, CSV, or a drawn table.
import { mqError } from './exit.ts'

export type Row = readonly unknown[]

/** A table, or lines with the same thing as a value for programs. */
export type Answer =
  | { columns: readonly string[]; rows: readonly Row[] }
  | { lines: readonly string[]; value?: unknown }

export const formatters = ['table', 'json', 'csv', 'pretty_table'] as const
export type Formatter = (typeof formatters)[number]

export function formatterOf(name: string): Formatter {
  const found = formatters.find((each) => each === name)
  if (!found) throw mqError('usage', `there is no formatter '${name}'; there are ${formatters.join(', ')}`)
  return found
}

export function format(answer: Answer, formatter: Formatter, headers: boolean): string[] {
  if (!('columns' in answer)) {
    if (formatter === 'json' && answer.value !== undefined) return [JSON.stringify(answer.value)]
    return answer.lines.map(safe)
  }
  const { columns, rows } = answer
  switch (formatter) {
    case 'json':
      return jsonLines(columns, rows)
    case 'csv':
      return [...(headers ? [columns.map(quoted).join(',')] : []), ...rows.map((row) => csvLine(row))]
    case 'pretty_table':
      return rows.length === 0
        ? []
        : drawn(
            columns,
            rows.map((row) => row.map(text)),
            headers,
          )
    case 'table': {
      if (rows.length === 0) return []
      return [...(headers ? [columns.join('\t')] : []), ...rows.map((row) => row.map(text).join('\t'))]
    }
  }
}

/** One object a line, as rabbitmqctl streams them. */
function jsonLines(columns: readonly string[], rows: readonly Row[]): string[] {
  const objects = rows.map((row, index) => {
    const object = Object.fromEntries(columns.map((name, at) => [name, jsonValue(row[at])]))
    return `${index === 0 ? '' : ','}${JSON.stringify(object)}`
  })
  return ['[', ...objects, ']']
}

function jsonValue(value: unknown): unknown {
  if (value === undefined) return ''
  return isTable(value) ? typed(value) : value
}

/** Arguments with their AMQP types; the management API has lost them, so they are those of the value's own kind. */
function typed(table: Record<string, unknown>): unknown[] {
  return Object.entries(table).map(([key, value]) => {
    if (typeof value === 'string') return [key, 'longstr', value]
    if (typeof value === 'boolean') return [key, 'bool', value]
    if (typeof value === 'number')
      return [
        key,
        !Number.isInteger(value) ? 'double' : Math.abs(value) < 2 ** 31 ? 'signedint' : 'long',
        value,
      ]
    if (Array.isArray(value)) return [key, 'array', value]
    return isTable(value) ? [key, 'table', typed(value)] : [key, 'void', '']
  })
}

function csvLine(row: Row): string {
  return row
    .map((cell) =>
      typeof cell === 'number' || typeof cell === 'boolean' ? String(cell) : quoted(text(cell)),
    )
    .join(',')
}

function quoted(cell: string): string {
  return `"${cell.replaceAll('"', '""')}"`
}

function drawn(columns: readonly string[], rows: readonly string[][], headers: boolean): string[] {
  const all = headers ? [[...columns], ...rows] : rows
  const widths = columns.map((_, index) => Math.max(...all.map((row) => widthOf(row[index]!))))
  const rule = (left: string, cross: string, right: string) =>
    left + widths.map((width) => '─'.repeat(width + 2)).join(cross) + right
  const line = (row: readonly string[]) =>
    `│${row.map((cell, index) => ` ${cell}${' '.repeat(widths[index]! - widthOf(cell))} `).join('│')}│`
  const between = rule('├', '┼', '┤')
  return [
    rule('┌', '┬', '┐'),
    ...all.flatMap((row, index) => (index === 0 ? [line(row)] : [between, line(row)])),
    rule('└', '┴', '┘'),
  ]
}

/** East Asian wide characters take two columns of a terminal. */
function widthOf(cell: string): number {
  let width = 0
  for (const character of cell)
    width +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/.test(
        character,
      )
        ? 2
        : 1
  return width
}

/** As a cell: lists in brackets, tables as Erlang terms, strings as they are. */
function text(value: unknown): string {
  if (value === undefined || value === null) return ''
  if (Array.isArray(value))
    return `[${value.map((each) => (typeof each === 'string' ? safe(each) : term(each))).join(', ')}]`
  return typeof value === 'object' ? term(value) : safe(String(value))
}

function term(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(term).join(',')}]`
  if (!isTable(value)) return String(value)
  return `[${Object.entries(value)
    .map(([key, each]) => `{${JSON.stringify(key)},${term(each)}}`)
    .join(',')}]`
}

/** Names come from clients: none may move the cursor or break a column. As rabbitmqctl, octal with a backslash. */
function safe(value: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it looks for.
  return value.replace(/[\u0000-\u001f\u007f-\u009f]/g, (character) => {
    return `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`
  })
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

// Where the command line writes, and what it may ask. Colours and questions only where a person sits before it.

export type Terminal = {
  /** A line of what was asked for: standard output. */
  print(line: string): void
  /** A line about what goes on: standard error. */
  say(line: string): void
  readonly colors: boolean
  /** Undefined where nobody can answer. */
  readonly ask?: (question: string) => Promise<string>
  /** As `ask`, and what is typed isn't shown. */
  readonly askSecret?: (question: string) => Promise<string>
  /** All of standard input; undefined where a person would have to type it. */
  readonly input?: () => Promise<string>
}

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow'

/** SGR codes of ECMA-48. */
const codes: Record<Style, number> = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 }

export function paint(terminal: Pick<Terminal, 'colors'>, style: Style, text: string): string {
  return terminal.colors ? `\u001b[${codes[style]}m${text}\u001b[0m` : text
}

/** Columns as wide as their widest cell; the last is not padded. `right` names the columns set to the right. */
export function columns(rows: readonly (readonly string[])[], right: readonly number[] = []): string[] {
  const widths: number[] = []
  for (const row of rows) {
    row.forEach((cell, index) => {
      widths[index] = Math.max(widths[index] ?? 0, cell.length)
    })
  }
  return rows.map((row) =>
    row
      .map((cell, index) => {
        if (right.includes(index)) return cell.padStart(widths[index]!)
        return index === row.length - 1 ? cell : cell.padEnd(widths[index]!)
      })
      .join('  ')
      .trimEnd(),
  )
}

// The figures that are published, beside those of OpenStack Zed taken by the same kind of request on a machine like ours.

export type Figure = {
  name: string
  unit: 'ms' | 's' | 'MiB' | 'MiB/s' | 'per second' | 'percent' | 'agents' | 'servers'
  /** OpenStack Zed, Debian 12, two cores. */
  zed?: number
  /** What we promise. */
  goal?: number
  better: 'less' | 'more'
  ours: number
}

/** The upper of the two in the middle, where there are two. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
}

export function formatFigures(figures: readonly Figure[]): string[] {
  const rows = figures.map((figure) => [
    figure.name,
    show(figure.ours, figure.unit),
    figure.zed === undefined ? '-' : show(figure.zed, figure.unit),
    ratio(figure),
    figure.goal === undefined ? '-' : show(figure.goal, figure.unit),
  ])
  const head = ['figure', 'Nimbo', 'Zed', 'better by', 'goal']
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]!.length)),
  )
  return [head, ...rows].map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join('  '),
  )
}

function ratio({ ours, zed, better }: Figure): string {
  if (zed === undefined || ours === 0) return '-'
  return `${(better === 'less' ? zed / ours : ours / zed).toFixed(1)} x`
}

/** Units that are written otherwise than they are called. */
const signs: Partial<Record<Figure['unit'], string>> = { 'per second': '/s', percent: '%' }

function show(value: number, unit: Figure['unit']): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2
  return `${value.toFixed(digits)} ${signs[unit] ?? unit}`
}

// A line chart of the last minutes, drawn as SVG and redrawn in place.
import { h, setText, svg } from './dom.ts'
import { clock, short } from './format.ts'
import type { Rated } from './model.ts'

export type Point = readonly [time: number, value: number]
export type Line = { name: string; points: readonly Point[] }

const width = 560
const height = 150
const left = 52
const bottom = 20
const top = 8
/** Less than that would stretch two points over the whole width. */
const leastMs = 60_000

export function chart(
  title: string,
  show: (value: number) => string,
): { element: HTMLElement; update(lines: readonly Line[]): void } {
  const drawing = svg('svg', {
    viewBox: `0 0 ${width} ${height}`,
    class: 'chart',
    role: 'img',
    'aria-label': title,
  })
  const legend = h('ul', { class: 'legend' })
  const element = h('figure', {}, h('figcaption', {}, title), drawing, legend)
  return {
    element,
    update(lines) {
      const points = lines.flatMap((line) => line.points)
      const times = points.map(([time]) => time)
      const to = Math.max(...times)
      const from = Math.min(...times, to - leastMs)
      const most = ceiling(Math.max(1, ...points.map(([, value]) => value)))
      const x = (time: number) => left + ((time - from) / Math.max(1, to - from)) * (width - left - 8)
      const y = (value: number) => height - bottom - (value / most) * (height - bottom - top)
      drawing.replaceChildren(
        ...[0, most / 2, most].flatMap((value) => [
          svg('line', { class: 'grid', x1: left, x2: width - 8, y1: y(value), y2: y(value) }),
          svg('text', { x: left - 6, y: y(value) + 4, 'text-anchor': 'end' }, short(value)),
        ]),
        ...(points.length > 0
          ? [
              svg('text', { x: left, y: height - 4 }, clock(from)),
              svg('text', { x: width - 8, y: height - 4, 'text-anchor': 'end' }, clock(to)),
            ]
          : []),
        // A line of one point is none: a dot marks where each is now.
        ...lines.flatMap((line, index) => {
          const [time, value] = line.points.at(-1) ?? [to, 0]
          return svg('circle', { class: `dot dot-${index}`, cx: x(time), cy: y(value), r: 2.4 })
        }),
        ...lines.map((line, index) =>
          svg('polyline', {
            class: `line line-${index}`,
            points: line.points
              .map(([time, value]) => `${x(time).toFixed(1)},${y(value).toFixed(1)}`)
              .join(' '),
          }),
        ),
      )
      if (legend.children.length !== lines.length)
        legend.replaceChildren(
          ...lines.map((line, index) =>
            h('li', {}, h('i', { class: `swatch swatch-${index}` }), h('span', {}, line.name), ' ', h('b')),
          ),
        )
      lines.forEach((line, index) => {
        setText(legend.children[index]!.querySelector('b')!, show(line.points.at(-1)?.[1] ?? 0))
      })
    },
  }
}

/** The next of 1, 2, 5 times a power of ten. */
function ceiling(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value))
  const digit = [1, 2, 5, 10].find((each) => each * power >= value) ?? 10
  return digit * power
}

const keepMs = 5 * 60_000

/**
 * What was seen over the last minutes. The broker's own samples, where it sends some, are there from the start;
 * afterwards each look adds a point.
 */
export class History {
  readonly #points = new Map<string, Point[]>()

  add(name: string, value: number, now: number, sampled: Point[] = []): Line {
    const known = this.#points.get(name) ?? sampled.filter(([time]) => time < now)
    const points = [...known, [now, value] as const].filter(([time]) => time > now - keepMs)
    this.#points.set(name, points)
    return { name, points }
  }
}

/** Samples are counts so far, newest first; what is drawn is how fast they grew. */
export function rateSamples(details: Rated | undefined): Point[] {
  const samples = [...(details?.samples ?? [])].sort((a, b) => a.timestamp - b.timestamp)
  return samples.slice(1).map((each, index) => {
    const before = samples[index]!
    const seconds = Math.max(1, each.timestamp - before.timestamp) / 1000
    return [each.timestamp, Math.max(0, (each.sample - before.sample) / seconds)] as const
  })
}

export function levelSamples(details: Rated | undefined): Point[] {
  return [...(details?.samples ?? [])]
    .sort((a, b) => a.timestamp - b.timestamp)
    .map((each) => [each.timestamp, each.sample] as const)
}

// Tables that are updated in place: a row keeps its element while its key stays, a cell while its text does.
import { type Child, h, replace } from './dom.ts'
import { t } from './text.ts'

export type Cell = string | { key: string; show: () => Child }

export type Column<R> = {
  title: string
  /** Text, or something to show with a key that changes when it has to be built anew. */
  cell(row: R): Cell
  /** What the column is sorted by; a text is the API's own name, for lists that the broker sorts. */
  sort?: string | ((row: R) => string | number)
  numeric?: boolean
  /** Holds a button, which stands at the end of the row. */
  action?: boolean
}

export type Sort = { column: number; down: boolean }

export type TableOptions<R> = {
  caption: string
  columns: readonly Column<R>[]
  key(row: R): string
  empty: string
  sort?: Sort
  /** The broker sorts: told when a header is pressed. */
  sorted?: (sort: Sort) => void
}

export type Table<R> = { element: HTMLElement; update(rows: readonly R[]): void }

export function table<R>(options: TableOptions<R>): Table<R> {
  const { columns } = options
  let sort = options.sort
  let latest: readonly R[] = []
  const drawn = new Map<string, { row: HTMLTableRowElement; keys: string[] }>()
  const body = h('tbody')
  const empty = h('p', { class: 'empty' }, options.empty)
  const headers = columns.map((column, index) => {
    const heading = h(column.action ? 'td' : 'th', {
      scope: column.action ? undefined : 'col',
      class: kindOf(column),
    })
    if (column.sort === undefined) heading.append(column.title)
    else
      heading.append(h('button', { type: 'button', class: 'sort', click: () => press(index) }, column.title))
    return heading
  })
  const grid = h(
    'table',
    {},
    h('caption', { class: 'unseen' }, options.caption),
    h('thead', {}, h('tr', {}, ...headers)),
    body,
  )
  const element = h(
    'div',
    { class: 'table', tabindex: '0', role: 'region', 'aria-label': options.caption },
    grid,
    empty,
  )

  function press(column: number): void {
    sort = { column, down: sort?.column === column ? !sort.down : columns[column]!.numeric === true }
    options.sorted?.(sort)
    draw()
  }

  function draw(): void {
    headers.forEach((heading, index) => {
      const state = sort?.column === index ? (sort.down ? 'descending' : 'ascending') : 'none'
      if (columns[index]!.sort !== undefined) heading.setAttribute('aria-sort', state)
    })
    const rows = sort && !options.sorted ? ordered(latest, columns[sort.column]!, sort.down) : latest
    const seen = new Set<string>()
    let before: HTMLTableRowElement | null = null
    for (const row of rows) {
      const key = options.key(row)
      if (seen.has(key)) continue
      seen.add(key)
      const line = lineOf(key)
      for (const [index, column] of columns.entries()) fill(line, index, column.cell(row))
      const place: ChildNode | null = before ? before.nextSibling : body.firstChild
      if (line.row !== place) body.insertBefore(line.row, place)
      before = line.row
    }
    for (const [key, { row }] of drawn) {
      if (seen.has(key)) continue
      row.remove()
      drawn.delete(key)
    }
    grid.hidden = rows.length === 0
    empty.hidden = rows.length > 0
  }

  function lineOf(key: string): { row: HTMLTableRowElement; keys: string[] } {
    const known = drawn.get(key)
    if (known) return known
    const cells = columns.map((column) => h('td', { class: kindOf(column) }))
    const made = { row: h('tr', {}, ...cells), keys: [] }
    drawn.set(key, made)
    return made
  }

  return {
    element,
    update(rows) {
      latest = rows
      draw()
    },
  }
}

function kindOf({ numeric, action }: { numeric?: boolean; action?: boolean }): string | undefined {
  return numeric ? 'number' : action ? 'action' : undefined
}

function fill(line: { row: HTMLTableRowElement; keys: string[] }, index: number, cell: Cell): void {
  const key = typeof cell === 'string' ? cell : cell.key
  if (line.keys[index] === key) return
  line.keys[index] = key
  replace(line.row.cells[index]!, typeof cell === 'string' ? cell : cell.show())
}

function ordered<R>(rows: readonly R[], column: Column<R>, down: boolean): R[] {
  const by = column.sort
  if (typeof by !== 'function') return [...rows]
  const sign = down ? -1 : 1
  return [...rows].sort((a, b) => {
    const [x, y] = [by(a), by(b)]
    if (typeof x === 'number' && typeof y === 'number') return sign * (x - y)
    return sign * String(x).localeCompare(String(y))
  })
}

/** A cell that leads somewhere. Names may be empty: the default exchange has a name of its own to show. */
export function linkCell(text: string, href: string): Cell {
  return { key: `${href} ${text}`, show: () => h('a', { href }, text) }
}

/** Small marks with their meaning as a tooltip. */
export function marksCell(marks: readonly (readonly [mark: string, meaning: string])[]): Cell {
  return {
    key: JSON.stringify(marks),
    show: () =>
      h('span', {}, ...marks.map(([mark, meaning]) => h('abbr', { class: 'mark', title: meaning }, mark))),
  }
}

export function buttonCell(label: string, about: string, press: () => void): Cell {
  return {
    key: label,
    show: () =>
      h(
        'button',
        { type: 'button', class: 'small', 'aria-label': `${label}: ${about}`, click: press },
        label,
      ),
  }
}

export const yesNo = (value: boolean | undefined) => (value ? t('yes') : t('no'))

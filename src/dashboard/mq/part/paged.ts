// A list that may be thousands long: the broker filters, sorts and cuts it into pages.
import { h, setText } from './dom.ts'
import type { Paged } from './model.ts'
import type { Api, ApiError } from './session.ts'
import { type Column, type Sort, table } from './table.ts'
import { t } from './text.ts'

export type PagedOptions<R> = {
  /** 'queues', or 'queues/%2F' within a virtual host. */
  path: () => string
  caption: string
  columns: readonly Column<R>[]
  key(row: R): string
  empty: string
  sort?: Sort
  /** Called after a change that the person made, to load at once. */
  changed: () => void
}

const pageSizes = [100, 500]

export function pagedList<R>(options: PagedOptions<R>): {
  element: HTMLElement
  refresh(api: Api): Promise<void>
} {
  let page = 1
  let size = pageSizes[0]!
  let sort = options.sort
  const filter = h('input', {
    type: 'search',
    id: 'filter',
    placeholder: t('filterHint'),
    autocomplete: 'off',
    input: () => start(),
  })
  const pattern = h('input', { type: 'checkbox', id: 'filter-pattern', change: () => start() })
  const sizes = h(
    'select',
    {
      id: 'page-size',
      change: () => {
        size = Number(sizes.value)
        start()
      },
    },
    ...pageSizes.map((each) => h('option', { value: String(each) }, String(each))),
  )
  const where = h('span', { class: 'where', role: 'status' })
  const back = h('button', { type: 'button', click: () => turn(-1) }, t('pageBack'))
  const on = h('button', { type: 'button', click: () => turn(1) }, t('pageOn'))
  const rows = table<R>({
    ...options,
    sorted: (chosen) => {
      sort = chosen
      start()
    },
  })

  function start(): void {
    page = 1
    options.changed()
  }
  function turn(by: number): void {
    page += by
    options.changed()
  }
  const typed = () => `${filter.value} ${pattern.checked} ${size} ${JSON.stringify(sort)}`
  const load = (api: Api) => api.get<Paged<R>>(`${options.path()}?${query()}`)
  function query(): string {
    const by = sort && options.columns[sort.column]!.sort
    const params = new URLSearchParams({ pagination: 'true', page: String(page), page_size: String(size) })
    params.set('name', filter.value)
    params.set('use_regex', String(pattern.checked))
    if (sort && typeof by === 'string') {
      params.set('sort', by)
      params.set('sort_reverse', String(sort.down))
    }
    return params.toString()
  }

  const element = h(
    'div',
    {},
    h(
      'div',
      { class: 'tools' },
      h('label', { for: 'filter' }, t('filter')),
      filter,
      h('label', { class: 'check' }, pattern, t('filterPattern')),
      h('span', { class: 'space' }),
      where,
      h('label', { for: 'page-size' }, t('pageSize')),
      sizes,
      back,
      on,
    ),
    rows.element,
  )
  return {
    element,
    async refresh(api) {
      const asked = typed()
      const found = await load(api).catch((error: ApiError) => {
        // The list has become shorter, and the page that was shown is gone.
        if (error.status !== 400 || page === 1) throw error
        page = 1
        return load(api)
      })
      // The person has typed on meanwhile: the next answer counts.
      if (asked !== typed()) return
      rows.update(found.items)
      page = Math.max(1, Math.min(page, found.page_count || 1))
      setText(where, t('pageWhere', { page, pages: Math.max(1, found.page_count), n: found.filtered_count }))
      back.disabled = page <= 1
      on.disabled = page >= found.page_count
    },
  }
}

// What several pages show in the same way: facts, features, bindings, publishing.
import { type Child, h, replace } from '../part/dom.ts'
import { areaField, choiceField, confirmAction, form, objectIn, tell, textField } from '../part/form.ts'
import type { Arguments, Binding } from '../part/model.ts'
import { at } from '../part/session.ts'
import { buttonCell, type Cell, linkCell, marksCell, type Table, table } from '../part/table.ts'
import { t, type Word } from '../part/text.ts'
import { type Context, href } from '../part/view.ts'

export type Fact = readonly [name: string, value: Child]

/** Names with values; built anew only where one has changed. */
export function details(): { element: HTMLElement; update(facts: readonly Fact[]): void } {
  const element = h('dl', { class: 'facts' })
  let before = ''
  return {
    element,
    update(facts) {
      const now = JSON.stringify(
        facts.map(([name, value]) => [name, value instanceof Element ? value.outerHTML : value]),
      )
      if (now === before) return
      before = now
      replace(
        element,
        ...facts.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value || '–'))),
      )
    },
  }
}

const states: Record<string, Word> = {
  running: 'running',
  idle: 'idle',
  blocked: 'blocked',
  flow: 'inFlow',
  down: 'down',
}

/** Of a queue, a connection or a channel; what has no word here stands as the broker says it. */
export function stateText(state: string | undefined): string {
  const word = states[state ?? '']
  return word ? t(word) : (state ?? '')
}

export function argumentText(given: Arguments | undefined): string {
  return Object.entries(given ?? {})
    .map(([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(', ')
}

type Featured = {
  durable: boolean
  auto_delete: boolean
  internal?: boolean
  exclusive?: boolean
  arguments: Arguments
  policy?: string | null
}

/** Durable, auto-delete and so on in a letter each, with words as a tooltip. */
export function features(each: Featured): Cell {
  const marks: [string, string][] = []
  if (each.durable) marks.push(['D', t('durable')])
  if (each.auto_delete) marks.push(['AD', t('autoDelete')])
  if (each.internal) marks.push(['I', t('internal')])
  if (each.exclusive) marks.push(['E', t('exclusive')])
  const given = Object.fromEntries(
    Object.entries(each.arguments ?? {}).filter(([name]) => name !== 'x-queue-type'),
  )
  if (Object.keys(given).length > 0) marks.push(['Args', argumentText(given)])
  return marksCell(marks)
}

export const exchangeName = (name: string) => (name === '' ? t('defaultExchange') : name)

/** An address has no empty segment: the default exchange goes by another name there. */
export const exchangeHref = (vhost: string, name: string) =>
  href('exchanges', vhost, name === '' ? 'amq.default' : name)

/** From where messages come to a queue or an exchange, or where they go to, with a button that takes a binding away. */
export function bindingTable(
  context: Context,
  side: 'source' | 'destination',
  caption: string,
): Table<Binding> {
  const end = (each: Binding): Cell =>
    side === 'source'
      ? linkCell(exchangeName(each.source), exchangeHref(each.vhost, each.source))
      : each.destination_type === 'queue'
        ? linkCell(each.destination, href('queues', each.vhost, each.destination))
        : linkCell(each.destination, exchangeHref(each.vhost, each.destination))
  return table<Binding>({
    caption,
    key: (each) =>
      JSON.stringify([each.source, each.destination_type, each.destination, each.properties_key]),
    empty: t('noBindings'),
    sort: { column: 0, down: false },
    columns: [
      {
        title: side === 'source' ? t('from') : t('to'),
        cell: end,
        sort: (each) => (side === 'source' ? each.source : each.destination),
      },
      { title: t('kind'), cell: (each) => (side === 'source' ? t('exchange') : t(each.destination_type)) },
      { title: t('routingKey'), cell: (each) => each.routing_key, sort: (each) => each.routing_key },
      { title: t('arguments'), cell: (each) => argumentText(each.arguments) },
      {
        title: '',
        action: true,
        cell: (each) =>
          each.source === ''
            ? ''
            : buttonCell(t('unbind'), each.routing_key, () => void unbind(context, each)),
      },
    ],
  })
}

async function unbind({ api, reload }: Context, each: Binding): Promise<void> {
  const what = `${exchangeName(each.source)} → ${each.destination} (${each.routing_key})`
  if (!(await confirmAction(t('unbindAsk', { what }), t('unbind')))) return
  const kind = each.destination_type === 'queue' ? 'q' : 'e'
  const path = at`bindings/${each.vhost}/e/${each.source}/${kind}/${each.destination}/${each.properties_key}`
  await api.remove(path).catch((error: Error) => tell(error.message))
  reload()
}

/** To an exchange, or to a queue by the default exchange. */
export function publishForm(
  { api, reload }: Context,
  vhost: string,
  exchange: string,
  key?: string,
): HTMLFormElement {
  const routingKey = textField(t('routingKey'), { value: key ?? '' })
  const persistent = choiceField(t('deliveryMode'), [
    ['1', t('transient')],
    ['2', t('persistent')],
  ])
  const headers = areaField(t('headers'), { rows: 2, hint: t('headersHint') })
  const properties = areaField(t('properties'), { rows: 2, hint: t('propertiesHint') })
  const payload = areaField(t('payload'), { rows: 5 })
  return form({
    title: t('publishMessage'),
    fields: [...(key === undefined ? [routingKey] : []), persistent, headers, properties, payload],
    submit: t('publishMessage'),
    async send() {
      const given = objectIn(headers.control.value)
      const { routed } = await api.post<{ routed: boolean }>(at`exchanges/${vhost}/${exchange}/publish`, {
        routing_key: routingKey.control.value,
        payload: payload.control.value,
        payload_encoding: 'string',
        properties: {
          ...objectIn(properties.control.value),
          delivery_mode: Number(persistent.control.value),
          ...(Object.keys(given).length > 0 && { headers: given }),
        },
      })
      if (!routed) throw new Error(t('notRouted'))
      tell(t('published'))
      reload()
    },
  })
}

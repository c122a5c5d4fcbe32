// Exchanges, and a form that adds one.
import { argumentField } from '../part/arguments.ts'
import { h } from '../part/dom.ts'
import { choiceField, fold, form, tell, textField } from '../part/form.ts'
import { rate } from '../part/format.ts'
import type { Exchange } from '../part/model.ts'
import { pagedList } from '../part/paged.ts'
import { at } from '../part/session.ts'
import { linkCell } from '../part/table.ts'
import { t } from '../part/text.ts'
import { type Context, listPath, type View } from '../part/view.ts'
import { vhostChoice, yesNoChoice } from './choice.ts'
import { exchangeHref, exchangeName, features } from './parts.ts'

export function exchangesPage(context: Context): View {
  const list = pagedList<Exchange>({
    path: () => listPath('exchanges', context),
    caption: t('exchanges'),
    key: (each) => JSON.stringify([each.vhost, each.name]),
    empty: t('noExchanges'),
    changed: context.reload,
    sort: { column: 0, down: false },
    columns: [
      {
        title: t('name'),
        cell: (each) => linkCell(exchangeName(each.name), exchangeHref(each.vhost, each.name)),
        sort: 'name',
      },
      { title: t('vhost'), cell: (each) => each.vhost, sort: 'vhost' },
      { title: t('type'), cell: (each) => each.type, sort: 'type' },
      { title: t('features'), cell: features },
      { title: t('policy'), cell: (each) => each.policy ?? '', sort: 'policy' },
      {
        title: t('incoming'),
        cell: (each) => rate(each.message_stats?.publish_in_details?.rate),
        sort: 'message_stats.publish_in_details.rate',
        numeric: true,
      },
      {
        title: t('outgoing'),
        cell: (each) => rate(each.message_stats?.publish_out_details?.rate),
        sort: 'message_stats.publish_out_details.rate',
        numeric: true,
      },
    ],
  })
  return {
    element: h(
      'div',
      {},
      h('h1', {}, t('exchanges')),
      list.element,
      fold(t('addExchange'), addExchange(context)),
    ),
    refresh: () => list.refresh(context.api),
  }
}

function addExchange(context: Context): HTMLFormElement {
  const vhost = vhostChoice(context)
  const name = textField(t('name'), { required: true })
  const type = choiceField(
    t('type'),
    ['direct', 'topic', 'fanout', 'headers'].map((each) => [each, each] as const),
  )
  const durable = yesNoChoice(t('durability'), t('durable'), t('transient'))
  const autoDelete = yesNoChoice(t('autoDelete'), t('yes'), t('no'), false, t('autoDeleteExchangeHint'))
  const internal = yesNoChoice(t('internal'), t('yes'), t('no'), false, t('internalHint'))
  const given = argumentField(t('arguments'), ['alternate-exchange'])
  return form({
    title: t('addExchange'),
    fields: [vhost, name, type, durable, autoDelete, internal, given],
    submit: t('addExchange'),
    async send() {
      await context.api.put(at`exchanges/${vhost.control.value}/${name.control.value}`, {
        type: type.control.value,
        durable: durable.read(),
        auto_delete: autoDelete.read(),
        internal: internal.read(),
        arguments: given.read(),
      })
      tell(t('added', { name: name.control.value }))
      name.control.value = ''
      context.reload()
    },
  })
}

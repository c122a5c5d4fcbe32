// One exchange: what it is, what is bound to it, publishing.
import { argumentField } from '../part/arguments.ts'
import { h } from '../part/dom.ts'
import { choiceField, confirmAction, fold, form, tell, textField } from '../part/form.ts'
import { rate } from '../part/format.ts'
import type { Binding, Exchange } from '../part/model.ts'
import { at } from '../part/session.ts'
import { t } from '../part/text.ts'
import type { Context, View } from '../part/view.ts'
import { argumentText, bindingTable, details, exchangeName, publishForm } from './parts.ts'

/** The default exchange stands in addresses as amq.default, as it does in the API. */
export function exchangePage(context: Context, vhost: string, name: string): View {
  const { api } = context
  const byDefault = name === 'amq.default'
  const facts = details()
  const outgoing = bindingTable(context, 'destination', t('bindingsFrom'))
  const incoming = bindingTable(context, 'source', t('bindingsTo'))
  return {
    element: h(
      'div',
      {},
      h('h1', {}, t('exchange'), ' ', h('span', { class: 'of' }, exchangeName(byDefault ? '' : name))),
      facts.element,
      h('h2', {}, t('bindingsFrom')),
      byDefault ? h('p', { class: 'hint' }, t('defaultExchangeHint')) : outgoing.element,
      byDefault ? undefined : fold(t('addBinding'), addBinding(context, vhost, name)),
      byDefault ? undefined : h('h2', {}, t('bindingsTo')),
      byDefault ? undefined : incoming.element,
      fold(t('publishMessage'), publishForm(context, vhost, name)),
      byDefault || name.startsWith('amq.')
        ? undefined
        : fold(t('deleteExchange'), deleteExchange(context, vhost, name)),
    ),
    async refresh() {
      const found = await api.get<Exchange>(at`exchanges/${vhost}/${name}`)
      facts.update([
        [t('vhost'), found.vhost],
        [t('type'), found.type],
        [t('durability'), found.durable ? t('durable') : t('transient')],
        [t('autoDelete'), found.auto_delete ? t('yes') : t('no')],
        [t('internal'), found.internal ? t('yes') : t('no')],
        [t('arguments'), argumentText(found.arguments)],
        [t('policy'), found.policy ?? t('none')],
        [t('incoming'), rate(found.message_stats?.publish_in_details?.rate ?? 0)],
        [t('outgoing'), rate(found.message_stats?.publish_out_details?.rate ?? 0)],
      ])
      if (byDefault) return
      outgoing.update(await api.get<Binding[]>(at`exchanges/${vhost}/${name}/bindings/source`))
      incoming.update(await api.get<Binding[]>(at`exchanges/${vhost}/${name}/bindings/destination`))
    },
  }
}

function addBinding(context: Context, vhost: string, exchange: string): HTMLFormElement {
  const kind = choiceField(t('toKind'), [
    ['q', t('queue')],
    ['e', t('exchange')],
  ])
  const to = textField(t('to'), { required: true })
  const key = textField(t('routingKey'))
  const given = argumentField(t('arguments'), ['x-match'])
  return form({
    title: t('addBinding'),
    fields: [kind, to, key, given],
    submit: t('bind'),
    async send() {
      const path = at`bindings/${vhost}/e/${exchange}/${kind.control.value}/${to.control.value}`
      await context.api.post(path, { routing_key: key.control.value, arguments: given.read() })
      tell(t('bound'))
      context.reload()
    },
  })
}

function deleteExchange(context: Context, vhost: string, name: string): HTMLFormElement {
  return form({
    title: t('deleteExchange'),
    fields: [],
    submit: t('deleteExchange'),
    danger: true,
    async send() {
      if (!(await confirmAction(t('deleteExchangeAsk', { name }), t('delete')))) return
      await context.api.remove(at`exchanges/${vhost}/${name}`)
      tell(t('deleted', { name }))
      context.go('#/exchanges')
    },
  })
}

// One queue: its numbers, who reads it, what is bound to it, and what can be done with its messages.
import { argumentField } from '../part/arguments.ts'
import { chart, History, levelSamples, rateSamples } from '../part/chart.ts'
import { h } from '../part/dom.ts'
import { confirmAction, fold, form, tell, textField } from '../part/form.ts'
import { bytes, count, rate } from '../part/format.ts'
import type { Binding, Consumer, Queue } from '../part/model.ts'
import { at } from '../part/session.ts'
import { linkCell, table, yesNo } from '../part/table.ts'
import { t } from '../part/text.ts'
import { type Context, href, type View } from '../part/view.ts'
import { getForm } from './got.ts'
import { argumentText, bindingTable, details, publishForm, stateText } from './parts.ts'

const samples = 'lengths_age=300&lengths_incr=5&msg_rates_age=300&msg_rates_incr=5'

export function queuePage(context: Context, vhost: string, name: string): View {
  const { api } = context
  const levels = new History()
  const rates = new History()
  const queued = chart(t('queuedMessages'), (value) => count(Math.round(value)))
  const speed = chart(t('messageRates'), rate)
  const facts = details()
  const consumers = table<Consumer>({
    caption: t('consumers'),
    key: (each) => `${each.channel_details?.name} ${each.consumer_tag}`,
    empty: t('noConsumers'),
    columns: [
      { title: t('consumerTag'), cell: (each) => each.consumer_tag, sort: (each) => each.consumer_tag },
      {
        title: t('channel'),
        cell: ({ channel_details: channel }) =>
          channel?.name
            ? linkCell(channel.name, href('connections', channel.name.replace(/ \(\d+\)$/, '')))
            : '',
      },
      { title: t('ackRequired'), cell: (each) => yesNo(each.ack_required) },
      { title: t('exclusive'), cell: (each) => yesNo(each.exclusive) },
      { title: t('active'), cell: (each) => yesNo(each.active !== false) },
      { title: t('prefetch'), cell: (each) => count(each.prefetch_count), numeric: true },
    ],
  })
  const bindings = bindingTable(context, 'source', t('bindingsTo'))
  return {
    element: h(
      'div',
      {},
      h('h1', {}, t('queue'), ' ', h('span', { class: 'of' }, name)),
      facts.element,
      h('div', { class: 'charts' }, queued.element, speed.element),
      h('h2', {}, t('consumers')),
      consumers.element,
      h('h2', {}, t('bindingsTo')),
      bindings.element,
      fold(t('addBinding'), addBinding(context, vhost, name)),
      fold(t('publishMessage'), publishForm(context, vhost, 'amq.default', name)),
      fold(t('getMessages'), getForm(context, vhost, name)),
      fold(t('purge'), purge(context, vhost, name)),
      fold(t('deleteQueue'), deleteQueue(context, vhost, name)),
    ),
    async refresh() {
      const found = await api.get<Queue>(`${at`queues/${vhost}/${name}`}?${samples}`)
      const now = Date.now()
      const { message_stats: stats = {} } = found
      facts.update(factsOf(found))
      queued.update([
        levels.add(t('total'), found.messages ?? 0, now, levelSamples(found.messages_details)),
        levels.add(t('ready'), found.messages_ready ?? 0, now, levelSamples(found.messages_ready_details)),
        levels.add(
          t('unacked'),
          found.messages_unacknowledged ?? 0,
          now,
          levelSamples(found.messages_unacknowledged_details),
        ),
      ])
      speed.update([
        rates.add(t('publish'), stats.publish_details?.rate ?? 0, now, rateSamples(stats.publish_details)),
        rates.add(
          t('redelivered'),
          stats.redeliver_details?.rate ?? 0,
          now,
          rateSamples(stats.redeliver_details),
        ),
        rates.add(
          t('deliver'),
          stats.deliver_get_details?.rate ?? 0,
          now,
          rateSamples(stats.deliver_get_details),
        ),
        rates.add(t('ack'), stats.ack_details?.rate ?? 0, now, rateSamples(stats.ack_details)),
      ])
      consumers.update(found.consumer_details ?? [])
      bindings.update(await api.get<Binding[]>(at`queues/${vhost}/${name}/bindings`))
    },
  }
}

function factsOf(found: Queue) {
  return [
    [t('vhost'), found.vhost],
    [t('type'), found.type ?? 'classic'],
    [t('state'), stateText(found.state)],
    [t('durability'), found.durable ? t('durable') : t('transient')],
    [t('autoDelete'), found.auto_delete ? t('yes') : t('no')],
    [t('exclusive'), yesNo(found.exclusive)],
    [t('arguments'), argumentText(found.arguments)],
    [t('policy'), found.policy ?? t('none')],
    [t('operatorPolicy'), found.operator_policy ?? t('none')],
    [t('inForce'), argumentText(found.effective_policy_definition)],
    [
      t('messages'),
      t('readyAndUnacked', {
        ready: count(found.messages_ready ?? 0),
        unacked: count(found.messages_unacknowledged ?? 0),
      }),
    ],
    [t('size'), bytes(found.message_bytes)],
    [t('memory'), bytes(found.memory)],
  ] as const
}

function addBinding(context: Context, vhost: string, queue: string): HTMLFormElement {
  const from = textField(t('fromExchange'), { required: true })
  const key = textField(t('routingKey'))
  const given = argumentField(t('arguments'), ['x-match'])
  return form({
    title: t('addBinding'),
    fields: [from, key, given],
    submit: t('bind'),
    async send() {
      await context.api.post(at`bindings/${vhost}/e/${from.control.value}/q/${queue}`, {
        routing_key: key.control.value,
        arguments: given.read(),
      })
      tell(t('bound'))
      context.reload()
    },
  })
}

function purge(context: Context, vhost: string, name: string): HTMLFormElement {
  return form({
    title: t('purge'),
    fields: [],
    submit: t('purge'),
    danger: true,
    async send() {
      if (!(await confirmAction(t('purgeAsk', { name }), t('purge')))) return
      await context.api.remove(at`queues/${vhost}/${name}/contents`)
      tell(t('purged', { name }))
      context.reload()
    },
  })
}

function deleteQueue(context: Context, vhost: string, name: string): HTMLFormElement {
  return form({
    title: t('deleteQueue'),
    fields: [],
    submit: t('deleteQueue'),
    danger: true,
    async send() {
      if (!(await confirmAction(t('deleteQueueAsk', { name }), t('delete')))) return
      await context.api.remove(at`queues/${vhost}/${name}`)
      tell(t('deleted', { name }))
      context.go('#/queues')
    },
  })
}

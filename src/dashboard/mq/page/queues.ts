// Queues with their state and rates, and a form that adds one.
import { argumentField, queueArguments } from '../part/arguments.ts'
import { h } from '../part/dom.ts'
import { choiceField, fold, form, tell, textField } from '../part/form.ts'
import { count, rate } from '../part/format.ts'
import type { Queue } from '../part/model.ts'
import { pagedList } from '../part/paged.ts'
import { at } from '../part/session.ts'
import { type Column, linkCell } from '../part/table.ts'
import { t } from '../part/text.ts'
import { type Context, href, listPath, type View } from '../part/view.ts'
import { vhostChoice, yesNoChoice } from './choice.ts'
import { features, stateText } from './parts.ts'

const number = (title: string, sort: string, cell: (each: Queue) => string): Column<Queue> => ({
  title,
  cell,
  sort,
  numeric: true,
})

export function queuesPage(context: Context): View {
  const list = pagedList<Queue>({
    path: () => listPath('queues', context),
    caption: t('queues'),
    key: (each) => JSON.stringify([each.vhost, each.name]),
    empty: t('noQueues'),
    changed: context.reload,
    sort: { column: 0, down: false },
    columns: [
      {
        title: t('name'),
        cell: (each) => linkCell(each.name, href('queues', each.vhost, each.name)),
        sort: 'name',
      },
      { title: t('vhost'), cell: (each) => each.vhost, sort: 'vhost' },
      { title: t('type'), cell: (each) => each.type ?? 'classic', sort: 'type' },
      { title: t('features'), cell: features },
      { title: t('policy'), cell: (each) => each.policy ?? '', sort: 'policy' },
      { title: t('state'), cell: (each) => stateText(each.state), sort: 'state' },
      number(t('consumers'), 'consumers', (each) => count(each.consumers)),
      number(t('ready'), 'messages_ready', (each) => count(each.messages_ready)),
      number(t('unacked'), 'messages_unacknowledged', (each) => count(each.messages_unacknowledged)),
      number(t('total'), 'messages', (each) => count(each.messages)),
      number(t('incoming'), 'message_stats.publish_details.rate', (each) =>
        rate(each.message_stats?.publish_details?.rate),
      ),
      number(t('deliver'), 'message_stats.deliver_get_details.rate', (each) =>
        rate(each.message_stats?.deliver_get_details?.rate),
      ),
      number(t('ack'), 'message_stats.ack_details.rate', (each) =>
        rate(each.message_stats?.ack_details?.rate),
      ),
    ],
  })
  return {
    element: h('div', {}, h('h1', {}, t('queues')), list.element, fold(t('addQueue'), addQueue(context))),
    refresh: () => list.refresh(context.api),
  }
}

function addQueue(context: Context): HTMLFormElement {
  const vhost = vhostChoice(context)
  const name = textField(t('name'), { required: true })
  const type = choiceField(
    t('type'),
    [
      ['classic', t('classic')],
      ['quorum', t('quorum')],
    ],
    { hint: t('queueTypeHint') },
  )
  const durable = yesNoChoice(t('durability'), t('durable'), t('transient'))
  const autoDelete = yesNoChoice(t('autoDelete'), t('yes'), t('no'), false, t('autoDeleteQueueHint'))
  const given = argumentField(t('arguments'), queueArguments)
  return form({
    title: t('addQueue'),
    fields: [vhost, name, type, durable, autoDelete, given],
    submit: t('addQueue'),
    async send() {
      await context.api.put(at`queues/${vhost.control.value}/${name.control.value}`, {
        durable: durable.read(),
        auto_delete: autoDelete.read(),
        arguments: { ...given.read(), ...(type.control.value === 'quorum' && { 'x-queue-type': 'quorum' }) },
      })
      tell(t('added', { name: name.control.value }))
      name.control.value = ''
      context.reload()
    },
  })
}

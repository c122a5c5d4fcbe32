// Looks into a queue: takes messages, and puts them back unless told otherwise.
import { h, replace } from '../part/dom.ts'
import { choiceField, form, textField } from '../part/form.ts'
import { bytes, count } from '../part/format.ts'
import type { Got } from '../part/model.ts'
import { at } from '../part/session.ts'
import { t } from '../part/text.ts'
import type { Context } from '../part/view.ts'
import { details, exchangeName } from './parts.ts'

export function getForm(context: Context, vhost: string, queue: string): HTMLElement {
  const mode = choiceField(
    t('afterwards'),
    [
      ['ack_requeue_true', t('putBack')],
      ['ack_requeue_false', t('takeOut')],
      ['reject_requeue_false', t('reject')],
    ],
    { hint: t('getHint') },
  )
  const encoding = choiceField(t('encoding'), [
    ['auto', t('encodingAuto')],
    ['base64', 'base64'],
  ])
  const many = textField(t('howMany'), { value: '1', type: 'number', required: true })
  const messages = h('div', { 'aria-live': 'polite' })
  return h(
    'div',
    {},
    form({
      title: t('getMessages'),
      fields: [mode, encoding, many],
      submit: t('getMessages'),
      async send() {
        const found = await context.api.post<Got[]>(at`queues/${vhost}/${queue}/get`, {
          count: Number(many.control.value),
          ackmode: mode.control.value,
          encoding: encoding.control.value,
          truncate: 50_000,
        })
        if (found.length === 0) replace(messages, h('p', { class: 'empty' }, t('queueEmpty')))
        else replace(messages, ...found.map(shown))
        context.reload()
      },
    }),
    messages,
  )
}

function shown(message: Got, index: number): HTMLElement {
  const facts = details()
  facts.update([
    [t('exchange'), exchangeName(message.exchange)],
    [t('routingKey'), message.routing_key],
    [t('redelivered'), message.redelivered ? t('yes') : t('no')],
    [t('properties'), h('code', {}, JSON.stringify(message.properties))],
    [t('size'), `${bytes(message.payload_bytes)}${message.payload_encoding === 'base64' ? ' (base64)' : ''}`],
  ])
  return h(
    'article',
    { class: 'message' },
    h('h3', {}, t('messageNumber', { n: index + 1, left: count(message.message_count) })),
    facts.element,
    h('pre', { tabindex: '0' }, message.payload),
  )
}

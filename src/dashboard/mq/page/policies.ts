// Policies give settings to all queues and exchanges whose names match; operator policies bound them.
import { argumentField, policyKeys } from '../part/arguments.ts'
import { h } from '../part/dom.ts'
import { choiceField, confirmAction, fold, form, tell, textField } from '../part/form.ts'
import type { Policy } from '../part/model.ts'
import { at } from '../part/session.ts'
import { buttonCell, type Cell, type Table, table } from '../part/table.ts'
import { t } from '../part/text.ts'
import { type Context, listPath, type View } from '../part/view.ts'
import { vhostChoice } from './choice.ts'
import { argumentText } from './parts.ts'

type Kind = 'policies' | 'operator-policies'

export function policiesPart(context: Context): View {
  const { api } = context
  const own = policyTable(context, 'policies')
  const bounds = policyTable(context, 'operator-policies')
  return {
    element: h(
      'div',
      {},
      h('h1', {}, t('policies')),
      h('p', { class: 'hint' }, t('policiesHint')),
      own.element,
      fold(t('setPolicy'), setPolicy(context, 'policies')),
      h('h2', {}, t('operatorPolicies')),
      h('p', { class: 'hint' }, t('operatorPoliciesHint')),
      bounds.element,
      fold(t('setOperatorPolicy'), setPolicy(context, 'operator-policies')),
      h('h2', {}, t('haTitle')),
      h('p', { class: 'hint' }, t('haHint')),
    ),
    async refresh() {
      own.update(await api.get<Policy[]>(listPath('policies', context)))
      bounds.update(await api.get<Policy[]>(listPath('operator-policies', context)))
    },
  }
}

function policyTable(context: Context, kind: Kind): Table<Policy> {
  const remove = async ({ vhost, name }: Policy) => {
    if (!(await confirmAction(t('deletePolicyAsk', { name }), t('delete')))) return
    await context.api.remove(`${kind}/${at`${vhost}/${name}`}`).catch((error: Error) => tell(error.message))
    context.reload()
  }
  return table<Policy>({
    caption: kind === 'policies' ? t('policies') : t('operatorPolicies'),
    key: (each) => JSON.stringify([each.vhost, each.name]),
    empty: t('noPolicies'),
    sort: { column: 1, down: false },
    columns: [
      { title: t('vhost'), cell: (each) => each.vhost, sort: (each) => each.vhost },
      { title: t('name'), cell: (each) => each.name, sort: (each) => each.name },
      { title: t('pattern'), cell: (each) => code(each.pattern), sort: (each) => each.pattern },
      { title: t('applyTo'), cell: (each) => each['apply-to'], sort: (each) => each['apply-to'] },
      { title: t('definition'), cell: (each) => argumentText(each.definition) },
      {
        title: t('priority'),
        cell: (each) => String(each.priority),
        sort: (each) => each.priority,
        numeric: true,
      },
      {
        title: '',
        action: true,
        cell: (each) => buttonCell(t('delete'), each.name, () => void remove(each)),
      },
    ],
  })
}

function code(text: string): Cell {
  return { key: text, show: () => h('code', {}, text) }
}

function setPolicy(context: Context, kind: Kind): HTMLFormElement {
  const title = kind === 'policies' ? t('setPolicy') : t('setOperatorPolicy')
  const vhost = vhostChoice(context)
  const name = textField(t('name'), { required: true })
  const pattern = textField(t('pattern'), {
    required: true,
    hint: t('policyPatternHint'),
    placeholder: '^orders\\.',
  })
  const every = ['all', 'queues', 'exchanges', 'classic_queues', 'quorum_queues']
  const applyTo = choiceField(
    t('applyTo'),
    (kind === 'policies' ? every : ['queues']).map((each) => [each, each] as const),
  )
  const priority = textField(t('priority'), { value: '0', type: 'number' })
  const bounded = ['message-ttl', 'expires', 'max-length', 'max-length-bytes', 'delivery-limit']
  const definition = argumentField(
    t('definition'),
    kind === 'policies' ? policyKeys : bounded,
    kind === 'policies' ? t('definitionHint') : undefined,
  )
  return form({
    title,
    fields: [vhost, name, pattern, applyTo, priority, definition],
    submit: title,
    async send() {
      await context.api.put(`${kind}/${at`${vhost.control.value}/${name.control.value}`}`, {
        pattern: pattern.control.value,
        'apply-to': applyTo.control.value,
        priority: Number(priority.control.value),
        definition: definition.read(),
      })
      tell(t('saved'))
      context.reload()
    },
  })
}

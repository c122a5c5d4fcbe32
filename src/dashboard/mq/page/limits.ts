// How many connections, queues and channels a virtual host or a user may have.
import { h } from '../part/dom.ts'
import { choiceField, fold, form, tell, textField } from '../part/form.ts'
import type { Limits } from '../part/model.ts'
import { at } from '../part/session.ts'
import { buttonCell, type Table, table } from '../part/table.ts'
import { t } from '../part/text.ts'
import type { Context, View } from '../part/view.ts'
import { vhostChoice } from './choice.ts'

type Row = { of: string; limit: string; value: number }

const rowsOf = (found: readonly Limits[]): Row[] =>
  found.flatMap(({ vhost, user, value }) =>
    Object.entries(value).map(([limit, each]) => ({ of: vhost ?? user ?? '', limit, value: each })),
  )

export function limitsPart(context: Context): View {
  const { api } = context
  const vhosts = limitTable(context, 'vhost-limits', t('vhost'))
  const users = limitTable(context, 'user-limits', t('user'))
  return {
    element: h(
      'div',
      {},
      h('h1', {}, t('vhostLimits')),
      vhosts.element,
      fold(t('setVhostLimit'), setLimit(context, 'vhost-limits', ['max-connections', 'max-queues'])),
      h('h2', {}, t('userLimits')),
      users.element,
      fold(t('setUserLimit'), setLimit(context, 'user-limits', ['max-connections', 'max-channels'])),
    ),
    async refresh() {
      vhosts.update(rowsOf(await api.get<Limits[]>('vhost-limits')))
      users.update(rowsOf(await api.get<Limits[]>('user-limits')))
    },
  }
}

function limitTable(context: Context, kind: string, of: string): Table<Row> {
  const clear = async (row: Row) => {
    await context.api
      .remove(`${kind}/${at`${row.of}/${row.limit}`}`)
      .catch((error: Error) => tell(error.message))
    context.reload()
  }
  return table<Row>({
    caption: of,
    key: (each) => JSON.stringify([each.of, each.limit]),
    empty: t('noLimits'),
    columns: [
      { title: of, cell: (each) => each.of, sort: (each) => each.of },
      { title: t('limit'), cell: (each) => each.limit, sort: (each) => each.limit },
      { title: t('value'), cell: (each) => String(each.value), sort: (each) => each.value, numeric: true },
      {
        title: '',
        action: true,
        cell: (each) => buttonCell(t('clear'), `${each.of} ${each.limit}`, () => void clear(each)),
      },
    ],
  })
}

function setLimit(context: Context, kind: string, limits: readonly string[]): HTMLFormElement {
  const vhost = vhostChoice(context)
  const user = textField(t('user'), { required: true })
  const limit = choiceField(
    t('limit'),
    limits.map((each) => [each, each] as const),
  )
  const value = textField(t('value'), { type: 'number', required: true, hint: t('limitHint') })
  const title = kind === 'vhost-limits' ? t('setVhostLimit') : t('setUserLimit')
  return form({
    title,
    fields: [kind === 'vhost-limits' ? vhost : user, limit, value],
    submit: title,
    async send() {
      const of = kind === 'vhost-limits' ? vhost.control.value : user.control.value
      await context.api.put(`${kind}/${at`${of}/${limit.control.value}`}`, {
        value: Number(value.control.value),
      })
      tell(t('saved'))
      context.reload()
    },
  })
}

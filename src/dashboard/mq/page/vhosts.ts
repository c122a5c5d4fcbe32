// Virtual hosts: exchanges and queues of their own, for each tenant of the broker.
import { h } from '../part/dom.ts'
import { choiceField, confirmAction, fold, form, tell, textField } from '../part/form.ts'
import { count } from '../part/format.ts'
import { tagsOf, type Vhost } from '../part/model.ts'
import { at } from '../part/session.ts'
import { buttonCell, table } from '../part/table.ts'
import { t } from '../part/text.ts'
import type { Context, View } from '../part/view.ts'

export function vhostsPart(context: Context): View {
  const { api } = context
  const list = table<Vhost>({
    caption: t('vhosts'),
    key: (each) => each.name,
    empty: t('none'),
    sort: { column: 0, down: false },
    columns: [
      { title: t('name'), cell: (each) => each.name, sort: (each) => each.name },
      { title: t('description'), cell: (each) => each.description ?? each.metadata?.description ?? '' },
      { title: t('tags'), cell: (each) => tagsOf(each.tags ?? each.metadata?.tags).join(', ') },
      {
        title: t('messages'),
        cell: (each) => count(each.messages),
        sort: (each) => each.messages ?? 0,
        numeric: true,
      },
      {
        title: '',
        action: true,
        cell: (each) =>
          each.name === '/' ? '' : buttonCell(t('delete'), each.name, () => void remove(each.name)),
      },
    ],
  })
  const remove = async (name: string) => {
    if (!(await confirmAction(t('deleteVhostAsk', { name }), t('delete')))) return
    await api.remove(at`vhosts/${name}`).then(
      () => tell(t('deleted', { name })),
      (error: Error) => tell(error.message),
    )
    context.reload()
  }
  return {
    element: h('div', {}, h('h1', {}, t('vhosts')), list.element, fold(t('addVhost'), addVhost(context))),
    refresh: async () => list.update(await api.get<Vhost[]>('vhosts')),
  }
}

function addVhost(context: Context): HTMLFormElement {
  const name = textField(t('name'), { required: true })
  const description = textField(t('description'))
  const tags = textField(t('tags'), { hint: t('vhostTagsHint') })
  const type = choiceField(t('defaultQueueType'), [
    ['classic', t('classic')],
    ['quorum', t('quorum')],
  ])
  return form({
    title: t('addVhost'),
    fields: [name, description, tags, type],
    submit: t('addVhost'),
    async send() {
      await context.api.put(at`vhosts/${name.control.value}`, {
        description: description.control.value,
        tags: tags.control.value,
        default_queue_type: type.control.value,
      })
      tell(t('added', { name: name.control.value }))
      for (const { control } of [name, description, tags]) control.value = ''
      context.reload()
    },
  })
}

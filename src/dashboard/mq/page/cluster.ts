// The cluster's name, and what more than one node would mean.
import { h } from '../part/dom.ts'
import { form, tell, textField } from '../part/form.ts'
import { t } from '../part/text.ts'
import type { Context, View } from '../part/view.ts'

export function clusterPart({ api, reload }: Context): View {
  const name = textField(t('clusterName'), { required: true, hint: t('clusterNameHint') })
  let shown: string | undefined
  return {
    element: h(
      'div',
      {},
      h('h1', {}, t('cluster')),
      form({
        title: t('clusterName'),
        fields: [name],
        submit: t('rename'),
        async send() {
          await api.put('cluster-name', { name: name.control.value })
          tell(t('saved'))
          reload()
        },
      }),
      h('h2', {}, t('moreNodes')),
      h('p', { class: 'hint' }, t('moreNodesHint')),
      h('pre', {}, 'nimbo mq migrate --to amqp://USER@NODE:5672 --dry-run'),
    ),
    async refresh() {
      const found = await api.get<{ name: string }>('cluster-name')
      // What is being typed stays.
      if (shown === undefined) name.control.value = found.name
      shown = found.name
    },
  }
}

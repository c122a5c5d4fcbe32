// One user: permissions, topic permissions, tags and password.
import { h } from '../part/dom.ts'
import { confirmAction, fold, form, tell, textField } from '../part/form.ts'
import { type Permission, type TopicPermission, tagsOf, type User } from '../part/model.ts'
import { at } from '../part/session.ts'
import { buttonCell, table, yesNo } from '../part/table.ts'
import { t } from '../part/text.ts'
import type { Context, View } from '../part/view.ts'
import { adminLinks } from './admin.ts'
import { vhostChoice } from './choice.ts'
import { details } from './parts.ts'
import { tagsField, tagsIn } from './users.ts'

export function userPage(context: Context, name: string): View {
  const { api } = context
  const facts = details()
  const tagging = setTags(context, name)
  const revoke = (path: string) => async () => {
    await api.remove(path).catch((error: Error) => tell(error.message))
    context.reload()
  }
  const permissions = table<Permission>({
    caption: t('permissions'),
    key: (each) => each.vhost,
    empty: t('noPermissions'),
    columns: [
      { title: t('vhost'), cell: (each) => each.vhost },
      { title: t('configure'), cell: (each) => each.configure },
      { title: t('write'), cell: (each) => each.write },
      { title: t('read'), cell: (each) => each.read },
      {
        title: '',
        action: true,
        cell: (each) =>
          buttonCell(t('revoke'), each.vhost, () => void revoke(at`permissions/${each.vhost}/${name}`)()),
      },
    ],
  })
  const topics = table<TopicPermission>({
    caption: t('topicPermissions'),
    key: (each) => JSON.stringify([each.vhost, each.exchange]),
    empty: t('noTopicPermissions'),
    columns: [
      { title: t('vhost'), cell: (each) => each.vhost },
      { title: t('exchange'), cell: (each) => each.exchange },
      { title: t('write'), cell: (each) => each.write },
      { title: t('read'), cell: (each) => each.read },
      {
        title: '',
        action: true,
        cell: (each) =>
          buttonCell(
            t('revoke'),
            each.exchange,
            () => void revoke(at`topic-permissions/${each.vhost}/${name}/${each.exchange}`)(),
          ),
      },
    ],
  })
  return {
    element: h(
      'div',
      {},
      adminLinks('users'),
      h('h1', {}, t('user'), ' ', h('span', { class: 'of' }, name)),
      facts.element,
      h('h2', {}, t('permissions')),
      permissions.element,
      fold(t('setPermissions'), setPermissions(context, name)),
      h('h2', {}, t('topicPermissions')),
      topics.element,
      fold(t('setTopicPermissions'), setTopicPermissions(context, name)),
      h('h2', {}, t('change')),
      fold(t('setTags'), tagging.element),
      fold(t('setPassword'), setPassword(context, name)),
      fold(t('deleteUser'), deleteUser(context, name)),
    ),
    async refresh() {
      const user = await api.get<User>(at`users/${name}`)
      tagging.show(tagsOf(user.tags).join(', '))
      facts.update([
        [t('tags'), tagsOf(user.tags).join(', ') || t('none')],
        [t('hasPassword'), yesNo(user.password_hash !== '')],
        [
          t('limits'),
          Object.entries(user.limits ?? {})
            .map(([limit, value]) => `${limit}: ${value}`)
            .join(', ') || t('none'),
        ],
      ])
      permissions.update(await api.get<Permission[]>(at`users/${name}/permissions`))
      topics.update(await api.get<TopicPermission[]>(at`users/${name}/topic-permissions`))
    },
  }
}

function setPermissions(context: Context, user: string): HTMLFormElement {
  const vhost = vhostChoice(context)
  const configure = textField(t('configure'), { value: '.*', hint: t('patternHint') })
  const write = textField(t('write'), { value: '.*' })
  const read = textField(t('read'), { value: '.*' })
  return form({
    title: t('setPermissions'),
    fields: [vhost, configure, write, read],
    submit: t('setPermissions'),
    async send() {
      await context.api.put(at`permissions/${vhost.control.value}/${user}`, {
        configure: configure.control.value,
        write: write.control.value,
        read: read.control.value,
      })
      tell(t('saved'))
      context.reload()
    },
  })
}

function setTopicPermissions(context: Context, user: string): HTMLFormElement {
  const vhost = vhostChoice(context)
  const exchange = textField(t('exchange'), { value: 'amq.topic', required: true, hint: t('topicHint') })
  const write = textField(t('write'), { value: '.*' })
  const read = textField(t('read'), { value: '.*' })
  return form({
    title: t('setTopicPermissions'),
    fields: [vhost, exchange, write, read],
    submit: t('setTopicPermissions'),
    async send() {
      await context.api.put(at`topic-permissions/${vhost.control.value}/${user}`, {
        exchange: exchange.control.value,
        write: write.control.value,
        read: read.control.value,
      })
      tell(t('saved'))
      context.reload()
    },
  })
}

function setTags(context: Context, name: string): { element: HTMLFormElement; show(tags: string): void } {
  const tags = tagsField()
  let shown = false
  const element = form({
    title: t('setTags'),
    fields: [tags],
    submit: t('setTags'),
    async send() {
      // A user is replaced whole: without its hash it would lose its password.
      const user = await context.api.get<User & { hashing_algorithm?: string }>(at`users/${name}`)
      const { password_hash, hashing_algorithm } = user
      await context.api.put(at`users/${name}`, {
        password_hash,
        hashing_algorithm,
        tags: tagsIn(tags.control.value),
      })
      tell(t('saved'))
      context.reload()
    },
  })
  return {
    element,
    show(now) {
      // Once: what is being typed stays.
      if (!shown) tags.control.value = now
      shown = true
    },
  }
}

function setPassword(context: Context, name: string): HTMLFormElement {
  const password = textField(t('password'), { type: 'password', required: true })
  const again = textField(t('passwordAgain'), { type: 'password', required: true })
  return form({
    title: t('setPassword'),
    fields: [password, again],
    submit: t('setPassword'),
    async send() {
      if (password.control.value !== again.control.value) throw new Error(t('passwordsDiffer'))
      const user = await context.api.get<User>(at`users/${name}`)
      await context.api.put(at`users/${name}`, {
        password: password.control.value,
        tags: tagsOf(user.tags).join(','),
      })
      for (const { control } of [password, again]) control.value = ''
      tell(t('saved'))
    },
  })
}

function deleteUser(context: Context, name: string): HTMLFormElement {
  return form({
    title: t('deleteUser'),
    fields: [],
    submit: t('deleteUser'),
    danger: true,
    async send() {
      if (!(await confirmAction(t('deleteUserAsk', { name }), t('delete')))) return
      await context.api.remove(at`users/${name}`)
      tell(t('deleted', { name }))
      context.go('#/admin/users')
    },
  })
}

// Users with their tags and what they may reach, and a form that adds one.
import { h } from '../part/dom.ts'
import { fold, form, tell, textField } from '../part/form.ts'
import { type Permission, tagsOf, type User } from '../part/model.ts'
import { at } from '../part/session.ts'
import { linkCell, table, yesNo } from '../part/table.ts'
import { t } from '../part/text.ts'
import { type Context, href, type View } from '../part/view.ts'

type Row = User & { vhosts: string[] }

export function usersPart(context: Context): View {
  const { api } = context
  const list = table<Row>({
    caption: t('users'),
    key: (each) => each.name,
    empty: t('none'),
    sort: { column: 0, down: false },
    columns: [
      {
        title: t('name'),
        cell: (each) => linkCell(each.name, href('admin', 'users', each.name)),
        sort: (each) => each.name,
      },
      {
        title: t('tags'),
        cell: (each) => tagsOf(each.tags).join(', '),
        sort: (each) => tagsOf(each.tags).join(),
      },
      {
        title: t('mayReach'),
        cell: (each) => each.vhosts.join(', ') || t('noVhost'),
        sort: (each) => each.vhosts.join(),
      },
      { title: t('hasPassword'), cell: (each) => yesNo(each.password_hash !== '') },
    ],
  })
  return {
    element: h('div', {}, h('h1', {}, t('users')), list.element, fold(t('addUser'), addUser(context))),
    async refresh() {
      const [users, permissions] = await Promise.all([
        api.get<User[]>('users'),
        api.get<Permission[]>('permissions'),
      ])
      list.update(
        users.map((user) => ({
          ...user,
          vhosts: permissions.filter((each) => each.user === user.name).map((each) => each.vhost),
        })),
      )
    },
  }
}

export function tagsField(value = '') {
  return textField(t('tags'), { value, hint: t('tagsHint') })
}

/** As the API wants them: with commas and nothing else. */
export function tagsIn(text: string): string {
  return text
    .split(/[\s,]+/)
    .filter((tag) => tag !== '')
    .join(',')
}

function addUser(context: Context): HTMLFormElement {
  const name = textField(t('name'), { required: true })
  const password = textField(t('password'), { type: 'password', required: true })
  const again = textField(t('passwordAgain'), { type: 'password', required: true })
  const tags = tagsField()
  return form({
    title: t('addUser'),
    fields: [name, password, again, tags],
    submit: t('addUser'),
    async send() {
      if (password.control.value !== again.control.value) throw new Error(t('passwordsDiffer'))
      const user = name.control.value
      await context.api.put(at`users/${user}`, {
        password: password.control.value,
        tags: tagsIn(tags.control.value),
      })
      for (const { control } of [name, password, again, tags]) control.value = ''
      tell(t('userAdded', { name: user }))
      context.go(href('admin', 'users', user))
    },
  })
}

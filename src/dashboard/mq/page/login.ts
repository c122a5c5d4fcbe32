// The door: name and password, kept for this tab alone.
import { h } from '../part/dom.ts'
import { type ApiError, logIn } from '../part/session.ts'
import { languageChoice } from '../part/shell.ts'
import { t } from '../part/text.ts'

export function loginPage(options: { entered: () => void; languageChosen: () => void }): HTMLElement {
  const name = h('input', {
    id: 'user',
    name: 'user',
    autocomplete: 'username',
    required: true,
    autofocus: true,
    spellcheck: 'false',
  })
  const password = h('input', {
    id: 'password',
    name: 'password',
    type: 'password',
    autocomplete: 'current-password',
  })
  const problem = h('p', { class: 'problem', role: 'alert', hidden: true })
  const button = h('button', { type: 'submit', class: 'main' }, t('logIn'))
  const submit = async (event: Event) => {
    event.preventDefault()
    button.disabled = true
    try {
      await logIn(name.value, password.value)
      options.entered()
    } catch (error) {
      const { status, message } = error as ApiError
      problem.textContent =
        status === undefined
          ? t('noAnswer')
          : status === 401 && /login/i.test(message)
            ? t('loginFailed')
            : message
      problem.hidden = false
      button.disabled = false
      password.select()
    }
  }
  return h(
    'main',
    { class: 'login' },
    h('h1', {}, h('img', { src: 'icon.svg', alt: '', width: '32', height: '32' }), t('product')),
    h(
      'form',
      { submit: (event) => void submit(event) },
      h('label', { for: 'user' }, t('user')),
      name,
      h('label', { for: 'password' }, t('password')),
      password,
      problem,
      button,
    ),
    languageChoice(options.languageChosen),
  )
}

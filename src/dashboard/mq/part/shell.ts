// What stands around every page: where one is, which virtual host, which language, and whether the broker answers.
import { h, setText } from './dom.ts'
import { clock } from './format.ts'
import { choose, type Language, language, t, type Word } from './text.ts'

export type Shell = {
  element: HTMLElement
  content: HTMLElement
  /** Marks where one is. */
  here(section: string): void
  /** After each look at the broker: when, or why not. */
  looked(at: number, problem?: string): void
  showVhosts(names: readonly string[], chosen: string | undefined): void
}

const sections: readonly (readonly [path: string, word: Word])[] = [
  ['overview', 'overview'],
  ['connections', 'connections'],
  ['channels', 'channels'],
  ['exchanges', 'exchanges'],
  ['queues', 'queues'],
  ['admin', 'admin'],
]

export function shell(options: {
  user: string
  vhostChosen: (name: string | undefined) => void
  languageChosen: () => void
  leave: () => void
}): Shell {
  const links = sections.map(([path, word]) => h('a', { href: `#/${path}` }, t(word)))
  const vhosts = h('select', {
    id: 'vhost',
    change: () => options.vhostChosen(vhosts.value === '*' ? undefined : vhosts.value.slice(1)),
  })
  const looked = h('span', { class: 'looked' })
  const trouble = h('p', { class: 'trouble', role: 'alert', hidden: true })
  const content = h('main', { id: 'content', tabindex: '-1' })
  const element = h(
    'div',
    { class: 'shell' },
    h('a', { class: 'skip', href: '#content', click: (event) => skip(event, content) }, t('skip')),
    h(
      'header',
      {},
      h(
        'div',
        { class: 'brand' },
        h('img', { src: 'icon.svg', alt: '', width: '22', height: '22' }),
        t('product'),
      ),
      h('nav', { 'aria-label': t('sections') }, ...links),
      h(
        'div',
        { class: 'side' },
        h('label', { for: 'vhost' }, t('vhost')),
        vhosts,
        languageChoice(options.languageChosen),
        h('span', { class: 'who' }, options.user),
        h('button', { type: 'button', click: options.leave }, t('logOut')),
      ),
    ),
    trouble,
    content,
    h('footer', {}, looked, h('div', { id: 'said', class: 'said', role: 'status' })),
  )
  return {
    element,
    content,
    here(section) {
      links.forEach((link, index) => {
        if (sections[index]![0] === section) link.setAttribute('aria-current', 'page')
        else link.removeAttribute('aria-current')
      })
    },
    looked(at, problem) {
      if (!problem) setText(looked, t('lookedAt', { time: clock(at) }))
      trouble.hidden = problem === undefined
      setText(trouble, problem ?? '')
    },
    showVhosts(names, chosen) {
      const wanted = ['*', ...names.map((name) => `=${name}`)]
      const shown = [...vhosts.options].map((option) => option.value)
      if (wanted.join('\n') !== shown.join('\n'))
        vhosts.replaceChildren(
          ...wanted.map((value) => h('option', { value }, value === '*' ? t('allVhosts') : value.slice(1))),
        )
      vhosts.value = chosen === undefined ? '*' : `=${chosen}`
    },
  }
}

function skip(event: Event, content: HTMLElement): void {
  // The address keeps naming the page.
  event.preventDefault()
  content.focus()
}

export function languageChoice(chosen: () => void): HTMLElement {
  const button = (name: Language, label: string) =>
    h(
      'button',
      {
        type: 'button',
        lang: name,
        'aria-pressed': String(language() === name),
        click: () => {
          choose(name)
          chosen()
        },
      },
      label,
    )
  return h(
    'span',
    { class: 'languages', role: 'group', 'aria-label': 'Language / 语言' },
    button('en', 'EN'),
    button('zh', '中文'),
  )
}

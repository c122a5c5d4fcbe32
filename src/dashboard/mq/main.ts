// Starts the page: login, then the page that the address names, brought up to date every five seconds while it is seen.

import { loginPage } from './page/login.ts'
import { open } from './page/open.ts'
import { type ApiError, apiOf, currentSession, endSession, type Session } from './part/session.ts'
import { type Shell, shell } from './part/shell.ts'
import { language, t } from './part/text.ts'
import type { Context, View } from './part/view.ts'

const everyMs = 5000
let stop = () => {}

function start(): void {
  stop()
  document.documentElement.lang = language() === 'zh' ? 'zh-CN' : 'en'
  document.title = t('product')
  const session = currentSession()
  if (session) stop = run(session)
  else document.body.replaceChildren(loginPage({ entered: start, languageChosen: start }))
}

function leave(): void {
  endSession()
  start()
}

/** Returns how to end it. */
function run(session: Session): () => void {
  let ended = false
  let view: View | undefined
  let looking = false
  let again = false
  let vhost: string | undefined
  let vhosts: readonly string[] = []
  let tags: readonly string[] = []
  const api = apiOf(session, () => {
    if (!ended) leave()
  })
  const frame: Shell = shell({
    user: session.user,
    vhostChosen: (name) => {
      vhost = name
      show()
    },
    languageChosen: start,
    leave,
  })

  function show(): void {
    const [section = 'overview', ...rest] = location.hash.slice(2).split('/').map(decode)
    const context: Context = { api, vhost, vhosts, user: session.user, tags, reload: () => void look(), go }
    view = open(context, section === '' ? 'overview' : section, rest)
    frame.here(section === '' ? 'overview' : section)
    frame.content.replaceChildren(view.element)
    void look()
  }

  /** One look at a time; what is asked for meanwhile happens right after. */
  async function look(): Promise<void> {
    if (looking) {
      again = true
      return
    }
    looking = true
    try {
      await view?.refresh()
      if (!ended) frame.looked(Date.now())
    } catch (error) {
      if (!ended) frame.looked(Date.now(), problemOf(error as Error))
    } finally {
      looking = false
    }
    if (again) {
      again = false
      await look()
    }
  }

  async function begin(): Promise<void> {
    try {
      const [me, all] = await Promise.all([
        api.get<{ tags: string[] | string }>('whoami'),
        api.get<{ name: string }[]>('vhosts?columns=name'),
      ])
      tags = Array.isArray(me.tags) ? me.tags : me.tags.split(',')
      vhosts = all.map(({ name }) => name)
      frame.showVhosts(vhosts, vhost)
    } catch (error) {
      frame.looked(Date.now(), problemOf(error as Error))
    }
    if (!ended) show()
  }

  const seen = () => {
    if (!document.hidden) void look()
  }
  const timer = setInterval(seen, everyMs)
  document.addEventListener('visibilitychange', seen)
  window.addEventListener('hashchange', show)
  document.body.replaceChildren(frame.element)
  void begin()
  return () => {
    ended = true
    clearInterval(timer)
    document.removeEventListener('visibilitychange', seen)
    window.removeEventListener('hashchange', show)
  }
}

function go(path: string): void {
  location.hash = path
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    // Typed by hand and not encoded: taken as it is.
    return segment
  }
}

function problemOf(error: Error): string {
  const { status } = error as ApiError
  if (status === undefined) return t('noAnswer')
  return status === 404 ? t('notThere') : error.message
}

start()

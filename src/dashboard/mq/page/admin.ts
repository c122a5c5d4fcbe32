// Administration, in parts: users, virtual hosts, policies, limits, the cluster.
import { h } from '../part/dom.ts'
import { t, type Word } from '../part/text.ts'
import type { Context, View } from '../part/view.ts'
import { clusterPart } from './cluster.ts'
import { limitsPart } from './limits.ts'
import { policiesPart } from './policies.ts'
import { usersPart } from './users.ts'
import { vhostsPart } from './vhosts.ts'

const parts: Record<string, { word: Word; open: (context: Context) => View }> = {
  users: { word: 'users', open: usersPart },
  vhosts: { word: 'vhosts', open: vhostsPart },
  policies: { word: 'policies', open: policiesPart },
  limits: { word: 'limits', open: limitsPart },
  cluster: { word: 'cluster', open: clusterPart },
}

export function adminPage(context: Context, which: string): View {
  const chosen = Object.hasOwn(parts, which) ? which : 'users'
  const part = parts[chosen]!.open(context)
  return { element: h('div', {}, adminLinks(chosen), part.element), refresh: part.refresh }
}

export function adminLinks(chosen: string): HTMLElement {
  return h(
    'nav',
    { class: 'parts', 'aria-label': t('admin') },
    ...Object.entries(parts).map(([name, { word }]) =>
      h('a', { href: `#/admin/${name}`, 'aria-current': name === chosen ? 'page' : undefined }, t(word)),
    ),
  )
}

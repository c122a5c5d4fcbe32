// Which page an address names.
import { h } from '../part/dom.ts'
import { t } from '../part/text.ts'
import type { Context, View } from '../part/view.ts'
import { adminPage } from './admin.ts'
import { channelsPage } from './channels.ts'
import { connectionPage, connectionsPage } from './connections.ts'
import { exchangePage } from './exchange.ts'
import { exchangesPage } from './exchanges.ts'
import { overviewPage } from './overview.ts'
import { queuePage } from './queue.ts'
import { queuesPage } from './queues.ts'
import { userPage } from './user.ts'

export function open(context: Context, section: string, [first, second]: readonly string[]): View {
  switch (section) {
    case 'overview':
      return overviewPage(context)
    case 'connections':
      return first === undefined ? connectionsPage(context) : connectionPage(context, first)
    case 'channels':
      return channelsPage(context)
    case 'exchanges':
      return first !== undefined && second !== undefined
        ? exchangePage(context, first, second)
        : exchangesPage(context)
    case 'queues':
      return first !== undefined && second !== undefined
        ? queuePage(context, first, second)
        : queuesPage(context)
    case 'admin':
      return first === 'users' && second !== undefined
        ? userPage(context, second)
        : adminPage(context, first ?? 'users')
    default:
      return { element: h('p', { class: 'empty' }, t('notThere')), refresh: async () => {} }
  }
}

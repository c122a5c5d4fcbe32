// Channels: what each has taken and not yet acknowledged.
import { h } from '../part/dom.ts'
import { count, rate } from '../part/format.ts'
import type { Channel } from '../part/model.ts'
import { pagedList } from '../part/paged.ts'
import { at } from '../part/session.ts'
import { type Column, linkCell, marksCell } from '../part/table.ts'
import { t } from '../part/text.ts'
import { type Context, href, type View } from '../part/view.ts'
import { stateText } from './parts.ts'

export function channelColumns(): Column<Channel>[] {
  return [
    {
      title: t('channel'),
      cell: (each) => linkCell(each.name, href('connections', each.connection_details?.name ?? '')),
      sort: 'name',
    },
    { title: t('user'), cell: (each) => each.user, sort: 'user' },
    { title: t('vhost'), cell: (each) => each.vhost, sort: 'vhost' },
    {
      title: t('mode'),
      cell: (each) =>
        marksCell([
          ...(each.confirm ? [['C', t('confirmMode')] as const] : []),
          ...(each.transactional ? [['T', t('transactional')] as const] : []),
        ]),
    },
    { title: t('state'), cell: (each) => stateText(each.state), sort: 'state' },
    {
      title: t('consumers'),
      cell: (each) => count(each.consumer_count),
      sort: 'consumer_count',
      numeric: true,
    },
    { title: t('prefetch'), cell: (each) => prefetch(each), sort: 'prefetch_count', numeric: true },
    {
      title: t('unacked'),
      cell: (each) => count(each.messages_unacknowledged),
      sort: 'messages_unacknowledged',
      numeric: true,
    },
    {
      title: t('unconfirmed'),
      cell: (each) => count(each.messages_unconfirmed),
      sort: 'messages_unconfirmed',
      numeric: true,
    },
    {
      title: t('publish'),
      cell: (each) => rate(each.message_stats?.publish_details?.rate),
      sort: 'message_stats.publish_details.rate',
      numeric: true,
    },
    {
      title: t('deliver'),
      cell: (each) => rate(each.message_stats?.deliver_get_details?.rate),
      sort: 'message_stats.deliver_get_details.rate',
      numeric: true,
    },
    {
      title: t('ack'),
      cell: (each) => rate(each.message_stats?.ack_details?.rate),
      sort: 'message_stats.ack_details.rate',
      numeric: true,
    },
  ]
}

function prefetch({ prefetch_count: own, global_prefetch_count: all }: Channel): string {
  if (!own && !all) return ''
  return all ? `${own || '∞'} / ${t('ofChannel', { n: all })}` : String(own)
}

export function channelsPage(context: Context): View {
  const list = pagedList<Channel>({
    path: () => (context.vhost === undefined ? 'channels' : at`vhosts/${context.vhost}/channels`),
    caption: t('channels'),
    key: (each) => each.name,
    empty: t('noChannels'),
    changed: context.reload,
    sort: { column: 0, down: false },
    columns: channelColumns(),
  })
  return {
    element: h('div', {}, h('h1', {}, t('channels')), list.element),
    refresh: () => list.refresh(context.api),
  }
}

// Who is connected, and one connection with all that its client said of itself.
import { h } from '../part/dom.ts'
import { confirmAction, form, tell, textField } from '../part/form.ts'
import { bytes, count, dateTime } from '../part/format.ts'
import type { Channel, Connection } from '../part/model.ts'
import { pagedList } from '../part/paged.ts'
import { at } from '../part/session.ts'
import { linkCell, table, yesNo } from '../part/table.ts'
import { t } from '../part/text.ts'
import { type Context, href, type View } from '../part/view.ts'
import { channelColumns } from './channels.ts'
import { details, stateText } from './parts.ts'

const clientName = (each: Connection) => {
  const name = each.client_properties?.connection_name
  return typeof name === 'string' ? name : ''
}
const perSecond = (value: number | undefined) =>
  value === undefined ? '' : t('perSecond', { rate: bytes(value) })

export function connectionsPage(context: Context): View {
  const list = pagedList<Connection>({
    path: () => (context.vhost === undefined ? 'connections' : at`vhosts/${context.vhost}/connections`),
    caption: t('connections'),
    key: (each) => each.name,
    empty: t('noConnections'),
    changed: context.reload,
    sort: { column: 0, down: false },
    columns: [
      { title: t('name'), cell: (each) => linkCell(each.name, href('connections', each.name)), sort: 'name' },
      { title: t('clientName'), cell: clientName },
      { title: t('user'), cell: (each) => each.user, sort: 'user' },
      { title: t('vhost'), cell: (each) => each.vhost, sort: 'vhost' },
      { title: t('state'), cell: (each) => stateText(each.state), sort: 'state' },
      { title: 'TLS', cell: (each) => yesNo(each.ssl), sort: 'ssl' },
      { title: t('channels'), cell: (each) => count(each.channels), sort: 'channels', numeric: true },
      {
        title: t('fromClient'),
        cell: (each) => perSecond(each.recv_oct_details?.rate),
        sort: 'recv_oct_details.rate',
        numeric: true,
      },
      {
        title: t('toClient'),
        cell: (each) => perSecond(each.send_oct_details?.rate),
        sort: 'send_oct_details.rate',
        numeric: true,
      },
    ],
  })
  return {
    element: h('div', {}, h('h1', {}, t('connections')), list.element),
    refresh: () => list.refresh(context.api),
  }
}

export function connectionPage(context: Context, name: string): View {
  const { api } = context
  const facts = details()
  const client = details()
  const channels = table<Channel>({
    caption: t('channels'),
    key: (each) => each.name,
    empty: t('none'),
    columns: channelColumns(),
  })
  const reason = textField(t('reason'), { value: t('closedByHand') })
  const closing = form({
    title: t('closeConnection'),
    fields: [reason],
    submit: t('closeConnection'),
    danger: true,
    async send() {
      if (!(await confirmAction(t('closeAsk', { name }), t('closeConnection')))) return
      await api.remove(at`connections/${name}`, reason.control.value)
      tell(t('closed', { name }))
      context.go('#/connections')
    },
  })
  return {
    element: h(
      'div',
      {},
      h('h1', {}, t('connection'), ' ', h('span', { class: 'of' }, name)),
      facts.element,
      h('h2', {}, t('clientProperties')),
      client.element,
      h('h2', {}, t('channels')),
      channels.element,
      h('h2', {}, t('closeConnection')),
      closing,
    ),
    async refresh() {
      const found = await api.get<Connection>(at`connections/${name}`)
      facts.update([
        [t('user'), found.user],
        [t('vhost'), found.vhost],
        [t('state'), stateText(found.state)],
        [t('protocol'), found.protocol ?? ''],
        ['TLS', found.ssl ? (found.ssl_protocol ?? t('yes')) : t('no')],
        [t('authentication'), found.auth_mechanism ?? ''],
        [t('since'), found.connected_at === undefined ? '' : dateTime(found.connected_at)],
        [t('heartbeat'), found.timeout ? t('seconds', { n: found.timeout }) : t('none')],
        [t('frameMax'), bytes(found.frame_max)],
        [t('received'), bytes(found.recv_oct)],
        [t('sent'), bytes(found.send_oct)],
      ])
      client.update(
        Object.entries(found.client_properties ?? {}).map(
          ([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)] as const,
        ),
      )
      channels.update(await api.get<Channel[]>(at`connections/${name}/channels`))
    },
  }
}

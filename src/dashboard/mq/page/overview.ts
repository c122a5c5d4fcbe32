// The whole broker at a glance: totals, the last minutes, nodes with their alarms, listeners, definitions.
import { chart, History, type Line, levelSamples, rateSamples } from '../part/chart.ts'
import { h, replace, setText } from '../part/dom.ts'
import { confirmAction, tell } from '../part/form.ts'
import { bytes, count, duration, rate } from '../part/format.ts'
import type { ClusterNode, Overview, Stats, Totals } from '../part/model.ts'
import { type Column, table } from '../part/table.ts'
import { t, type Word } from '../part/text.ts'
import type { Context, View } from '../part/view.ts'

/** Lives as long as the page, so that coming back shows what was seen before. */
const levels = new History()
const rates = new History()
const samples = 'lengths_age=300&lengths_incr=5&msg_rates_age=300&msg_rates_incr=5'

const tiles: readonly (readonly [name: keyof NonNullable<Overview['object_totals']>, link: string])[] = [
  ['connections', '#/connections'],
  ['channels', '#/channels'],
  ['exchanges', '#/exchanges'],
  ['queues', '#/queues'],
  ['consumers', '#/queues'],
]

export function overviewPage(context: Context): View {
  const { api } = context
  const numbers = tiles.map(([name, href]) => {
    const number = h('b', {}, '–')
    return { name, number, element: h('a', { class: 'tile', href }, number, h('span', {}, t(name))) }
  })
  const alarms = h('div', { role: 'alert', class: 'alarms' })
  const queued = chart(t('queuedMessages'), (value) => count(Math.round(value)))
  const speed = chart(t('messageRates'), rate)
  const nodes = table<ClusterNode>({
    caption: t('nodes'),
    key: (node) => node.name,
    empty: t('none'),
    columns: nodeColumns(),
  })
  const listeners = table<NonNullable<Overview['listeners']>[number]>({
    caption: t('listeners'),
    key: (each) => JSON.stringify(each),
    empty: t('none'),
    columns: [
      { title: t('protocol'), cell: (each) => each.protocol },
      { title: t('address'), cell: (each) => each.ip_address },
      { title: t('port'), cell: (each) => String(each.port), numeric: true },
      { title: t('node'), cell: (each) => each.node },
    ],
  })
  const about = h('p', { class: 'about' })
  return {
    element: h(
      'div',
      {},
      h('h1', {}, t('overview')),
      about,
      alarms,
      h('div', { class: 'tiles' }, ...numbers.map(({ element }) => element)),
      h('div', { class: 'charts' }, queued.element, speed.element),
      h('h2', {}, t('nodes')),
      nodes.element,
      h('h2', {}, t('listeners')),
      listeners.element,
      context.tags.includes('administrator') ? definitions(context) : undefined,
    ),
    async refresh() {
      const found = await api.get<Overview>(`overview?${samples}`)
      // Users who see their own virtual hosts alone aren't told about nodes.
      const members = await api.get<ClusterNode[]>('nodes').catch(() => [])
      const now = Date.now()
      setText(about, t('about', { version: versionOf(found), cluster: found.cluster_name, node: found.node }))
      for (const { name, number } of numbers) setText(number, count(found.object_totals?.[name] ?? 0))
      queued.update(levelLines(found.queue_totals ?? {}, now))
      speed.update(rateLines(found.message_stats ?? {}, now))
      replace(alarms, ...alarmsOf(members).map((text) => h('p', {}, text)))
      nodes.update(members)
      listeners.update(found.listeners ?? [])
    },
  }
}

function versionOf({ erlang_version: runtime, rabbitmq_version: version }: Overview): string {
  return runtime && !/^\d/.test(runtime) ? t('speaksAs', { runtime, version }) : `RabbitMQ ${version}`
}

function levelLines(totals: Totals, now: number): Line[] {
  return [
    levels.add(t('total'), totals.messages ?? 0, now, levelSamples(totals.messages_details)),
    levels.add(t('ready'), totals.messages_ready ?? 0, now, levelSamples(totals.messages_ready_details)),
    levels.add(
      t('unacked'),
      totals.messages_unacknowledged ?? 0,
      now,
      levelSamples(totals.messages_unacknowledged_details),
    ),
  ]
}

const shown: readonly (readonly [word: Word, name: keyof Stats])[] = [
  ['publish', 'publish_details'],
  ['confirm', 'confirm_details'],
  ['deliver', 'deliver_get_details'],
  ['ack', 'ack_details'],
  ['unroutable', 'return_unroutable_details'],
]

function rateLines(stats: Stats, now: number): Line[] {
  return shown.map(([word, name]) =>
    rates.add(t(word), stats[name]?.rate ?? 0, now, rateSamples(stats[name])),
  )
}

function alarmsOf(nodes: readonly ClusterNode[]): string[] {
  return nodes.flatMap((node) => [
    ...(node.running === false ? [t('nodeDown', { node: node.name })] : []),
    ...(node.mem_alarm ? [t('memoryAlarm', { node: node.name })] : []),
    ...(node.disk_free_alarm ? [t('diskAlarm', { node: node.name })] : []),
  ])
}

function nodeColumns(): Column<ClusterNode>[] {
  const of = (
    used: number | undefined,
    limit: number | undefined,
    show: (value: number) => string,
    alarm = false,
  ) => ({
    key: `${used} ${limit} ${alarm}`,
    show: () =>
      h(
        'span',
        { class: alarm ? 'alarm' : undefined },
        used === undefined ? '' : show(used),
        limit === undefined ? undefined : h('small', {}, ` ${t('ofLimit', { limit: show(limit) })}`),
      ),
  })
  return [
    { title: t('name'), cell: (node) => node.name },
    { title: t('state'), cell: (node) => (node.running === false ? t('down') : t('running')) },
    {
      title: t('uptime'),
      cell: (node) => (node.uptime === undefined ? '' : duration(node.uptime)),
      numeric: true,
    },
    {
      title: t('memory'),
      cell: (node) => of(node.mem_used, node.mem_limit, bytes, node.mem_alarm),
      numeric: true,
    },
    {
      title: t('diskFree'),
      cell: (node) => ({
        key: `${node.disk_free} ${node.disk_free_alarm}`,
        show: () =>
          h(
            'span',
            { class: node.disk_free_alarm ? 'alarm' : undefined },
            bytes(node.disk_free),
            h('small', {}, ` ${t('lowAt', { limit: bytes(node.disk_free_limit) })}`),
          ),
      }),
      numeric: true,
    },
    { title: t('files'), cell: (node) => of(node.fd_used, node.fd_total, count), numeric: true },
    { title: t('sockets'), cell: (node) => of(node.sockets_used, node.sockets_total, count), numeric: true },
  ]
}

/** Everything but messages, to keep or to move. */
function definitions({ api }: Context): HTMLElement {
  const problem = h('p', { class: 'problem', role: 'alert', hidden: true })
  const guarded = (work: () => Promise<void>) => async () => {
    problem.hidden = true
    try {
      await work()
    } catch (error) {
      problem.textContent = (error as Error).message
      problem.hidden = false
    }
  }
  const save = guarded(async () => {
    const found = await api.get<unknown>('definitions')
    const address = URL.createObjectURL(
      new Blob([JSON.stringify(found, null, 2)], { type: 'application/json' }),
    )
    const link = h('a', {
      href: address,
      download: `definitions-${new Date().toISOString().slice(0, 10)}.json`,
    })
    link.click()
    URL.revokeObjectURL(address)
  })
  const file = h('input', {
    type: 'file',
    accept: '.json,application/json',
    hidden: true,
    'aria-label': t('import'),
    change: () => void load(),
  })
  const load = guarded(async () => {
    const chosen = file.files?.[0]
    if (!chosen) return
    const definitions = JSON.parse(await chosen.text()) as unknown
    // The same file may be chosen again.
    file.value = ''
    if (!(await confirmAction(t('importAsk', { file: chosen.name }), t('import')))) return
    await api.post('definitions', definitions)
    tell(t('imported'))
  })
  return h(
    'section',
    {},
    h('h2', {}, t('definitions')),
    h('p', { class: 'hint' }, t('definitionsHint')),
    problem,
    h(
      'div',
      { class: 'tools' },
      h('button', { type: 'button', click: () => void save() }, t('export')),
      h('button', { type: 'button', click: () => file.click() }, t('importFile')),
      file,
    ),
  )
}

// The facts that the simulation's invariants judge, taken from a real cloud: the rows of its databases, its host's guests,
// ports, namespaces and processes as the kernel, QEMU's files and Open vSwitch have them, and the broker's queues. Nothing
// of it goes by the agent or its drivers: what they believe is what is judged.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import type { GuestState } from '#drivers/virt/driver.ts'
import type { LivePort, NamespaceProcess } from '#drivers/wiring/driver.ts'
import type { JournalEvent } from '#kit/journal/journal.ts'
import { type Facts, gatherFacts, type Row, type ServiceName } from '#test/sim/invariant/fact.ts'
import { dataFolder, type Queue } from './holding.ts'
import { findProgram, kindOf, machineProcesses } from './process.ts'
import { type Stage, world } from './stage.ts'

const services = ['compute', 'network', 'volume', 'image', 'placement', 'identity'] as const

/** Run on the machine, where the databases' locks are: all rows of all tables, as JSON. */
const dumpScript = `
const { DatabaseSync } = require('node:sqlite')
const dump = {}
for (const name of ${JSON.stringify(services)}) {
  const database = new DatabaseSync('${dataFolder}/db/' + name + '.db', { readOnly: true })
  const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all()
  dump[name] = Object.fromEntries(tables.map(({ name: table }) => {
    const columns = database.prepare('SELECT * FROM "' + table + '"').columns().length
    return [table, database.prepare('SELECT * FROM "' + table + '" ORDER BY 1' + (columns > 1 ? ', 2' : '')).all()]
  }))
}
process.stdout.write(JSON.stringify(dump))
`

type Dump = Record<ServiceName, Record<string, Row[]>>

/** The journal's events are those since a moment, the newest thousand at most. */
export async function realFacts(stage: Stage, queues: readonly Queue[], since: number): Promise<Facts> {
  const { machine } = stage
  const root = `${machine.folder}${dataFolder}`
  const [dump, ports, spaces, events] = await Promise.all([
    machine
      .text(process.execPath, '--no-warnings', '-e', dumpScript)
      .then((text) => JSON.parse(text) as Dump),
    livePorts(stage),
    namespaces(stage),
    eventsSince(stage, since),
  ])
  const named = (folder: string) => readdirSync(`${root}/${folder}`)
  const volume = 'volume-'
  return gatherFacts({
    hosts: [
      {
        name: machine.name,
        up: true,
        virt: { list: async () => guests(stage, root) },
        wiring: {
          list: async () => ports,
          namespaces: async () => [...spaces.values()],
          processes: async () => inside(stage, spaces),
        },
        volume: {
          list: async () =>
            named('volumes')
              .filter((name) => name.startsWith(volume))
              .map((name) => name.slice(volume.length)),
          unconfirmed: async () => named('volumes/unconfirmed'),
        },
        files: world.files,
        folder: root,
      },
    ],
    rows: (service, sql) => dump[service][/FROM "(\w+)"/.exec(sql)![1]!] ?? [],
    imageFiles: async () => named('image/images'),
    events: () => events,
    queues: async () =>
      queues.map(({ name, messages_ready: ready, messages_unacknowledged: unacked, consumers }) => ({
        ...{ vhost: '/', name, ready, unacked, consumers },
      })),
  })
}

type Told = Pick<JournalEvent, 'kind' | 'name' | 'service' | 'outcome' | 'error' | 'data'> & {
  span_id: string
  duration_ms?: number
}

async function eventsSince(stage: Stage, since: number): Promise<JournalEvent[]> {
  const path = `/v1/events?since=${since}&limit=1000`
  const { events } = await stage.ask<{ events: Told[] }>('journal', { path })
  return events.map(
    (one) => ({ ...one, spanId: one.span_id, durationMs: one.duration_ms }) as unknown as JournalEvent,
  )
}

type Kept = {
  spec: Pick<GuestState, 'id' | 'number' | 'generation' | 'nics' | 'volumes'>
  ended?: 'shutdown' | 'crashed'
}

/** What QEMU was told to have; whether its guest is paused only QEMU knows, and at rest none is. */
function guests({ machine }: Stage, root: string): GuestState[] {
  const running = findProgram(machineProcesses(machine.pid), 'qemu').map(({ command }) => command.join(' '))
  return readdirSync(`${root}/instances`)
    .filter((name) => /^[0-9a-f]{8}-/.test(name))
    .map((id) => {
      const { spec, ended } = JSON.parse(readFileSync(`${root}/instances/${id}/guest.json`, 'utf8')) as Kept
      const { number, generation, nics, volumes } = spec
      const power = running.some((words) => words.includes(id)) ? 'running' : (ended ?? 'shutdown')
      return {
        id,
        number,
        generation,
        nics,
        volumes,
        power,
        domain: `instance-${number.toString(16).padStart(8, '0')}`,
      }
    })
}

type Table = { headings: string[]; data: unknown[][] }

/** Of the switch's database; a map of OVSDB's comes as ["map", [[key, value], ...]]. */
async function livePorts({ machine }: Stage): Promise<LivePort[]> {
  const list = async (table: string, columns: string) => {
    const words = ['--timeout=60', '--format=json', `--columns=${columns}`, 'list', table]
    const { headings, data } = JSON.parse(await machine.text('ovs-vsctl', ...words)) as Table
    return data.map((row) => Object.fromEntries(headings.map((heading, at) => [heading, row[at]])))
  }
  const [interfaces, ports] = await Promise.all([
    list('Interface', 'name,external_ids,ofport'),
    list('Port', 'name,tag'),
  ])
  const tags = new Map(
    ports.map(({ name, tag }) => [name, typeof tag === 'number' && tag !== 4095 ? tag : 0]),
  )
  return interfaces.flatMap(({ name, external_ids: ids, ofport }) => {
    const at = Object.fromEntries((ids as [string, [string, string][]])[1]) as Record<string, string>
    if (at['iface-id'] === undefined) return []
    const namespace = at['nimbo-namespace']
    return {
      portId: at['iface-id'],
      networkId: at['nimbo-network'] ?? '',
      mac: at['attached-mac'] ?? '',
      device: String(name),
      kind: namespace === undefined ? ('tap' as const) : ('namespace' as const),
      ...(namespace !== undefined && { namespace }),
      deviceId: at['vm-id'] ?? '',
      localVlan: tags.get(name) ?? 0,
      ready: typeof ofport === 'number' && ofport > 0,
    }
  })
}

/** By the inode that /proc names. */
async function namespaces({ machine }: Stage): Promise<Map<string, string>> {
  const { stdout } = await machine.run('sh', ['-c', 'stat -Lc "%i %n" /run/netns/*'])
  return new Map(
    stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => {
        const [inode, path] = line.split(' ')
        return [`net:[${inode}]`, path!.split('/').at(-1)!]
      }),
  )
}

function inside({ machine }: Stage, spaces: ReadonlyMap<string, string>): NamespaceProcess[] {
  return machineProcesses(machine.pid)
    .filter((one) => ['dnsmasq', 'haproxy'].includes(kindOf(one) ?? ''))
    .flatMap(({ pid, startTicks, command }) => {
      const namespace = spaces.get(readlinkSync(`/proc/${pid}/ns/net`))
      return namespace === undefined ? [] : [{ namespace, pid, startTicks, command: [...command] }]
    })
}

// The switch's database as this driver sees it: a live copy of its tables, and changes that wait until the daemon
// has carried them out. Reconnects by itself; what was lost in between shows in the copy.
import { CloudError, fullMessage } from '#kit/errors/cloud-error.ts'
import type { Log } from '#kit/log/log.ts'
import { connectOvsdb, type Operation, type OvsdbClient } from '#kit/ovsdb/client.ts'
import { type Change, openReplica, type Replica } from '#kit/ovsdb/replica.ts'
import {
  mapOf,
  mapValue,
  namedUuid,
  number,
  one,
  type Row,
  setOf,
  setValue,
  text,
  uuid,
} from '#kit/ovsdb/value.ts'
import type { World } from '#kit/world/world.ts'

const database = 'Open_vSwitch'
const watched = {
  Open_vSwitch: ['bridges', 'cur_cfg', 'next_cfg', 'ovs_version'],
  Bridge: ['name', 'ports', 'external_ids', 'datapath_type'],
  Port: ['name', 'interfaces', 'tag', 'external_ids', 'other_config'],
  Interface: ['name', 'type', 'ofport', 'external_ids', 'options', 'error', 'ifindex'],
}
const applyTimeoutMs = 15_000

export type PortRow = {
  name: string
  bridge: string
  portUuid: string
  interfaceUuid: string
  type: string
  /** 0 while the daemon hasn't given one, -1 where it can't use the device. */
  ofport: number
  error: string
  tag: number
  ids: Record<string, string>
  other: Record<string, string>
  options: Record<string, string>
}

export type BridgeRow = { name: string; uuid: string; ids: Record<string, string>; datapath: string }

export type NewPort = {
  bridge: string
  name: string
  type?: string
  tag?: number
  ofportRequest?: number
  options?: Record<string, string>
  /** Written to the interface, where iface-id and attached-mac belong. */
  ids?: Record<string, string>
}

export type Switch = {
  readonly version: string
  bridges(): BridgeRow[]
  ports(): PortRow[]
  port(name: string): PortRow | undefined
  addBridge(bridge: {
    name: string
    datapath: string
    failMode: string
    ids: Record<string, string>
    /** Of the bridge's own device; the daemon chooses one otherwise. */
    mac?: string
  }): Promise<void>
  removeBridges(names: readonly string[]): Promise<void>
  /** Idempotent: a port that is there gets its ids and options set. */
  addPorts(ports: readonly NewPort[]): Promise<void>
  removePorts(names: readonly string[]): Promise<void>
  setPorts(changes: readonly { name: string; tag: number; other: Record<string, string> }[]): Promise<void>
  /** Until each of these ports has its number, or the daemon says why not. */
  untilReady(names: readonly string[]): Promise<void>
  /** Until the daemon has carried out everything up to now; after its restart, until its bridges stand again. */
  settled(): Promise<void>
  close(): void
}

export async function openSwitch(
  world: World,
  log: Log,
  socket: string,
  on: { changed(changes: Change[]): void; lost(): Promise<void>; reconnected(): void },
): Promise<Switch> {
  let client: OvsdbClient
  let replica: Replica
  let closed = false

  const connect = async () => {
    client = await connectOvsdb(world, socket)
    replica = await openReplica(client, database, watched, on.changed)
    void client.closed.then(async (reason) => {
      if (closed) return
      log.warn({ reason: fullMessage(reason) }, 'lost the Open vSwitch database, connecting again')
      await reconnect()
    })
  }
  const reconnect = async () => {
    while (!closed) {
      try {
        await on.lost()
        await connect()
        on.reconnected()
        return
      } catch (error) {
        log.debug({ error: fullMessage(error) }, 'the Open vSwitch database does not answer yet')
        await world.timers.sleep(500, { background: true })
      }
    }
  }
  await connect()

  const root = (): Row => {
    for (const row of replica.rows('Open_vSwitch').values()) return row
    throw new CloudError('unavailable', "Open vSwitch's database is empty")
  }
  const within = async (what: string, holds: () => boolean) => {
    const abort = new AbortController()
    const cancel = world.timers.after(
      applyTimeoutMs,
      () =>
        abort.abort(new CloudError('timeout', `Open vSwitch did not ${what} in ${applyTimeoutMs / 1000} s`)),
      { background: true },
    )
    try {
      await replica.until(holds, abort.signal)
    } finally {
      cancel()
    }
  }
  /** The daemon writes the number of the change that it has carried out into cur_cfg: ovs-vsctl waits the same way. */
  const commit = async (operations: Operation[]) => {
    const results = await client.transact(database, [
      ...operations,
      { op: 'mutate', table: 'Open_vSwitch', where: [], mutations: [['next_cfg', '+=', 1]] },
      { op: 'select', table: 'Open_vSwitch', where: [], columns: ['next_cfg'] },
    ])
    const wanted = number(results.at(-1)?.rows?.[0]?.next_cfg) ?? 0
    await within('carry out a change', () => (number(root().cur_cfg) ?? 0) >= wanted)
  }

  const bridges = (): BridgeRow[] =>
    [...replica.rows('Bridge')].map(([id, row]) => ({
      name: text(row.name),
      uuid: id,
      ids: mapOf(row.external_ids),
      datapath: text(row.datapath_type),
    }))
  const ports = (): PortRow[] => {
    const found: PortRow[] = []
    for (const bridge of replica.rows('Bridge').values()) {
      for (const portUuid of setOf(bridge.ports) as string[]) {
        const port = replica.rows('Port').get(portUuid)
        const interfaceUuid = one(port?.interfaces) as string | undefined
        const face = interfaceUuid === undefined ? undefined : replica.rows('Interface').get(interfaceUuid)
        if (!port || !face || interfaceUuid === undefined) continue
        found.push({
          name: text(port.name),
          bridge: text(bridge.name),
          portUuid,
          interfaceUuid,
          type: text(face.type),
          ofport: usableOfport(face),
          error: text(face.error),
          tag: number(port.tag) ?? 0,
          ids: mapOf(face.external_ids),
          other: mapOf(port.other_config),
          options: mapOf(face.options),
        })
      }
    }
    return found
  }
  const byName = () => new Map(ports().map((port) => [port.name, port]))

  return {
    get version() {
      return text(root().ovs_version)
    },
    bridges,
    ports,
    port: (name) => byName().get(name),

    async addBridge({ name, datapath, failMode, ids, mac }) {
      await commit([
        { op: 'insert', table: 'Interface', 'uuid-name': 'face', row: { name, type: 'internal' } },
        { op: 'insert', table: 'Port', 'uuid-name': 'port', row: { name, interfaces: namedUuid('face') } },
        {
          op: 'insert',
          table: 'Bridge',
          'uuid-name': 'bridge',
          row: {
            name,
            ports: setValue([namedUuid('port')]),
            datapath_type: datapath,
            fail_mode: failMode,
            protocols: setValue(['OpenFlow10', 'OpenFlow13', 'OpenFlow14', 'OpenFlow15']),
            external_ids: mapValue(ids),
            ...(mac === undefined ? {} : { other_config: mapValue({ hwaddr: mac }) }),
          },
        },
        mutate('Open_vSwitch', [], 'bridges', 'insert', [namedUuid('bridge')]),
      ])
    },

    async removeBridges(names) {
      const ids = bridges()
        .filter(({ name }) => names.includes(name))
        .map((bridge) => uuid(bridge.uuid))
      if (ids.length > 0) await commit([mutate('Open_vSwitch', [], 'bridges', 'delete', ids)])
    },

    async addPorts(wanted) {
      const existing = byName()
      const operations = wanted.flatMap((port, index): Operation[] => {
        const ids = port.ids ?? {}
        const options = port.options ?? {}
        const there = existing.get(port.name)
        if (there && there.bridge === port.bridge) {
          if (sameMap({ ...there.ids, ...ids }, there.ids) && sameMap(options, there.options)) return []
          const row = { external_ids: mapValue({ ...there.ids, ...ids }), options: mapValue(options) }
          return [{ op: 'update', table: 'Interface', where: byUuid(there.interfaceUuid), row }]
        }
        const bridge = replica.named('Bridge', port.bridge)
        if (!bridge)
          throw new CloudError('conflict', `The bridge '${port.bridge}' is not there: prepare it first`)
        const face = {
          name: port.name,
          type: port.type ?? '',
          options: mapValue(options),
          external_ids: mapValue(ids),
          ...(port.ofportRequest === undefined ? {} : { ofport_request: port.ofportRequest }),
        }
        const row = {
          name: port.name,
          interfaces: namedUuid(`face${index}`),
          ...(port.tag === undefined ? {} : { tag: port.tag }),
        }
        const stale = there && replica.named('Bridge', there.bridge)
        return [
          ...(stale ? [mutate('Bridge', byUuid(stale.uuid), 'ports', 'delete', [uuid(there.portUuid)])] : []),
          { op: 'insert', table: 'Interface', 'uuid-name': `face${index}`, row: face },
          { op: 'insert', table: 'Port', 'uuid-name': `port${index}`, row },
          mutate('Bridge', byUuid(bridge.uuid), 'ports', 'insert', [namedUuid(`port${index}`)]),
        ]
      })
      if (operations.length > 0) await commit(operations)
    },

    async removePorts(names) {
      const existing = byName()
      const operations = names.flatMap((name): Operation[] => {
        const port = existing.get(name)
        const bridge = port && replica.named('Bridge', port.bridge)
        return bridge ? [mutate('Bridge', byUuid(bridge.uuid), 'ports', 'delete', [uuid(port.portUuid)])] : []
      })
      if (operations.length > 0) await commit(operations)
    },

    async setPorts(changes) {
      const existing = byName()
      const operations = changes.flatMap(({ name, tag, other }): Operation[] => {
        const port = existing.get(name)
        if (!port || (port.tag === tag && sameMap(port.other, other))) return []
        const row = { tag, other_config: mapValue(other) }
        return [{ op: 'update', table: 'Port', where: byUuid(port.portUuid), row }]
      })
      if (operations.length > 0) await commit(operations)
    },

    untilReady: (names) =>
      within('take its ports', () => {
        const existing = byName()
        return names.every((name) => (existing.get(name)?.ofport ?? 0) !== 0)
      }),

    settled: () => commit([]),

    close() {
      closed = true
      client.close()
    },
  }
}

/**
 * 0 until the daemon gave one, -1 where it can't use the device. A device that goes later keeps its number there,
 * but has no index any more.
 */
export function usableOfport(face: Row): number {
  if (text(face.type) === '' && number(face.ifindex) === 0) return -1
  return number(face.ofport) ?? 0
}

function byUuid(id: string) {
  return [['_uuid', '==', uuid(id)]]
}

function mutate(
  table: string,
  where: unknown[],
  column: string,
  mutator: 'insert' | 'delete',
  atoms: ReturnType<typeof uuid | typeof namedUuid>[],
): Operation {
  return { op: 'mutate', table, where, mutations: [[column, mutator, setValue(atoms)]] }
}

function sameMap(a: Record<string, string>, b: Record<string, string>): boolean {
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key])
}

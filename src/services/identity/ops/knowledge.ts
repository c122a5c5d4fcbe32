// What changes rarely and every token needs: roles, what they imply, the catalog, revocations. Kept in memory, and
// read again after any write of identity, whichever process made it.
import type { Database, Db, Transaction } from '#kit/db/database.ts'
import type { Endpoint } from '../resources/endpoint.ts'
import type { Role } from '../resources/role.ts'
import type { Service } from '../resources/service.ts'
import { listEndpoints } from '../store/endpoint.ts'
import {
  listEndpointGroups,
  listProjectEndpointGroups,
  listProjectEndpoints,
} from '../store/endpoint-filter.ts'
import { raiseEpoch, readEpoch } from '../store/revocation.ts'
import { listImplications, listRoles } from '../store/role.ts'
import { listServices } from '../store/service.ts'
import { matchesFilters } from './endpoint-filter.ts'
import { openRevocations, type RevocationIndex } from './revocation.ts'

export type Facts = {
  readonly epoch: number
  readonly roles: ReadonlyMap<string, Role>
  /** Directly implied roles by the id of the prior one. */
  readonly implied: ReadonlyMap<string, readonly string[]>
  readonly services: readonly Service[]
  readonly endpoints: ReadonlyMap<string, readonly Endpoint[]>
  /** The endpoints that the catalog shows to a project; one that isn't named here was given none. */
  readonly projectEndpoints: ReadonlyMap<string, ReadonlySet<string>>
  readonly revocations: RevocationIndex
}

export type Knowledge = {
  /** A number that each write changes: what was remembered under another one is out of date. */
  epoch(): Promise<number>
  facts(): Promise<Facts>
  /** Part of every transaction that writes. */
  outdate(tx: Transaction): Promise<void>
  /** What tokens mean has changed otherwise than by a write: by their keys. */
  forget(): void
  /** Called after each write of this process, and when all is to be forgotten. */
  onChange(listener: () => void): void
}

export function openKnowledge(db: Database): Knowledge {
  // An SQLite file belongs to one process, so a variable is enough; elsewhere the counter lives in the database.
  const alone = db.dialect === 'sqlite'
  const listeners: (() => void)[] = []
  const revocations = openRevocations()
  let counter = 0
  let facts: Facts | undefined
  let loading: { epoch: number; facts: Promise<Facts> } | undefined

  const shared = inTurns(() => readEpoch(db))
  const epoch = async () => (alone ? counter : shared())
  const forget = () => {
    counter++
    for (const listener of listeners) listener()
  }
  return {
    epoch,
    forget,
    async facts() {
      // Read before the rest, so that facts may be newer than their number and never older.
      const now = await epoch()
      if (facts?.epoch === now) return facts
      if (loading?.epoch !== now) loading = { epoch: now, facts: load(db, now, revocations) }
      const mine = loading
      try {
        const loaded = await mine.facts
        if (!facts || facts.epoch < loaded.epoch) facts = loaded
        return loaded
      } finally {
        if (loading === mine) loading = undefined
      }
    },
    async outdate(tx) {
      if (!alone) await raiseEpoch(tx)
      tx.afterCommit(forget)
    },
    onChange: (listener) => void listeners.push(listener),
  }
}

/**
 * Many who ask at once share one reading, and none gets one that began before it asked: what another controller had
 * committed by then is seen.
 */
function inTurns<T>(read: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined
  let next: Promise<T> | undefined
  const start = (): Promise<T> => {
    const mine = read().finally(() => {
      if (running === mine) running = undefined
    })
    running = mine
    return mine
  }
  return () => {
    if (!running) return start()
    next ??= running
      .then(
        () => {},
        () => {},
      )
      .then(() => {
        next = undefined
        return start()
      })
    return next
  }
}

async function load(db: Db, epoch: number, revocations: RevocationIndex): Promise<Facts> {
  const [roles, implications, services, endpoints] = await Promise.all([
    listRoles(db),
    listImplications(db),
    listServices(db),
    listEndpoints(db),
    revocations.refresh(db),
  ])
  return {
    epoch,
    roles: new Map(roles.map((role) => [role.id, role])),
    implied: groupBy(
      implications,
      (each) => each.priorRoleId,
      (each) => each.impliedRoleId,
    ),
    services: services.filter((service) => service.enabled),
    endpoints: groupBy(
      endpoints.filter((endpoint) => endpoint.enabled),
      (each) => each.serviceId,
      (each) => each,
    ),
    projectEndpoints: await projectEndpoints(db, endpoints),
    revocations,
  }
}

/** Those given to it singly and those of the endpoint groups given to it. */
async function projectEndpoints(db: Db, endpoints: readonly Endpoint[]): Promise<Map<string, Set<string>>> {
  const [single, places, groups] = await Promise.all([
    listProjectEndpoints(db),
    listProjectEndpointGroups(db),
    listEndpointGroups(db),
  ])
  const shown = new Map<string, Set<string>>()
  const of = (projectId: string) => {
    const known = shown.get(projectId) ?? new Set()
    shown.set(projectId, known)
    return known
  }
  for (const { projectId, endpointId } of single) of(projectId).add(endpointId)
  for (const { projectId, endpointGroupId } of places) {
    const filters = groups.find((each) => each.id === endpointGroupId)?.filters
    if (!filters) continue
    for (const each of endpoints) if (matchesFilters(each, filters)) of(projectId).add(each.id)
  }
  return shown
}

function groupBy<T, V>(rows: readonly T[], key: (row: T) => string, value: (row: T) => V): Map<string, V[]> {
  const groups = new Map<string, V[]>()
  for (const row of rows) {
    const group = groups.get(key(row))
    if (group) group.push(value(row))
    else groups.set(key(row), [value(row)])
  }
  return groups
}

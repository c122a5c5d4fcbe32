// Every operation is done or undone: what users own is there as they left it, what they deleted is gone, and nothing is
// there that nobody asked for.
import { differences, type Kind, type Thing } from '../workload/thing.ts'
import { byId, type Facts, liveServers, parsed, type Row, text } from './fact.ts'

type Found = ReadonlyMap<string, Row>

/** What is in the databases, by kind and id. */
function found(facts: Facts): Record<Kind, Found> {
  const { compute, network, volume, image, identity } = facts
  return {
    server: byId(liveServers(facts)),
    keypair: byId(compute.keypair, 'name'),
    server_group: byId(compute.server_group),
    flavor: byId(compute.flavor),
    aggregate: byId(compute.aggregate, 'number'),
    volume: byId(volume.volume),
    image: byId(image.image),
    network: byId(network.network),
    subnet: byId(network.subnet),
    port: byId(network.port),
    router: byId(network.router),
    floatingip: byId(network.floatingip),
    security_group: byId(network.security_group),
    security_group_rule: byId(network.security_group_rule),
    application_credential: byId(identity.application_credential),
  }
}

/** Attributes that are columns of the same name; what is JSON there is taken as such. */
const compared: readonly string[] = [
  'name',
  'description',
  'metadata',
  'tags',
  'size',
  'network_id',
  'visibility',
]
const json = ['metadata', 'tags']

const owners = ['project_id', 'owner'] as const

export function* operationDone(facts: Facts, things: readonly Thing[]): Iterable<string> {
  const rows = found(facts)
  const named = new Map<string, Thing>()
  for (const thing of things) {
    named.set(`${thing.kind} ${thing.name}`, thing)
    const row = thing.id === undefined ? undefined : rows[thing.kind].get(thing.id)
    const words = `${thing.kind} ${thing.id} (${thing.name})`
    if (thing.standing === 'there' && !row) yield `${words} is not there, and nobody deleted it`
    if (thing.standing === 'gone' && row) yield `${words} was deleted, and is there`
    if (thing.standing === 'going' && row && !hasFailed(row)) yield `${words} was to be deleted, and is there`
    if (thing.standing === 'there' && row) {
      const shown = Object.fromEntries(
        compared
          .filter((name) => name in row)
          .map((name) => [name, json.includes(name) ? parsed(row, name) : row[name]]),
      )
      const known = new Map([...thing.seen].filter(([name]) => name in shown))
      for (const each of differences({ ...thing, seen: known }, shown)) yield `${words}: ${each}`
      const owner = owners.find((name) => name in row)
      if (owner && row[owner] !== thing.projectId) yield `${words} belongs to project ${row[owner]} now`
    }
  }
  yield* nobodys(rows, named)
}

/** It could not be deleted, and says so: its owner may try again. */
function hasFailed(row: Row): boolean {
  return row.vm_state === 'error' || row.status === 'error_deleting'
}

/** Names of users' things begin with their client's, so that what a lost request left is told from the ground. */
function* nobodys(rows: Record<Kind, Found>, named: ReadonlyMap<string, Thing>): Iterable<string> {
  const ours = /^(p\d+c\d+|operator\d+)-([a-z_]+)-\d+$/
  for (const [kind, found] of Object.entries(rows))
    for (const row of found.values()) {
      const name = ours.test(text(row, 'name')) ? text(row, 'name') : text(row, 'description')
      if (ours.test(name) && !named.has(`${kind} ${name}`))
        yield `${kind} ${row.id} (${name}) was asked for by nobody`
    }
}

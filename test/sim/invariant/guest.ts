// Guests on hosts are the servers of the API, with their power, cards and disks.
import { compare, type Facts, type Invariant, liveServers, type Row, text } from './fact.ts'

const power: Record<string, readonly string[]> = {
  active: ['running'],
  // One whose host lost its power before it had noted the first start is found as if it never ran.
  stopped: ['shutdown', 'crashed', 'building'],
  paused: ['paused'],
}

export const guest: Invariant = {
  name: 'guest',
  says: 'Each server has one guest, on its host, in its power state, with its ports and volumes; no guest is without a server.',
  *check(facts: Facts) {
    const servers = new Map(liveServers(facts).map((server) => [text(server, 'id'), server]))
    const seen = new Set<string>()
    for (const host of facts.hosts) {
      if (!host.up) continue
      for (const guest of host.guests) {
        const server = servers.get(guest.id)
        if (!server) yield `guest ${guest.id} on ${host.name} has no server`
        else if (server.host !== host.name)
          yield `guest ${guest.id} is on ${host.name}, and its server on ${server.host}`
        else {
          seen.add(guest.id)
          yield* matches(facts, server, guest)
        }
      }
    }
    const up = new Set(facts.hosts.filter((host) => host.up).map(({ name }) => name))
    for (const [id, server] of servers)
      if (!seen.has(id) && server.vm_state !== 'error' && up.has(text(server, 'host')))
        yield `server ${id} is ${server.vm_state} on ${server.host}, which has no such guest`
  },
}

function* matches(
  facts: Facts,
  server: Row,
  guest: Facts['hosts'][number]['guests'][number],
): Iterable<string> {
  const allowed = power[text(server, 'vm_state')]
  if (allowed && !allowed.includes(guest.power))
    yield `server ${server.id} is ${server.vm_state}, and its guest ${guest.power}`
  // One in ERROR may be half of itself: its owner knows.
  if (server.vm_state === 'error') return
  const ports = facts.network.port.filter((port) => port.device_id === server.id)
  yield* compare(
    ports.map((port) => text(port, 'id')),
    guest.nics.map(({ portId }) => portId),
    (id) => `port ${id} of server ${server.id} is no card of its guest`,
    (id) => `guest ${server.id} has a card for port ${id}, which is not its server's`,
  )
  const disks = facts.compute.block_device.filter(
    (disk) => disk.server_id === server.id && disk.volume_id !== null,
  )
  yield* compare(
    disks.map((disk) => text(disk, 'volume_id')),
    guest.volumes.map(({ volumeId }) => volumeId),
    (id) => `volume ${id} of server ${server.id} is no disk of its guest`,
    (id) => `guest ${server.id} has volume ${id}, which its server does not`,
  )
}

// Volumes are where the API says, and lent to whom compute knows.
import { byId, compare, type Facts, type Invariant, liveServers, neverRan, text } from './fact.ts'

export const volume: Invariant = {
  name: 'volume',
  says: 'Each volume lies on its host and nothing else does; its attachments are the disks of servers, and its status follows from them.',
  *check(facts: Facts) {
    const volumes = byId(facts.volume.volume)
    for (const host of facts.hosts) {
      if (!host.up) continue
      const wanted = [...volumes.values()].filter(
        (each) =>
          text(each, 'host').split('@')[0] === host.name &&
          !['error', 'error_deleting'].includes(text(each, 'status')),
      )
      yield* compare(
        wanted.map((each) => text(each, 'id')),
        host.volumes.filter((id) => text(volumes.get(id) ?? {}, 'status') !== 'error_deleting'),
        (id) => `volume ${id} is on ${host.name}, which has nothing of it`,
        (id) => `${host.name} has volume ${id}, which the API doesn't know there`,
      )
      for (const id of host.unconfirmedVolumes)
        yield `${host.name} doesn't know whether the cloud wants volume ${id}`
    }
    const attachments = byId(facts.volume.volume_attachment)
    const servers = new Set(liveServers(facts).map((server) => text(server, 'id')))
    for (const attachment of attachments.values()) {
      if (!volumes.has(text(attachment, 'volume_id'))) yield `attachment ${attachment.id} is of no volume`
      if (attachment.server_id !== null && !servers.has(text(attachment, 'server_id')))
        yield `attachment ${attachment.id} lends volume ${attachment.volume_id} to server ${attachment.server_id}, which is gone`
    }
    for (const each of volumes.values()) {
      const lent = [...attachments.values()].some(({ volume_id }) => volume_id === each.id)
      if (each.status === 'in-use' && !lent) yield `volume ${each.id} is in use by nobody`
      if (each.status === 'available' && lent) yield `volume ${each.id} is available and has attachments`
    }
    const never = neverRan(facts)
    const disks = facts.compute.block_device.filter(
      (disk) =>
        disk.volume_id !== null && (disk.attachment_id !== null || !never.has(text(disk, 'server_id'))),
    )
    yield* compare(
      disks.map((disk) => `${disk.attachment_id} of server ${disk.server_id} and volume ${disk.volume_id}`),
      [...attachments.values()].map(
        (each) => `${each.id} of server ${each.server_id} and volume ${each.volume_id}`,
      ),
      (each) => `compute knows attachment ${each}, and volume doesn't`,
      (each) => `volume knows attachment ${each}, and compute doesn't`,
    )
    for (const disk of facts.compute.block_device)
      if (!servers.has(text(disk, 'server_id')))
        yield `disk ${disk.id} is of server ${disk.server_id}, which is gone`
  },
}

// Rows that belong to a server are of one that is there: what is counted for quotas is what is used.
import { type Facts, type Invariant, liveServers, text } from './fact.ts'

export const part: Invariant = {
  name: 'part',
  says: 'Parts of servers (requests, memberships of groups) are of servers that are there.',
  *check(facts: Facts) {
    const servers = new Set(liveServers(facts).map((server) => text(server, 'id')))
    for (const { group_id, server_id } of facts.compute.server_group_member)
      if (!servers.has(String(server_id)))
        yield `server group ${group_id} holds server ${server_id}, which is gone`
    const groups = new Set(facts.compute.server_group.map((group) => text(group, 'id')))
    for (const { group_id } of facts.compute.server_group_member)
      if (!groups.has(String(group_id))) yield `server group ${group_id} is gone and has members`
  },
}

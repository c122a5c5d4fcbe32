// What was asked for when a server was made, as far as the server's own row doesn't say: the scheduler and the tasks read it.
import { c, table } from '#kit/db/table.ts'

export type NetworkWish = {
  /** The user's own port; or else a port is made on the network. */
  portId: string | null
  networkId: string
  network: string
  fixedIp: string | null
  tag: string | null
}
export type ImageNeeds = { id: string; minRam: number; minDisk: number; properties: Record<string, string> }
export type Hints = {
  group?: string
  sameHost?: string[]
  differentHost?: string[]
}
export type RequestedServer = {
  networks: NetworkWish[]
  securityGroupIds: string[]
  image: ImageNeeds | null
  hints: Hints
  /** `zone:host[:node]`: the scheduler has no say, as an administrator wished. */
  forcedHost: string | null
  forcedNode: string | null
  /** The `host` and `hypervisor_hostname` of 2.74: filters still apply. */
  requestedHost: string | null
  requestedNode: string | null
  files: { path: string; contents: string }[]
  /** The public key at that time; the key pair may go before the server. */
  key: { name: string; type: string; publicKey: string } | null
}

export const requestSpec = table(
  'request_spec',
  { serverId: c.id(), spec: c.json<RequestedServer>() },
  { primaryKey: ['serverId'] },
)

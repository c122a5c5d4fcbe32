// What this service asks of the others, over their public APIs.
import { hostRole } from '#contracts/host.ts'
import { restClient } from '#kit/http/client.ts'
import type { Journal, Trace } from '#kit/journal/journal.ts'
import type { Platform } from '#kit/service/platform.ts'

export type ComputeService = {
  id: string
  host: string
  up: boolean
  disabled: boolean
  disabledReason: string | null
}
export type NetworkAgent = {
  id: string
  host: string
  binary: string
  up: boolean
  /** Where the host's tunnels end, of the agent that makes them. */
  tunnelIp: string | undefined
}
export type VolumeService = { host: string; up: boolean; disabled: boolean }

export type Peers = ReturnType<typeof openPeers>
type Asking = { trace: Trace; token: string }

/** The last version in which hypervisors tell how many servers they have. */
const hypervisorVersion = { 'openstack-api-version': 'compute 2.87' }
const computeVersion = { 'openstack-api-version': 'compute 2.93' }
const service = 'cinder-volume'

export function openPeers(platform: Platform, journal: Journal) {
  const { http } = platform
  const rest = (type: 'identity' | 'compute' | 'network' | 'volume', path: string, peer: string) =>
    restClient({ http, journal, baseUrl: () => platform.endpoint(type) + path, peer })
  const compute = rest('compute', '/v2.1', 'nova-api')
  const network = rest('network', '/v2.0', 'neutron-server')
  const volume = rest('volume', '/v3', 'cinder-api')
  const identity = rest('identity', '/v3', 'keystone')

  const idOf = async (
    { trace, token }: Asking,
    kind: 'users' | 'projects' | 'roles',
    query: Record<string, string>,
  ): Promise<string | undefined> => {
    type Listed = Record<typeof kind, { id: string }[]>
    return (await identity.request<Listed>(trace, token, 'GET', `/${kind}`, { query })).body[kind][0]?.id
  }

  /** Gives it a host's role in project `service`, and takes what hosts of earlier releases had: all that nova may do. */
  async function limitServiceUser(at: Asking, user: string): Promise<void> {
    const { trace, token } = at
    const project = (await idOf(at, 'projects', { name: 'service', domain_id: 'default' }))!
    const grant = '/projects/:project/users/:user/roles/:role'
    let role = await idOf(at, 'roles', { name: hostRole })
    if (role === undefined) {
      const body = { role: { name: hostRole, description: 'The agent of a host that joined' } }
      role = (await identity.request<{ role: { id: string } }>(trace, token, 'POST', '/roles', { body })).body
        .role.id
    }
    await identity.request(trace, token, 'PUT', grant, { params: { project, user, role } })
    for (const name of ['admin', 'service']) {
      const params = { project, user, role: (await idOf(at, 'roles', { name }))! }
      await identity.request(trace, token, 'DELETE', grant, { params, accept: [404] })
    }
  }

  return {
    async computeServices({ trace, token }: Asking, host?: string): Promise<ComputeService[]> {
      type Listed = {
        id: string
        host: string
        state: string
        status: string
        disabled_reason: string | null
      }
      const { body } = await compute.request<{ services: Listed[] }>(trace, token, 'GET', '/os-services', {
        headers: computeVersion,
        query: { binary: 'nova-compute', host },
      })
      return body.services.map((each) => ({
        id: each.id,
        host: each.host,
        up: each.state === 'up',
        disabled: each.status === 'disabled',
        disabledReason: each.disabled_reason,
      }))
    },

    /** How many servers are on each host. */
    async serverCounts({ trace, token }: Asking): Promise<Map<string, number>> {
      type Listed = { running_vms: number; service: { host: string } }
      const { body } = await compute.request<{ hypervisors: Listed[] }>(
        trace,
        token,
        'GET',
        '/os-hypervisors/detail',
        { headers: hypervisorVersion },
      )
      return new Map(body.hypervisors.map((each) => [each.service.host, each.running_vms]))
    },

    async serversOn({ trace, token }: Asking, host: string): Promise<{ id: string; name: string }[]> {
      type Listed = { servers: { id: string; name: string }[] }
      const query = { all_tenants: '1', host }
      return (await compute.request<Listed>(trace, token, 'GET', '/servers/detail', { query })).body.servers
    },

    async changeComputeService(
      { trace, token }: Asking,
      id: string,
      change: { disabled?: boolean; reason?: string; forcedDown?: boolean },
    ): Promise<void> {
      await compute.request(trace, token, 'PUT', '/os-services/:id', {
        params: { id },
        headers: computeVersion,
        body: {
          ...(change.disabled !== undefined && { status: change.disabled ? 'disabled' : 'enabled' }),
          ...(change.reason !== undefined && { disabled_reason: change.reason }),
          ...(change.forcedDown !== undefined && { forced_down: change.forcedDown }),
        },
      })
    },

    /** False while servers are on its host. */
    async deleteComputeService({ trace, token }: Asking, id: string): Promise<boolean> {
      const { status } = await compute.request(trace, token, 'DELETE', '/os-services/:id', {
        params: { id },
        headers: computeVersion,
        accept: [404, 409],
      })
      return status !== 409
    },

    async failServer({ trace, token }: Asking, id: string): Promise<void> {
      await compute.request(trace, token, 'POST', '/servers/:id/action', {
        params: { id },
        body: { 'os-resetState': { state: 'error' } },
        subject: `server:${id}`,
        accept: [404],
      })
    },

    async networkAgents({ trace, token }: Asking, host?: string): Promise<NetworkAgent[]> {
      type Settings = { tunneling_ip?: string } | null
      type Listed = { id: string; host: string; binary: string; alive: boolean; configurations?: Settings }
      const { body } = await network.request<{ agents: Listed[] }>(trace, token, 'GET', '/agents', {
        query: { host },
      })
      return body.agents.map(({ id, host, binary, alive, configurations }) => {
        return { id, host, binary, up: alive, tunnelIp: configurations?.tunneling_ip }
      })
    },

    async deleteNetworkAgent({ trace, token }: Asking, id: string): Promise<void> {
      await network.request(trace, token, 'DELETE', '/agents/:id', { params: { id }, accept: [404] })
    },

    /** Ports of servers that are bound to the host; those of its own agents go with these. */
    async portsOn({ trace, token }: Asking, host: string): Promise<number> {
      type Listed = { ports: { device_owner: string }[] }
      const query = { 'binding:host_id': host, fields: 'device_owner' }
      const { body } = await network.request<Listed>(trace, token, 'GET', '/ports', { query })
      return body.ports.filter((port) => port.device_owner.startsWith('compute:')).length
    },

    async volumeServices({ trace, token }: Asking, host?: string): Promise<VolumeService[]> {
      type Listed = { host: string; state: string; status: string }
      const query = { binary: service, host }
      const { body } = await volume.request<{ services: Listed[] }>(trace, token, 'GET', '/os-services', {
        query,
      })
      return body.services.map((each) => ({
        host: each.host,
        up: each.state === 'up',
        disabled: each.status === 'disabled',
      }))
    },

    /** `host` as cinder has it: 'node2@file'. */
    async changeVolumeService(
      { trace, token }: Asking,
      host: string,
      wish: { disabled: boolean; reason?: string },
    ): Promise<void> {
      const body = { host, binary: service }
      const why = wish.reason === undefined ? {} : { disabled_reason: wish.reason }
      const what = !wish.disabled ? 'enable' : wish.reason === undefined ? 'disable' : 'disable-log-reason'
      await volume.request(trace, token, 'PUT', `/os-services/${what}`, { body: { ...body, ...why } })
    },

    /** What volumes it still has are lost: in error, to be deleted. */
    async deleteVolumeService({ trace, token }: Asking, host: string): Promise<void> {
      await volume.request(trace, token, 'DELETE', '/os-services/:host', { params: { host }, accept: [404] })
    },

    async volumesOn({ trace, token }: Asking, host: string): Promise<number> {
      type Listed = { volumes: unknown[] }
      const query = { all_tenants: '1', host }
      return (await volume.request<Listed>(trace, token, 'GET', '/volumes', { query })).body.volumes.length
    },

    /** A service user with a host's rights alone; its password is set where it is there. */
    async putServiceUser(at: Asking, name: string, password: string): Promise<string> {
      const { trace, token } = at
      const domain = { domain_id: 'default' }
      let id = await idOf(at, 'users', { name, ...domain })
      if (id) {
        const change = { user: { password, enabled: true } }
        await identity.request(trace, token, 'PATCH', '/users/:id', { params: { id }, body: change })
      } else {
        const user = { name, password, ...domain, description: 'The agent of a host that joined' }
        const made = await identity.request<{ user: { id: string } }>(trace, token, 'POST', '/users', {
          body: { user },
        })
        id = made.body.user.id
      }
      await limitServiceUser(at, id)
      return id
    },

    limitServiceUser,

    async deleteServiceUser({ trace, token }: Asking, id: string): Promise<void> {
      await identity.request(trace, token, 'DELETE', '/users/:id', { params: { id }, accept: [404] })
    },
  }
}

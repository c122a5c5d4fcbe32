// What an operator prepares before users come: an outside network, flavors, an image for all, projects and users.
import { Readable } from 'node:stream'
import type { WorkloadCloud } from './client.ts'
import { isRefusal } from './operation.ts'

export type Ground = {
  readonly publicNetwork: string
  /** Ids. */
  readonly flavors: readonly string[]
  readonly image: string
  readonly roles: ReadonlyMap<string, string>
}

const sizes = [
  { name: 'sim.tiny', ram: 64, vcpus: 1, disk: 1 },
  { name: 'sim.small', ram: 256, vcpus: 1, disk: 2 },
  { name: 'sim.large', ram: 1024, vcpus: 4, disk: 10 },
]

export async function prepareGround({ admin }: WorkloadCloud): Promise<Ground> {
  const post = <T>(type: string, path: string, body: unknown) =>
    admin.call<T>(type, { method: 'POST', path, body })
  const { network } = await post<{ network: { id: string } }>('network', '/v2.0/networks', {
    network: {
      name: 'sim-public',
      'router:external': true,
      'provider:network_type': 'flat',
      'provider:physical_network': 'physnet1',
    },
  })
  await post('network', '/v2.0/subnets', {
    subnet: { network_id: network.id, ip_version: 4, cidr: '172.24.4.0/24', enable_dhcp: false },
  })
  const flavors: string[] = []
  for (const flavor of sizes)
    flavors.push((await post<{ flavor: { id: string } }>('compute', '/flavors', { flavor })).flavor.id)
  const image = await post<{ id: string }>('image', '/v2/images', {
    name: 'sim-image',
    visibility: 'public',
    disk_format: 'raw',
    container_format: 'bare',
  })
  await admin.call('image', {
    method: 'PUT',
    path: `/v2/images/${image.id}/file`,
    headers: { 'content-type': 'application/octet-stream' },
    body: Readable.from([Buffer.alloc(4096)]),
  })
  const { roles } = await admin.call<{ roles: { id: string; name: string }[] }>('identity', {
    path: '/roles',
  })
  return {
    publicNetwork: network.id,
    flavors,
    image: image.id,
    roles: new Map(roles.map(({ id, name }) => [name, id])),
  }
}

/** A project with one user in each of the roles; what is there of an earlier try is taken. */
export async function prepareProject(
  { admin }: WorkloadCloud,
  ground: Ground,
  name: string,
  users: readonly { name: string; roles: readonly string[] }[],
): Promise<{ projectId: string; userIds: string[] }> {
  const projectId = await ensure('project', { name, domain_id: 'default' })
  const userIds: string[] = []
  for (const user of users) {
    const id = await ensure('user', { name: user.name, domain_id: 'default', password: user.name })
    for (const role of user.roles)
      await admin.call('identity', {
        method: 'PUT',
        path: `/projects/${projectId}/users/${id}/roles/${ground.roles.get(role)}`,
      })
    userIds.push(id)
  }
  return { projectId, userIds }

  async function ensure(kind: 'project' | 'user', body: { name: string } & Record<string, unknown>) {
    try {
      const made = await admin.call<Record<string, { id: string }>>('identity', {
        method: 'POST',
        path: `/${kind}s`,
        body: { [kind]: body },
      })
      return made[kind]!.id
    } catch (error) {
      if (!isRefusal(error, 'conflict')) throw error
      const found = await admin.call<Record<string, { id: string }[]>>('identity', {
        path: `/${kind}s?name=${encodeURIComponent(body.name)}`,
      })
      return found[`${kind}s`]![0]!.id
    }
  }
}

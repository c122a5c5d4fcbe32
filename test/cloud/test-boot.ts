// What a server needs before it can be asked for, in a project of a test, and what a host and the cloud hold of servers:
// to see a boot through, and to see that nothing of it is left.
import { Readable } from 'node:stream'
import { expect } from 'vitest'
import type { Session } from '#cli/openstack.ts'
import type { BootTrace } from '#cli/trace.ts'
import { makeNetwork } from '../../bench/project.ts'
import type { TestCloud } from './test-cloud.ts'

export type Server = {
  id: string
  name: string
  status: string
  fault?: { code: number; message: string; details?: string }
  addresses: Record<string, { addr: string }[]>
  'OS-EXT-STS:task_state': string | null
  'OS-EXT-SRV-ATTR:host'?: string | null
}
export type Parts = { imageId: string; networkId: string; flavorId: string }

/** An image, a network with a subnet, and a flavor; the flavor is shared by all tests of the cloud. */
export async function prepareBoot(cloud: TestCloud, member: Session): Promise<Parts> {
  const image = await member.call<{ id: string }>('image', {
    method: 'POST',
    path: '/v2/images',
    body: { name: 'blank', disk_format: 'raw', container_format: 'bare' },
  })
  await member.call('image', {
    method: 'PUT',
    path: `/v2/images/${image.id}/file`,
    headers: { 'content-type': 'application/octet-stream' },
    body: Readable.from([Buffer.alloc(4096)]),
  })
  const networkId = await makeNetwork(member, 'private', '10.0.0.0/24')
  const { flavor } = await cloud.admin.call<{ flavor: { id: string } }>('compute', {
    method: 'POST',
    path: '/flavors',
    body: { flavor: { name: `for-${member.projectId}`, ram: 64, vcpus: 1, disk: 1 } },
  })
  await cloud.settle()
  return { imageId: image.id, networkId, flavorId: flavor.id }
}

/** The accepted server; `more` goes into the body. */
export async function askForServer(
  member: Session,
  parts: Parts,
  more: Record<string, unknown> = {},
): Promise<string> {
  const { server } = await member.call<{ server: { id: string } }>('compute', {
    method: 'POST',
    path: '/servers',
    body: {
      server: {
        name: 'hello',
        imageRef: parts.imageId,
        flavorRef: parts.flavorId,
        networks: [{ uuid: parts.networkId }],
        ...more,
      },
    },
  })
  return server.id
}

export async function showServer(session: Session, id: string): Promise<Server> {
  return (await session.call<{ server: Server }>('compute', { path: `/servers/${id}` })).server
}

/** With all that comes of it done. */
export async function bootServer(cloud: TestCloud, session: Session, parts: Parts): Promise<Server> {
  const id = await askForServer(session, parts)
  await cloud.settle()
  return showServer(session, id)
}

export async function deleteServer(cloud: TestCloud, session: Session, id: string): Promise<void> {
  await session.call('compute', { method: 'DELETE', path: `/servers/${id}` })
  await cloud.settle()
  expect(await session.find('compute', `/servers/${id}`)).toBeUndefined()
}

export async function bootTrace(session: Session, id: string): Promise<BootTrace> {
  return session.call<BootTrace>('journal', { path: `/v1/servers/${id}/boot-trace` })
}

/** A host leaves a port that it should not have alone for a few seconds before it removes it. */
const restMs = 10_000

/** All that servers of this cloud hold anywhere, at rest: guests, taps, ports of servers, claims, volumes in use. */
export async function holdings(cloud: TestCloud): Promise<string[]> {
  const { admin } = cloud
  await cloud.world.advance(restMs)
  await cloud.settle()
  const found: string[] = []
  for (const host of cloud.hosts) {
    const { guests, taps, volumes } = host.virt.inventory()
    found.push(...[...guests, ...taps, ...volumes].map((each) => `${host.name} ${each}`))
    // DHCP and routers have ports of their own, which stay with their networks.
    for (const port of await host.wiring.list())
      if (port.kind === 'tap') found.push(`${host.name} ${port.device}`)
  }
  const { ports } = await admin.call<{ ports: { id: string; device_owner: string }[] }>('network', {
    path: '/v2.0/ports',
  })
  found.push(
    ...ports.filter((port) => port.device_owner.startsWith('compute:')).map(({ id }) => `port ${id}`),
  )
  const { resource_providers: providers } = await admin.call<{
    resource_providers: { uuid: string; name: string }[]
  }>('placement', { path: '/resource_providers' })
  for (const { uuid, name } of providers) {
    const { allocations } = await admin.call<{ allocations: Record<string, unknown> }>('placement', {
      path: `/resource_providers/${uuid}/allocations`,
    })
    found.push(...Object.keys(allocations).map((consumer) => `claim of ${consumer} on ${name}`))
  }
  return found.sort()
}

// What a cloud holds on its host and in its services, as lines to compare: the same before and after means no leak.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import type { Session } from '#cli/openstack.ts'
import type { LiveCloud } from '#test/interop/live-cloud.ts'
import { world } from '#test/interop/live-cloud.ts'
import { patiently } from './kill-round.ts'

/** Folders that grow with everything that happens: records, not holdings. */
const records = new Set(['db', 'log', 'journal-spool', 'broker', 'run'])

/** Of the services: servers, their ports, claims and volumes. */
export async function heldByServices(admin: Session): Promise<string[]> {
  const list = <T>(type: string, path: string, key: string) =>
    patiently(async () => (await admin.call<Record<string, T[]>>(type, { path }))[key]!)
  const servers = await list<{ id: string }>('compute', '/servers?all_tenants=1', 'servers')
  const ports = await list<{ id: string; device_owner: string }>('network', '/v2.0/ports', 'ports')
  const volumes = await list<{ id: string; status: string }>(
    'block-storage',
    '/volumes/detail?all_tenants=1',
    'volumes',
  )
  const providers = await list<{ uuid: string }>('placement', '/resource_providers', 'resource_providers')
  const claims: string[] = []
  for (const { uuid } of providers) {
    const path = `/resource_providers/${uuid}/allocations`
    const { allocations } = await patiently(() =>
      admin.call<{ allocations: Record<string, unknown> }>('placement', { path }),
    )
    claims.push(...Object.keys(allocations))
  }
  return [
    ...servers.map(({ id }) => `server ${id}`),
    ...ports.map(({ id, device_owner: owner }) => `port ${id} of ${owner}`),
    ...volumes.map(({ id, status }) => `volume ${id} ${status}`),
    ...claims.map((consumer) => `claim of ${consumer}`),
  ].sort()
}

/** Of the host: processes, files, devices, ports of the switch, flows. */
export async function heldByHost(cloud: LiveCloud): Promise<string[]> {
  const { id: cloudId } = JSON.parse(readFileSync(`${cloud.root}/.nimbo-cloud`, 'utf8')) as { id: string }
  return [
    ...(await processes(cloud)),
    ...files(cloud.root),
    ...guestFolders(cloud.root),
    ...(await devices(cloudId)),
    ...(await switchPorts(cloudId)),
    ...(await flows(cloud.portBase)),
  ].sort()
}

/** Small files outside the records that mention one of the words: a lease, a host entry, a state. */
export function mentions(root: string, words: readonly string[]): string[] {
  return walk(root)
    .filter((path) => !records.has(path.split('/')[0]!))
    .filter((path) => {
      const full = `${root}/${path}`
      const size = statSync(full, { throwIfNoEntry: false })?.size
      // Gone since it was listed, or a disk.
      if (size === undefined || size > 2 ** 20) return false
      const text = readFileSync(full, 'latin1')
      return words.some((word) => text.includes(word))
    })
}

async function processes(cloud: LiveCloud): Promise<string[]> {
  const own = new Set(['node', 'sh', 'sleep'])
  const found = await world.processes.find([`${cloud.root}/`])
  return found
    .map(({ command }) => command[0]!.split('/').at(-1)!)
    .filter((name) => !own.has(name))
    .map((name) => `process ${name}`)
}

function files(root: string): string[] {
  return walk(root)
    .filter((path) => !records.has(path.split('/')[0]!))
    .map((path) => `file ${path}`)
}

function guestFolders(root: string): string[] {
  const folder = `${root}/run/guests`
  return statSync(folder, { throwIfNoEntry: false })
    ? readdirSync(folder).map((name) => `run folder ${name}`)
    : []
}

async function devices(cloudId: string): Promise<string[]> {
  const { stdout } = await world.processes.run('ip', ['-j', 'link'])
  const links = JSON.parse(stdout) as { ifname: string; ifalias?: string }[]
  return links.filter((link) => link.ifalias?.includes(cloudId)).map((link) => `device ${link.ifname}`)
}

async function switchPorts(cloudId: string): Promise<string[]> {
  const columns = ['--format=json', '--columns=name,external_ids']
  const { stdout } = await world.processes.run('ovs-vsctl', ['--timeout=10', ...columns, 'list', 'Interface'])
  const { data } = JSON.parse(stdout) as { data: [string, unknown][] }
  return data.filter((row) => JSON.stringify(row).includes(cloudId)).map(([name]) => `switch port ${name}`)
}

async function flows(portBase: number): Promise<string[]> {
  const lines: string[] = []
  for (const name of ['br-int', 'br-tun', 'br-ex'])
    lines.push(...(await flowsOf(`${name}-${portBase}`)).map((flow) => `flow of ${name} ${flow}`))
  return lines
}

/** Without cookies, which an agent makes anew at each start. */
async function flowsOf(bridge: string): Promise<string[]> {
  const { stdout } = await world.processes.run('ovs-ofctl', [
    '-O',
    'OpenFlow14',
    '--no-stats',
    'dump-flows',
    bridge,
  ])
  return stdout
    .split('\n')
    .filter((line) => line.includes('actions='))
    .map((line) => line.replace(/cookie=0x[0-9a-f]+, ?/, '').trim())
}

function walk(root: string): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`.slice(root.length + 1))
}

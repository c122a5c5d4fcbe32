// Hosts as operators see them, and switching them off for new servers. What a host has is asked of the services that know.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Trace } from '#kit/journal/journal.ts'
import type { HostApp, HostContext } from '../app.ts'
import type { Host, ShownHost } from '../resources/host.ts'
import * as store from '../store/host.ts'

export async function listHosts(app: HostApp, trace: Trace): Promise<ShownHost[]> {
  const at = { trace, token: await app.serviceToken(trace) }
  const [rows, compute, agents, volumes, counts] = await Promise.all([
    store.listHosts(app.db),
    app.peers.computeServices(at),
    app.peers.networkAgents(at),
    app.peers.volumeServices(at),
    app.peers.serverCounts(at),
  ])
  const joined = new Map(rows.map((row) => [row.name, row]))
  // One that was sent away is shown while the cloud still has something of it.
  const members = rows.filter((row) => row.removedAt === null).map((row) => row.name)
  const names = new Set([...members, ...compute.map((each) => each.host)])
  return [...names].sort().map((name) => {
    const row = joined.get(name)
    const service = compute.find((each) => each.host === name)
    return {
      name,
      // As it is now; as it was said when it joined, while no agent has reported.
      address: agents.find((each) => each.host === name && each.tunnelIp)?.tunnelIp ?? row?.address ?? null,
      up: service?.up ?? false,
      disabled: service?.disabled ?? false,
      disabledReason: service?.disabledReason ?? null,
      removing: row !== undefined && row.removedAt !== null,
      own: row === undefined,
      services: [
        ...(service ? [{ name: 'nova-compute', up: service.up }] : []),
        ...agents.filter((each) => each.host === name).map(({ binary, up }) => ({ name: binary, up })),
        ...volumes
          .filter((each) => each.host.split('@')[0] === name)
          .map(({ up }) => ({ name: 'cinder-volume', up })),
      ],
      servers: counts.get(name) ?? 0,
      version: row?.version ?? null,
      joinedAt: row?.joinedAt ?? null,
      certificateUntil: row?.certificateUntil ?? null,
    }
  })
}

export async function showHost(app: HostApp, trace: Trace, name: string): Promise<ShownHost> {
  const found = (await listHosts(app, trace)).find((each) => each.name === name)
  if (!found) throw new CloudError('notFound', `There is no host ${name}.`)
  return found
}

/** A disabled host keeps what it has and is given nothing new. */
export async function switchHost(
  context: HostContext,
  name: string,
  wish: { disabled: boolean; reason?: string },
): Promise<ShownHost> {
  const { app, trace } = context
  const at = { trace, token: await app.serviceToken(trace) }
  const [service] = await app.peers.computeServices(at, name)
  if (!service) throw new CloudError('notFound', `There is no host ${name} with a compute service.`)
  await app.peers.changeComputeService(at, service.id, wish)
  for (const { host } of await app.peers.volumeServices(at, name))
    await app.peers.changeVolumeService(at, host, wish)
  context.journal.record(trace, {
    kind: 'decision',
    name: wish.disabled ? 'host.disable' : 'host.enable',
    subject: `host:${name}`,
    userId: context.caller.userId,
    data: { reason: wish.reason },
  })
  return showHost(app, trace, name)
}

/** A host that joined and wasn't sent away; kind 'forbidden' for any other. */
export async function memberNamed(app: HostApp, name: string): Promise<Host> {
  const row = await store.findHost(app.db, name)
  if (!row || row.removedAt !== null)
    throw new CloudError('forbidden', `The host ${name} is no member of this cloud.`)
  return row
}

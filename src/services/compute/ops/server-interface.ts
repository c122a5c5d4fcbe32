// Interfaces of servers that are there already; the network service's ports are what is shown.
import { CloudError, type ErrorKind, fullMessage } from '#kit/errors/cloud-error.ts'
import type { PortBody, PortWish } from '#services/network/client.ts'
import type { ComputeContext } from '../app.ts'
import type { Server } from '../resources/server.ts'
import type { interfaceCreate } from '../resources/server-interface.ts'
import { serverRules } from '../resources/server-rule.ts'
import { changeAddressesIn, updateServer } from '../store/server.ts'
import { claimMark, claimOver, claimSubject, interfaceClaim } from '../tasks/interface-claim.ts'
import { serverInterfaceAttach, serverInterfaceDetach } from '../tasks/server-interface.ts'
import { recordAction } from './server-action.ts'
import { loadServer, requireState, requireUnlocked, subjectOf } from './server-load.ts'
import { freePort, resolveNetworks } from './server-network.ts'
import { fixedIps } from './server-port.ts'
import { readZones } from './zone.ts'

export async function listInterfaces(context: ComputeContext, id: string): Promise<PortBody[]> {
  const server = await loadServer(context, id, serverRules.interfaceList)
  return context.app.api.network.listPorts(context.trace, context.caller.token, { device_id: server.id })
}

export async function showInterface(context: ComputeContext, id: string, portId: string): Promise<PortBody> {
  const server = await loadServer(context, id, serverRules.interfaceShow)
  const [port] = await context.app.api.network.listPorts(context.trace, context.caller.token, {
    device_id: server.id,
    id: portId,
  })
  if (!port) throw new CloudError('notFound', `Instance ${id} does not have a port with id ${portId}`)
  return port
}

type Wish = ReturnType<(typeof interfaceCreate)['parse']>

export async function attachInterface(context: ComputeContext, id: string, wish: Wish): Promise<PortBody> {
  const { app, trace } = context
  const server = await loadServer(context, id, serverRules.interfaceCreate)
  requireUnlocked(context, server)
  requireState(server, 'attachInterface', 'attach_interface')
  if (server.host === null) throw new CloudError('conflict', `Instance ${id} has no host`)
  if (wish.portId && wish.netId)
    throw new CloudError('badRequest', 'Must not input both network_id and port_id')
  if (wish.fixedIps && !wish.netId)
    throw new CloudError('badRequest', 'Must input network_id when request IP address')
  const chosen = await choosePort(context, wish)
  const claimId = app.world.random.uuid()
  const claim = { id: claimId, serverId: id, portId: wish.portId ?? null }
  await app.db.transaction((tx) =>
    app.tasks.start(tx, interfaceClaim, { subject: claimSubject(claimId), frame: claim, trace }),
  )
  const subject = claimSubject(claimId)
  try {
    const port = await bindPort(context, { ...server, host: server.host }, wish, chosen, claimId)
    await notePort(context, server, port, { chosen, ours: !wish.portId, tag: wish.tag ?? null })
    await app.tasks.signal(subject, interfaceClaim.name, claimOver)
    return port
  } catch (error) {
    // What may yet be done by a service that did not answer, the claim looks for later.
    if (!(error instanceof CloudError && unanswered.has(error.kind)))
      await app.tasks.cancel(subject, interfaceClaim.name, fullMessage(error))
    throw error
  }
}

const unanswered: ReadonlySet<ErrorKind> = new Set(['timeout', 'unavailable', 'badGateway'])

type ChosenPort = { networkId: string; network: string }

/** Refuses what can't be had before anything is changed. */
async function choosePort(context: ComputeContext, wish: Wish): Promise<ChosenPort> {
  const { app, trace, caller } = context
  if (wish.portId) {
    const free = await freePort(context, wish.portId)
    const [owner] = await app.api.network.listNetworks(trace, caller.token, { id: free.network_id })
    return { networkId: free.network_id, network: owner?.name ?? free.network_id }
  }
  const [chosen] = await resolveNetworks(context, {
    networks: wish.netId ? [{ uuid: wish.netId }] : undefined,
    count: 1,
  })
  if (chosen) return chosen
  throw new CloudError(
    'badRequest',
    'No free port available for the instance: there is no network to attach to.',
  )
}

/** From here on the claim gives back what this request doesn't live to note. */
async function bindPort(
  context: ComputeContext,
  server: Server & { host: string },
  wish: Wish,
  { networkId }: ChosenPort,
  claimId: string,
): Promise<PortBody> {
  const { app, trace } = context
  const { network, serviceToken } = app.api
  const subject = subjectOf(server.id)
  const zone = (await readZones(app.db, app.config)).ofHost(server.host)
  const binding: PortWish = {
    device_id: server.id,
    device_owner: `compute:${zone}`,
    'binding:host_id': server.host,
  }
  const token = await serviceToken(trace)
  if (wish.portId) return network.updatePort(trace, token, wish.portId, binding, subject)
  return network.createPort(
    trace,
    token,
    {
      ...binding,
      network_id: networkId,
      project_id: server.projectId,
      admin_state_up: true,
      'binding:profile': claimMark(claimId),
      ...(wish.fixedIps?.length && {
        fixed_ips: wish.fixedIps.map((each) => ({ ip_address: each.ip_address })),
      }),
    },
    subject,
  )
}

async function notePort(
  context: ComputeContext,
  server: Server,
  port: PortBody,
  { chosen, ours, tag }: { chosen: ChosenPort; ours: boolean; tag: string | null },
): Promise<void> {
  const { app } = context
  const added = {
    portId: port.id,
    networkId: port.network_id,
    network: chosen.network,
    mac: port.mac_address,
    ours,
    ips: fixedIps(port),
    tag,
  }
  await app.db.transaction(async (tx) => {
    await changeAddressesIn(
      tx,
      server.id,
      (addresses) => [...addresses.filter((each) => each.portId !== port.id), added],
      ({ generation }) => ({ generation: generation + 1, updatedAt: app.world.clock.now() }),
    )
    await recordAction(context, tx, server, 'attach_interface')
    await app.tasks.start(tx, serverInterfaceAttach, taskOf(context, server, port.id, ours))
  })
}

export async function detachInterface(context: ComputeContext, id: string, portId: string): Promise<void> {
  const { app } = context
  const server = await loadServer(context, id, serverRules.interfaceDelete)
  requireUnlocked(context, server)
  requireState(server, 'detachInterface', 'detach_interface')
  const known = server.addresses.find((each) => each.portId === portId)
  if (!known) throw new CloudError('notFound', `Instance ${id} does not have a port with id ${portId}`)
  const running = await app.tasks.running(subjectOf(id))
  if (running.some((each) => (each.state as { portId?: string }).portId === portId))
    throw new CloudError('conflict', `Port ${portId} is being attached or detached`)
  await app.db.transaction(async (tx) => {
    await updateServer(tx, id, { generation: server.generation + 1, updatedAt: app.world.clock.now() })
    await recordAction(context, tx, server, 'detach_interface')
    await app.tasks.start(tx, serverInterfaceDetach, taskOf(context, server, portId, known.ours))
  })
}

function taskOf(context: ComputeContext, server: Server, portId: string, ours: boolean) {
  const { world } = context.app
  return {
    subject: subjectOf(server.id),
    frame: {
      serverId: server.id,
      projectId: server.projectId,
      requestId: context.requestId,
      portId,
      ours,
      operationId: world.random.uuid(),
      undoId: world.random.uuid(),
      since: world.clock.now(),
    },
    trace: context.trace,
  }
}

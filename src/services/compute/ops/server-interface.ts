// Interfaces of servers that are there already; the network service's ports are what is shown.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { PortBody, PortWish } from '#services/network/client.ts'
import type { ComputeContext } from '../app.ts'
import type { Server } from '../resources/server.ts'
import type { interfaceCreate } from '../resources/server-interface.ts'
import { serverRules } from '../resources/server-rule.ts'
import { changeAddressesIn, updateServer } from '../store/server.ts'
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
  const zone = (await readZones(app.db, app.config)).ofHost(server.host)
  const binding: PortWish = { device_id: id, device_owner: `compute:${zone}`, 'binding:host_id': server.host }
  const { network, serviceToken } = app.api
  const ours = !wish.portId
  const token = await serviceToken(trace)
  const { port, name } = await boundPort(context, server, wish, binding, token)
  const added = {
    portId: port.id,
    networkId: port.network_id,
    network: name,
    mac: port.mac_address,
    ours,
    ips: fixedIps(port),
    tag: wish.tag ?? null,
  }
  try {
    await app.db.transaction(async (tx) => {
      await changeAddressesIn(
        tx,
        id,
        (addresses) => [...addresses.filter((each) => each.portId !== port.id), added],
        ({ generation }) => ({ generation: generation + 1, updatedAt: app.world.clock.now() }),
      )
      await recordAction(context, tx, server, 'attach_interface')
      await app.tasks.start(tx, serverInterfaceAttach, taskOf(context, server, port.id, ours))
    })
  } catch (error) {
    // Nothing knows of the port yet but this request.
    if (ours) await network.deletePort(trace, token, port.id)
    throw error
  }
  return port
}

async function boundPort(
  context: ComputeContext,
  server: Server,
  wish: Wish,
  binding: PortWish,
  token: string,
) {
  const { app, trace } = context
  const { network } = app.api
  const subject = subjectOf(server.id)
  if (wish.portId) {
    const free = await freePort(context, wish.portId)
    const [owner] = await network.listNetworks(trace, context.caller.token, { id: free.network_id })
    return {
      port: await network.updatePort(trace, token, free.id, binding, subject),
      name: owner?.name ?? free.network_id,
    }
  }
  const [chosen] = await resolveNetworks(context, {
    networks: wish.netId ? [{ uuid: wish.netId }] : undefined,
    count: 1,
  })
  if (!chosen)
    throw new CloudError(
      'badRequest',
      'No free port available for the instance: there is no network to attach to.',
    )
  const port = await network.createPort(
    trace,
    token,
    {
      ...binding,
      network_id: chosen.networkId,
      project_id: server.projectId,
      admin_state_up: true,
      ...(wish.fixedIps?.length && {
        fixed_ips: wish.fixedIps.map((each) => ({ ip_address: each.ip_address })),
      }),
    },
    subject,
  )
  return { port, name: chosen.network }
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

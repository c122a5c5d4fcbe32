// What a host does for each order of the compute contract.
import type { ReportedPower, ServerOrder } from '#contracts/compute.ts'
import type { PowerState } from '#drivers/virt/load.ts'
import type { Handlers } from '#kit/bus/bus.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Trace } from '#kit/journal/journal.ts'
import { type ConsoleDoor, openConsole } from './console.ts'
import type { Operations, Order } from './operation.ts'
import type { ComputeMethods, Parts } from './parts.ts'
import { patiently } from './patience.ts'
import type { Peers } from './peer.ts'
import { connectVolume, guestSpec, step } from './spec.ts'

/** Nova has no word for a guest that never ran. */
export function reported(power: PowerState): ReportedPower {
  return power === 'building' ? 'shutdown' : power
}

export function handlers(
  parts: Parts,
  peers: Peers,
  operations: Operations,
  doors: Set<ConsoleDoor>,
  lookAgain: () => void,
): Handlers<ComputeMethods> {
  const { driver, conductor, host, journal, config } = parts
  const orderOf = async (serverId: string, trace: Trace): Promise<ServerOrder | null> => {
    const ask = () => conductor.serverGet({ host, serverId }, { trace, subject: `server:${serverId}` })
    return (await patiently(parts.world, ask)).server
  }

  const needed = async (order: Order, trace: Trace): Promise<ServerOrder> => {
    const server = await orderOf(order.serverId, trace)
    if (!server) throw new CloudError('notFound', `Server ${order.serverId} is no longer meant for ${host}`)
    return server
  }
  const inDriver = <T>(trace: Trace, name: string, serverId: string, work: () => Promise<T>) =>
    journal.span(trace, { kind: 'driver', name, subject: `server:${serverId}` }, work)

  async function build(order: Order, trace: Trace): Promise<ReportedPower> {
    const server = await needed(order, trace)
    const subject = `server:${server.id}`
    const spec = await guestSpec(parts, peers, trace, server)
    const { image } = spec
    const state = await journal.span(
      trace,
      {
        kind: 'driver',
        name: 'virt.create',
        subject,
        data: { domain: server.number, vcpus: spec.vcpus, memoryMb: spec.memoryMb },
      },
      (child) =>
        step('Starting the guest', () =>
          driver.create(spec, {
            image: image && { open: () => peers.imageContent(child, image.id, subject) },
            report: (stage, fields) =>
              journal.record(child, { kind: 'driver', name: `virt.${stage}`, subject, data: fields }),
          }),
        ),
    )
    for (const { attachmentId } of server.volumes) {
      await step('Completing the volumes', () => peers.completeAttachment(trace, attachmentId, subject))
    }
    return reported(state.power)
  }

  return {
    build: (order, incoming) => operations.run('build', order, incoming, () => build(order, incoming.trace)),
    start: (order, { trace, ...rest }) =>
      operations.run('start', order, { trace, ...rest }, async () => {
        const spec = await guestSpec(parts, peers, trace, await needed(order, trace))
        return reported(
          (await inDriver(trace, 'virt.start', order.serverId, () => driver.start(order.serverId, spec)))
            .power,
        )
      }),
    stop: (order, incoming) =>
      operations.run('stop', order, incoming, async () => {
        const options = { graceful: true, timeoutMs: config.stopTimeout }
        return reported(
          (
            await inDriver(incoming.trace, 'virt.stop', order.serverId, () =>
              driver.stop(order.serverId, options),
            )
          ).power,
        )
      }),
    pause: (order, incoming) =>
      operations.run('pause', order, incoming, async () =>
        reported((await driver.pause(order.serverId)).power),
      ),
    unpause: (order, incoming) =>
      operations.run('unpause', order, incoming, async () =>
        reported((await driver.resume(order.serverId)).power),
      ),
    reboot: ({ kind, ...order }, incoming) =>
      operations.run('reboot', order, incoming, async () => {
        const { trace } = incoming
        const spec =
          kind === 'hard' ? await guestSpec(parts, peers, trace, await needed(order, trace)) : undefined
        return reported(
          (
            await inDriver(trace, 'virt.reboot', order.serverId, () =>
              driver.reboot(order.serverId, kind, { spec }),
            )
          ).power,
        )
      }),
    destroy: (order, incoming) =>
      operations.run('destroy', order, incoming, async () => {
        await inDriver(incoming.trace, 'virt.destroy', order.serverId, () => driver.destroy(order.serverId))
        return 'absent'
      }),
    attachVolume: ({ volumeId, ...order }, incoming) =>
      operations.run('attachVolume', order, incoming, async () => {
        const { trace } = incoming
        const server = await needed(order, trace)
        const subject = `server:${server.id}`
        const volume = await step('Connecting the volume', () =>
          connectVolume(peers, trace, server, volumeId, subject),
        )
        await inDriver(trace, 'virt.attachVolume', server.id, () => driver.attachVolume(server.id, volume))
        const { attachmentId } = server.volumes.find((each) => each.volumeId === volumeId)!
        await step('Completing the volume', () => peers.completeAttachment(trace, attachmentId, subject))
        return null
      }),
    detachVolume: ({ volumeId, ...order }, incoming) =>
      operations.run('detachVolume', order, incoming, async () => {
        await inDriver(incoming.trace, 'virt.detachVolume', order.serverId, () =>
          driver.detachVolume(order.serverId, volumeId),
        )
        return null
      }),
    attachInterface: ({ portId, ...order }, incoming) =>
      operations.run('attachInterface', order, incoming, async () => {
        const { trace } = incoming
        const nic = (await peers.nics(trace, order.serverId, `server:${order.serverId}`)).find(
          (each) => each.portId === portId,
        )
        if (!nic) throw new CloudError('notFound', `Port ${portId} is not bound to this server`)
        await inDriver(trace, 'virt.attachInterface', order.serverId, () =>
          driver.attachInterface(order.serverId, nic),
        )
        return null
      }),
    detachInterface: ({ portId, ...order }, incoming) =>
      operations.run('detachInterface', order, incoming, async () => {
        await inDriver(incoming.trace, 'virt.detachInterface', order.serverId, () =>
          driver.detachInterface(order.serverId, portId),
        )
        return null
      }),
    consoleOutput: async ({ serverId, lines }) => ({
      output: await driver.consoleOutput(serverId, lines ?? undefined),
    }),
    openConsole: ({ serverId, kind }) => openConsole(parts, doors, serverId, kind),
    lookAgain: async () => lookAgain(),
  }
}

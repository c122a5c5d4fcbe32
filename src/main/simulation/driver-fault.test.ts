// A driver behind a door with faults, and a disk that is full.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { realFiles } from '#kit/world/real-files.ts'
import { virtualWorld } from '#kit/world/virtual.ts'
import { type DriverFault, driverDoor } from './driver-fault.ts'
import { fullDisk } from './full-disk.ts'

const usual = {
  driver: 'volume',
  operation: 'create',
  nth: 1,
  times: 1,
} as const satisfies Partial<DriverFault>

function stage() {
  const world = virtualWorld()
  const door = driverDoor(world)
  const made: string[] = []
  const driver = door.through('volume', {
    name: 'a driver',
    async create(id: string) {
      made.push(id)
      return id
    },
    list: async () => made,
    events: () => 'at once',
  })
  const create = (id: string) => driver.create(id).catch((error: Error) => error.message)
  return { world, door, driver, made, create }
}

describe('a driver', () => {
  test('without faults is as it is', async () => {
    const { driver, create } = stage()
    expect([await create('a'), await driver.list(), driver.events(), driver.name]).toEqual([
      'a',
      ['a'],
      'at once',
      'a driver',
    ])
  })

  test('fails from the n-th call on, so many times, before or after its effect', async () => {
    const { door, made, create } = stage()
    door.add({ ...usual, nth: 2, times: 2, effect: 'fail-before' })
    const words = 'The simulated volume driver failed at create.'
    expect([await create('a'), await create('b'), await create('c'), await create('d')]).toEqual([
      'a',
      words,
      words,
      'd',
    ])
    expect(made).toEqual(['a', 'd'])
    door.add({ ...usual, effect: 'fail-after' })
    expect(await create('e')).toBe(words)
    expect(made).toEqual(['a', 'd', 'e'])
  })

  test('hangs until the fault ends, and is slow as long as it was told', async () => {
    const { world, door, made, create } = stage()
    const end = door.add({ ...usual, effect: 'hang' })
    const hanging = create('a')
    await world.advance(3_600_000)
    expect(made).toEqual([])
    end()
    expect(await hanging).toBe('a')
    door.add({ ...usual, effect: 'slow', latencyMs: 5_000 })
    const slow = create('b')
    await world.advance(4_999)
    expect(made).toEqual(['a'])
    await world.advance(1)
    expect(await slow).toBe('b')
  })

  test('has the operations that it has', () => {
    const { door } = stage()
    for (const operation of ['fly', 'events', 'name', 'toString', 'constructor'])
      expect(() => door.add({ ...usual, operation, effect: 'hang' })).toThrow(
        `has no operation '${operation}'. It has create, list.`,
      )
  })

  test('keeps its faults when it is opened anew, as after a restart of the agents', async () => {
    const { door } = stage()
    door.add({ ...usual, effect: 'fail-before' })
    const again = door.through('volume', { create: async () => 'made' })
    await expect(again.create()).rejects.toThrow('failed at create')
  })
})

test('a full disk takes nothing new, gives what it has, and takes again when there is room', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nimbo-full-'))
  try {
    const disk = fullDisk(realFiles)
    const { files } = disk
    const path = join(folder, 'file')
    const open = await files.open(path, 'w')
    await files.write(`${path}.old`, 'old')
    const end = disk.fill()
    expect((await files.space(folder)).freeBytes).toBe(0)
    const written = Buffer.from('new')
    const attempts = [
      files.write(path, 'new'),
      files.writeAtomic(path, 'new'),
      files.append(path, 'new'),
      files.copy(`${path}.old`, path),
      files.makeFolder(join(folder, 'below')),
      open.write(written, 0, 3, 0),
      open.writev([written]),
      new Promise((_, reject) => files.writeStream(path).once('error', reject)),
    ]
    const answers = await Promise.allSettled(attempts)
    for (const answer of answers)
      expect(answer).toMatchObject({ status: 'rejected', reason: { code: 'ENOSPC' } })
    await files.makeFolder(folder)
    expect(await files.readText(`${path}.old`)).toBe('old')
    await files.remove(`${path}.old`)
    end()
    await open.close()
    await files.write(path, 'new')
    expect((await files.space(folder)).freeBytes).toBeGreaterThan(0)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

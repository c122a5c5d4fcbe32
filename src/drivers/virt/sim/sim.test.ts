// The simulated host passes the suite of all drivers; beyond it, what tests of the cloud rely on.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, describe, expect, it } from 'vitest'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { silentLog } from '#kit/log/log.ts'
import { virtualWorld } from '#kit/world/virtual.ts'
import { virtConformance } from '../conformance.ts'
import type { GuestSpec } from '../driver.ts'
import { loadVirtDriver } from '../load.ts'
import { openSimDriver, type SimVirtDriver } from './sim.ts'

const image = Buffer.alloc(4096, 7)

function specs() {
  const world = virtualWorld()
  let number = 0
  return (change: Partial<GuestSpec> = {}): GuestSpec => ({
    id: world.random.uuid(),
    number: ++number,
    name: 'hello',
    hostname: 'hello',
    generation: 1,
    projectId: 'p-1',
    flavorName: 'm1.tiny',
    vcpus: 1,
    memoryMb: 128,
    rootGb: 1,
    ephemeralGb: 0,
    swapMb: 0,
    image: { id: '5c242396-3c7b-4bc6-bec1-3df8eb57d53d', diskFormat: 'raw', sizeBytes: image.length },
    nics: [],
    volumes: [],
    createdAt: 0,
    ...change,
  })
}

virtConformance('sim', async () => {
  const world = virtualWorld()
  const folder = await mkdtemp(join(tmpdir(), 'nimbo-sim-'))
  let driver: SimVirtDriver
  // Nobody else moves the time on, and the suite waits for guests as it does for real ones.
  let moving = true
  const move = async () => {
    while (moving) await world.advance(50)
  }
  const moved = move()
  return {
    world,
    open: async () => {
      driver = await openSimDriver(world, silentLog, {
        folder,
        host: 'node1',
        stateFile: `${folder}/guests.log`,
      })
      return driver
    },
    spec: specs(),
    image,
    volume: async () => ({
      volumeId: world.random.uuid(),
      path: '/v',
      format: 'raw',
      device: '/dev/vdb',
      serial: 's',
    }),
    nic: async () => ({
      portId: world.random.uuid(),
      mac: 'fa:16:3e:00:00:01',
      tap: 'tap0',
      mtu: 1450,
      linkType: 'ovs',
      networkId: 'n',
    }),
    consoleText: 'hello login: ',
    leftovers: async () => {
      const { guests, volumes, taps } = driver.inventory()
      return [...guests, ...volumes, ...taps]
    },
    dispose: async () => {
      moving = false
      await moved
      await rm(folder, { recursive: true, force: true })
    },
  }
})

describe('the simulated host', () => {
  const world = virtualWorld()
  const spec = specs()
  const source = { image: { open: async () => Readable.from([image]) } }
  const open = (bootDelayMs = 0) =>
    openSimDriver(world, silentLog, { folder: '/nowhere', host: 'node1', bootDelayMs })
  const opened: SimVirtDriver[] = []
  afterEach(async () => {
    for (const driver of opened.splice(0)) await driver.close()
  })

  it('takes its time to boot on the clock of the world, building meanwhile', async () => {
    const driver = await open(3000)
    const guest = spec()
    const created = driver.create(guest, source)
    await world.advance(2999)
    expect((await driver.state(guest.id))?.power).toBe('building')
    await world.advance(1)
    expect((await created).power).toBe('running')
  })

  it('boots once where two ask', async () => {
    const driver = await open(3000)
    const guest = spec()
    const seen: string[] = []
    driver.events((event) => seen.push(event.kind))
    const created = Promise.all([driver.create(guest, source), driver.create(guest, source)])
    await world.advance(3000)
    await created
    expect(seen).toEqual(['started'])
  })

  it('drops a guest that is destroyed while it boots', async () => {
    const driver = await open(3000)
    const guest = spec()
    const created = expect(driver.create(guest, source)).rejects.toMatchObject({ kind: 'conflict' })
    await world.advance(1000)
    await driver.destroy(guest.id)
    await world.advance(3000)
    await created
    expect(driver.inventory().guests).toEqual([])
  })

  it('tells each who asks why a screen can not be opened, and ends the guest all the same', async () => {
    const driver = await openSimDriver(world, silentLog, { folder: '/dev/null', host: 'node1' })
    opened.push(driver)
    const guest = spec()
    await driver.create(guest, source)
    for (const _ of ['first', 'second'])
      await expect(driver.consoleSocket(guest.id)).rejects.toThrow('/dev/null')
    expect((await driver.stop(guest.id, { graceful: false })).power).toBe('shutdown')
    await world.settle()
  })

  it.each(['before', 'after'] as const)(
    'fails the call that a test names, %s its effect, and no other',
    async (when) => {
      const driver = await open()
      driver.fail({
        operation: 'create',
        nth: 2,
        when,
        error: new CloudError('unavailable', 'The disk is full.'),
      })
      const [first, second, third] = [spec(), spec(), spec()]
      await driver.create(first, source)
      await expect(driver.create(second, source)).rejects.toThrow('The disk is full.')
      await driver.create(third, source)
      expect((await driver.state(second.id))?.power).toBe(when === 'after' ? 'running' : undefined)
    },
  )

  it('shows a guest that ends by itself, well or badly', async () => {
    const driver = await open()
    const guest = spec()
    await driver.create(guest, source)
    const seen: string[] = []
    driver.events((event) => seen.push(`${event.kind}: ${event.reason}`))
    await driver.guestEnds(guest.id, 'poweroff')
    await driver.start(guest.id)
    await driver.guestEnds(guest.id, 'crash')
    expect(seen).toEqual([
      'stopped: the guest powered itself off',
      'started: the guest was started',
      'crashed: the guest died',
    ])
    expect((await driver.state(guest.id))?.power).toBe('crashed')
  })

  it('offers as much as it is told to', async () => {
    const driver = await loadVirtDriver('sim', world, silentLog, {
      folder: '/nowhere',
      host: 'node1',
      resources: { vcpus: 2 },
    })
    expect(await driver.info()).toMatchObject({ vcpus: 2, memoryMb: 262_144, accel: 'sim' })
  })

  it('is found by its name, and no other is', async () => {
    await expect(
      loadVirtDriver('xen', world, silentLog, { folder: '/nowhere', host: 'node1' }),
    ).rejects.toThrow("no virt driver 'xen'")
  })
})

// What every virt driver must do, as tests: sim passes it among the unit tests, qemu in test/real.
// Imported by tests alone.
import { Readable } from 'node:stream'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { World } from '#kit/world/world.ts'
import type { GuestEvent, GuestNic, GuestSpec, GuestVolume, VirtDriver } from './driver.ts'

export type ConformanceHost = {
  world: World
  /** Opens the driver on the same host again, as an agent does that was restarted. */
  open(): Promise<VirtDriver>
  /** A guest of the smallest kind, its image's bytes included. */
  spec(change?: Partial<GuestSpec>): GuestSpec
  image: Buffer
  /** A volume file and a tap that a guest here can take. */
  volume(): Promise<GuestVolume>
  nic(): Promise<GuestNic>
  /** Text that the guest's console shows after a while. */
  consoleText: string
  /** Everything of ours on the host, to compare before and after. */
  leftovers(): Promise<string[]>
  dispose(): Promise<void>
}

export function virtConformance(name: string, prepare: () => Promise<ConformanceHost>): void {
  describe(`virt driver ${name}`, () => {
    let host: ConformanceHost
    let driver: VirtDriver
    let before: string[]
    let events: GuestEvent[]
    let stopListening: () => void
    let fetched = 0

    beforeAll(async () => {
      host = await prepare()
      driver = await host.open()
      before = await host.leftovers()
      listen()
    })
    afterEach(async () => {
      for (const guest of await driver.list()) await driver.destroy(guest.id)
      events.length = 0
      fetched = 0
      expect(await host.leftovers()).toEqual(before)
    })
    afterAll(async () => {
      stopListening?.()
      await driver?.close()
      await host?.dispose()
    })

    function listen() {
      events = []
      stopListening = driver.events((event) => events.push(event))
    }
    const source = (bytes = host.image) => ({
      open: async () => {
        fetched += 1
        return Readable.from([bytes.subarray(0, 100), bytes.subarray(100)])
      },
    })
    const create = (spec = host.spec()) => driver.create(spec, { image: source() })
    const kinds = (id: string) => events.filter((event) => event.id === id).map((event) => event.kind)

    it('creates a guest that runs, shows it, and says so', async () => {
      const spec = host.spec()
      const state = await create(spec)
      expect(state).toMatchObject({ id: spec.id, power: 'running', generation: spec.generation })
      expect(state.domain).toBe(`instance-${spec.number.toString(16).padStart(8, '0')}`)
      expect(await driver.state(spec.id)).toEqual(state)
      expect(await driver.list()).toEqual([state])
      expect(kinds(spec.id)).toEqual(['started'])
    })

    it('takes the same create twice, at once and after, as one', async () => {
      const spec = host.spec()
      const [first, second] = await Promise.all([create(spec), create(spec)])
      expect(second).toEqual(first)
      expect(await create(spec)).toEqual(first)
      expect(kinds(spec.id)).toEqual(['started'])
    })

    it('refuses an older generation and changes nothing', async () => {
      const spec = host.spec({ generation: 5 })
      const state = await create(spec)
      await expect(create({ ...spec, generation: 4 })).rejects.toMatchObject({ kind: 'conflict' })
      expect(await driver.state(spec.id)).toEqual(state)
    })

    it('fetches an image once for several guests', async () => {
      await Promise.all([create(), create(), create()])
      expect(fetched).toBeLessThanOrEqual(1)
      expect(await driver.list()).toHaveLength(3)
    })

    it('leaves nothing of a guest whose image arrives broken, and takes it when it is whole', async () => {
      const id = host.world.random.uuid()
      const broken = host.spec({ image: { id, diskFormat: 'raw', sizeBytes: host.image.length } })
      const cut = driver.create(broken, { image: source(host.image.subarray(0, 200)) })
      await expect(cut).rejects.toBeInstanceOf(CloudError)
      expect(await driver.state(broken.id)).toBeUndefined()
    })

    it('stops and starts, each as often as it is asked', async () => {
      const spec = host.spec()
      await create(spec)
      expect((await driver.stop(spec.id)).power).toBe('shutdown')
      expect((await driver.stop(spec.id)).power).toBe('shutdown')
      expect((await driver.state(spec.id))?.power).toBe('shutdown')
      expect((await driver.start(spec.id)).power).toBe('running')
      expect((await driver.start(spec.id)).power).toBe('running')
      expect(kinds(spec.id)).toEqual(['started', 'stopped', 'started'])
    })

    it('pauses and resumes', async () => {
      const spec = host.spec()
      await create(spec)
      expect((await driver.pause(spec.id)).power).toBe('paused')
      expect((await driver.state(spec.id))?.power).toBe('paused')
      expect((await driver.resume(spec.id)).power).toBe('running')
      expect(kinds(spec.id)).toEqual(['started', 'paused', 'resumed'])
    })

    it('reboots hard with a new definition', async () => {
      const spec = host.spec()
      await create(spec)
      const state = await driver.reboot(spec.id, 'hard', {
        spec: { ...spec, generation: spec.generation + 1 },
      })
      expect(state).toMatchObject({ power: 'running', generation: spec.generation + 1 })
    })

    it('reboots softly, whatever the guest makes of it', async () => {
      const spec = host.spec()
      await create(spec)
      expect((await driver.reboot(spec.id, 'soft', { timeoutMs: 300 })).power).toBe('running')
    })

    it('attaches a volume to a running guest once, and keeps it over a hard reboot', async () => {
      const spec = host.spec()
      await create(spec)
      const volume = await host.volume()
      await driver.attachVolume(spec.id, volume)
      await driver.attachVolume(spec.id, volume)
      const expected = [{ volumeId: volume.volumeId, device: volume.device }]
      expect((await driver.state(spec.id))?.volumes).toEqual(expected)
      expect((await driver.reboot(spec.id, 'hard')).volumes).toEqual(expected)
    })

    it('detaches a volume from a guest that stands still, as often as it is asked', async () => {
      const volume = await host.volume()
      const spec = host.spec({ volumes: [volume] })
      await create(spec)
      await driver.stop(spec.id)
      await driver.detachVolume(spec.id, volume.volumeId)
      await driver.detachVolume(spec.id, volume.volumeId)
      expect((await driver.start(spec.id)).volumes).toEqual([])
    })

    it('attaches an interface to a running guest, and detaches it from one that stands still', async () => {
      const spec = host.spec()
      await create(spec)
      const { portId, mac, tap, ...rest } = await host.nic()
      await driver.attachInterface(spec.id, { portId, mac, tap, ...rest })
      expect((await driver.state(spec.id))?.nics).toEqual([{ portId, mac, tap }])
      await driver.stop(spec.id)
      await driver.detachInterface(spec.id, portId)
      expect((await driver.start(spec.id)).nics).toEqual([])
    })

    it('writes a console log that one can read in part', async () => {
      const spec = host.spec()
      await create(spec)
      while (!(await driver.consoleOutput(spec.id)).includes(host.consoleText))
        await host.world.timers.sleep(20)
      const tail = await driver.consoleOutput(spec.id, 1)
      expect(tail.trimEnd().split('\n')).toHaveLength(1)
      expect(await driver.consoleOutput(spec.id, 0)).toBe('')
    })

    it('has a screen that speaks RFB, and none when it stands still', async () => {
      const spec = host.spec()
      await create(spec)
      const connection = await host.world.sockets.connect({ path: await driver.consoleSocket(spec.id) })
      const hello = await new Promise<Buffer>((resolve) => connection.once('data', resolve))
      connection.destroy()
      expect(hello.toString()).toBe('RFB 003.008\n')
      await driver.stop(spec.id)
      await expect(driver.consoleSocket(spec.id)).rejects.toMatchObject({ kind: 'conflict' })
    })

    it('counts what a guest uses', async () => {
      const spec = host.spec()
      await create(spec)
      expect(await driver.usage(spec.id)).toMatchObject({ id: spec.id, memoryMb: spec.memoryMb })
      expect(await driver.usage(host.world.random.uuid())).toBeUndefined()
    })

    it('lets guests run on when it closes, and adopts them when it opens', async () => {
      const spec = host.spec()
      const state = await create(spec)
      stopListening()
      await driver.close()
      driver = await host.open()
      listen()
      expect(await driver.list()).toEqual([state])
      expect((await create(spec)).pid).toBe(state.pid)
      expect((await driver.stop(spec.id)).power).toBe('shutdown')
      expect(kinds(spec.id)).toEqual(['stopped'])
    })

    it('destroys all of a guest, as often as it is asked', async () => {
      const spec = host.spec({ volumes: [await host.volume()] })
      await create(spec)
      await Promise.all([driver.destroy(spec.id), driver.destroy(spec.id)])
      await driver.destroy(spec.id)
      expect(await driver.state(spec.id)).toBeUndefined()
      expect(await driver.list()).toEqual([])
    })

    it('says that it has no such guest', async () => {
      const id = host.world.random.uuid()
      expect(await driver.state(id)).toBeUndefined()
      const calls = [
        driver.start,
        driver.stop,
        driver.pause,
        driver.resume,
        driver.consoleOutput,
        driver.consoleSocket,
      ]
      for (const call of [...calls, (unknown: string) => driver.reboot(unknown, 'hard')]) {
        await expect(call(id)).rejects.toMatchObject({ kind: 'notFound' })
      }
    })

    it('says what it is', async () => {
      const info = await driver.info()
      expect(info.vcpus).toBeGreaterThan(0)
      expect(info.memoryMb).toBeGreaterThan(0)
      expect(info.diskGb).toBeGreaterThan(0)
      expect(info.hypervisorVersion).toBeGreaterThan(0)
    })
  })
}

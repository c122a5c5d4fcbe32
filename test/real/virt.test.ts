// The qemu driver with real QEMU processes: the suite of all drivers, what only real guests show, and crashes.
// Needs root and QEMU; without them it fails, since a skipped real test proves nothing.
import { execFile } from 'node:child_process'
import { chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { virtConformance } from '#drivers/virt/conformance.ts'
import type { GuestSpec, VirtDriver } from '#drivers/virt/driver.ts'
import { loadVirtDriver } from '#drivers/virt/load.ts'
import { defaultGuestUid } from '#drivers/virt/qemu/host.ts'
import { describeImage } from '#kit/image-format/describe.ts'
import { inspectImage } from '#kit/image-format/inspect.ts'
import { silentLog } from '#kit/log/log.ts'
import { realWorld } from '#kit/world/real.ts'
import { bootText, talkingDisk } from './boot-image.ts'

const run = promisify(execFile)
const world = realWorld()
const image = talkingDisk()
let number = 0

function spec(change: Partial<GuestSpec> = {}): GuestSpec {
  return {
    id: world.random.uuid(),
    number: ++number,
    name: 'hello',
    hostname: 'hello',
    generation: 1,
    projectId: 'c0ffee',
    flavorName: 'm1.nano',
    vcpus: 1,
    memoryMb: 32,
    rootGb: 1,
    ephemeralGb: 0,
    swapMb: 0,
    image: { id: '5c242396-3c7b-4bc6-bec1-3df8eb57d53d', diskFormat: 'raw', sizeBytes: image.length },
    nics: [],
    volumes: [],
    createdAt: world.clock.now(),
    ...change,
  }
}
const source = (bytes = image) => ({ image: { open: async () => Readable.from([bytes]) } })

async function newFolder(): Promise<string> {
  expect(process.getuid?.(), 'real guests need root').toBe(0)
  const folder = await mkdtemp('/tmp/nimbo-virt-')
  await chmod(folder, 0o711)
  return folder
}

const open = (folder: string) =>
  loadVirtDriver('qemu', world, silentLog, {
    folder: `${folder}/instances`,
    host: 'node1.example.com',
    accel: 'tcg',
  })

/** Files below a folder and processes that name it, apart from the cache of base images. */
async function leftovers(folder: string): Promise<string[]> {
  const files = (await readdir(`${folder}/instances`, { recursive: true })).filter(
    (path) => !/^_base\/[0-9a-f]{40}$/.test(path),
  )
  const processes = await world.processes.find([`${folder}/instances`])
  return [...files.sort(), ...processes.map((one) => one.command.join(' '))]
}

virtConformance('qemu', async () => {
  const folder = await newFolder()
  const taps: string[] = []
  return {
    world,
    open: () => open(folder),
    spec,
    image,
    volume: async () => {
      const volumeId = world.random.uuid()
      const path = `${folder}/volume-${volumeId}`
      await writeFile(path, Buffer.alloc(2 ** 20))
      return { volumeId, path, format: 'raw', device: '/dev/vdb', serial: volumeId }
    },
    nic: async () => {
      const portId = world.random.uuid()
      const tap = `tap${portId.slice(0, 11)}`
      await run('ip', ['tuntap', 'add', 'dev', tap, 'mode', 'tap', 'user', String(defaultGuestUid)])
      taps.push(tap)
      return {
        portId,
        mac: 'fa:16:3e:00:00:01',
        tap,
        mtu: 1450,
        linkType: 'ovs',
        networkId: world.random.uuid(),
      }
    },
    consoleText: bootText,
    leftovers: () => leftovers(folder),
    dispose: async () => {
      for (const tap of taps) await run('ip', ['link', 'delete', tap])
      await rm(folder, { recursive: true, force: true })
    },
  }
})

describe('a guest of the qemu driver', () => {
  let folder: string
  let driver: VirtDriver

  beforeAll(async () => {
    folder = await newFolder()
    driver = await open(folder)
  })
  afterEach(async () => {
    for (const guest of await driver.list()) await driver.destroy(guest.id)
  })
  afterAll(async () => {
    await driver?.close()
    if (folder) await rm(folder, { recursive: true, force: true })
  })

  const path = (id: string, name: string) => join(folder, 'instances', id, name)

  it('has the files of rows 113 to 119', async () => {
    const guest = spec()
    await driver.create(guest, source())
    expect((await readdir(`${folder}/instances`)).sort()).toEqual(
      ['_base', guest.id, 'compute_nodes', 'locks'].sort(),
    )
    expect(await readdir(`${folder}/instances/_base`)).toEqual(['7312bbe40cc8bc765d86d2dbd58d0a57a83ee215'])
    expect(await readdir(`${folder}/instances/${guest.id}`)).toEqual(
      expect.arrayContaining(['disk', 'disk.info', 'libvirt.xml', 'console.log']),
    )
    expect(await world.files.readText(path(guest.id, 'disk.info'))).toBe(
      `{"${path(guest.id, 'disk')}": "qcow2"}\n`,
    )
    expect((await stat(path(guest.id, 'disk'))).mode & 0o777).toBe(0o644)
    // Others on this machine don't get that far.
    expect((await stat(`${folder}/instances`)).mode & 0o007).toBe(0)
  })

  it('has a disk of which qemu-img and our own inspector say the same', async () => {
    const guest = spec()
    await driver.create(guest, source())
    await driver.stop(guest.id)
    const disk = path(guest.id, 'disk')
    const { stdout } = await run('qemu-img', ['info', disk])
    const { size, blocks } = await stat(disk)
    const bytes = await world.files.read(disk)
    const info = await inspectImage(async (offset, length) => bytes.subarray(offset, offset + length), size)
    expect(describeImage(info, disk, blocks * 512)).toBe(stdout)
    expect(stdout).toContain('virtual size: 1 GiB (1073741824 bytes)')
    expect((await run('qemu-img', ['check', disk])).stdout).toContain('No errors were found')
  })

  it('runs as its own user, without capabilities, in the sandbox', async () => {
    const guest = spec()
    const { pid } = await driver.create(guest, source())
    const status = await world.files.readText(`/proc/${pid}/status`)
    expect(status).toMatch(new RegExp(`^Uid:\\s+${defaultGuestUid}\\s`, 'm'))
    expect(status).toMatch(/^CapEff:\s+0+$/m)
    expect(status).toMatch(/^Seccomp:\s+2$/m)
    expect((await driver.info()).guestUid).toBe(defaultGuestUid)
  })

  it('writes its definition anew at each start', async () => {
    const guest = spec()
    await driver.create(guest, source())
    const xml = await world.files.readText(path(guest.id, 'libvirt.xml'))
    await writeFile(path(guest.id, 'libvirt.xml'), '<edited/>')
    await driver.reboot(guest.id, 'hard')
    expect(await world.files.readText(path(guest.id, 'libvirt.xml'))).toBe(xml)
  })

  it('is told as crashed when its process is killed, and starts again', async () => {
    const guest = spec()
    const { pid } = await driver.create(guest, source())
    const seen = new Promise((resolve) =>
      driver.events((event) => event.kind === 'crashed' && resolve(event.reason)),
    )
    world.processes.signal(pid!, 'SIGKILL')
    expect(await seen).toBe("the guest's process died")
    expect((await driver.state(guest.id))?.power).toBe('crashed')
    expect((await driver.start(guest.id)).power).toBe('running')
  })

  it('takes qcow2 images, as raw in the cache, and refuses what reaches for other files', async () => {
    const raw = join(folder, 'talking.raw')
    await writeFile(raw, image)
    for (const [format, options] of [
      ['qcow2', ['-c']],
      ['vmdk', ['-o', 'subformat=streamOptimized']],
      ['vdi', []],
      ['vhdx', []],
      ['vpc', []],
    ] as const) {
      const file = join(folder, `talking.${format}`)
      await run('qemu-img', ['convert', '-O', format, ...options, raw, file])
      const bytes = await world.files.read(file)
      const id = world.random.uuid()
      const diskFormat = format === 'vpc' ? 'vhd' : format
      const guest = spec({ image: { id, diskFormat, sizeBytes: bytes.length } })
      expect((await driver.create(guest, source(bytes))).power, format).toBe('running')
    }
    const evil = join(folder, 'evil.qcow2')
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', '/etc/passwd', '-F', 'raw', evil, '1M'])
    const bytes = await world.files.read(evil)
    const guest = spec({ image: { id: world.random.uuid(), diskFormat: 'qcow2', sizeBytes: bytes.length } })
    await expect(driver.create(guest, source(bytes))).rejects.toThrow("backing file ('/etc/passwd')")
  })

  it('gives a reason for what it lacks and leaves nothing behind', async () => {
    const before = await leftovers(folder)
    const portId = world.random.uuid()
    const nic = {
      portId,
      mac: 'fa:16:3e:00:00:02',
      tap: 'tapnowhere',
      mtu: 1450,
      linkType: 'ovs' as const,
      networkId: 'n',
    }
    const volume = {
      volumeId: world.random.uuid(),
      path: '/nowhere/v',
      format: 'raw' as const,
      device: '/dev/vdb',
      serial: 's',
    }
    const big = { id: world.random.uuid(), diskFormat: 'raw', sizeBytes: 2 ** 50 }
    await expect(driver.create(spec({ nics: [nic] }), source())).rejects.toThrow(
      `Port ${portId} isn't plugged`,
    )
    await expect(driver.create(spec({ volumes: [volume] }), source())).rejects.toThrow(/\/nowhere\/v/)
    await expect(driver.create(spec({ image: big }), source())).rejects.toMatchObject({ type: 'DiskFull' })
    await expect(driver.create(spec({ memoryMb: 2 ** 30 }), source())).rejects.toMatchObject({
      type: 'GuestStartFailed',
    })
    expect(await leftovers(folder)).toEqual(before)
  })

  it('boots from a volume, and has ephemeral and swap space', async () => {
    const volumeId = world.random.uuid()
    const file = `${folder}/volume-${volumeId}`
    await writeFile(file, image)
    const volume = {
      volumeId,
      path: file,
      format: 'raw' as const,
      device: '/dev/vda',
      serial: volumeId,
      bootIndex: 0,
    }
    const guest = spec({ image: undefined, volumes: [volume], ephemeralGb: 1, swapMb: 64 })
    await driver.create(guest)
    while (!(await driver.consoleOutput(guest.id)).includes(bootText)) await world.timers.sleep(20)
    await driver.stop(guest.id)
    expect((await run('blkid', ['-p', path(guest.id, 'disk.swap')])).stdout).toContain('TYPE="swap"')
    const ephemeral = await run('qemu-img', ['info', path(guest.id, 'disk.eph0')])
    expect(ephemeral.stdout).toContain('virtual size: 1 GiB')
    expect((await run('blkid', ['-p', `${folder}/instances/_base/ephemeral_1_ext4`])).stdout).toContain(
      'LABEL="ephemeral0"',
    )
    await driver.destroy(guest.id)
    expect((await world.files.read(file)).equals(image)).toBe(true)
  })

  it('shows all guests while others are made and fail', async () => {
    const guests = Array.from({ length: 4 }, () => spec())
    const bad = Array.from({ length: 4 }, () => spec({ memoryMb: 2 ** 30 }))
    const made = Promise.allSettled([...guests, ...bad].map((one) => driver.create(one, source())))
    let over = false
    void made.then(() => {
      over = true
    })
    while (!over) {
      await driver.list()
      await world.timers.sleep(2)
    }
    expect((await made).map((one) => one.status)).toEqual([
      ...Array(4).fill('fulfilled'),
      ...Array(4).fill('rejected'),
    ])
    expect((await driver.list()).map((one) => one.power)).toEqual(Array(4).fill('running'))
  })

  it("says which folder the guests' user can't enter", async () => {
    const closed = `${folder}/closed`
    await world.files.makeFolder(closed, { mode: 0o700 })
    await expect(open(closed)).rejects.toThrow(`chmod o+x ${closed}`)
  })

  it('says that the disk is full, or that a program is missing', async () => {
    const small = `${folder}/small`
    await world.files.makeFolder(small, { mode: 0o711 })
    await run('mount', ['-t', 'tmpfs', '-o', 'size=32m,mode=711', 'nimbo-test', small])
    const path = process.env.PATH
    try {
      const full = await open(small)
      const before = await leftovers(small)
      await expect(full.create(spec(), source())).rejects.toMatchObject({ type: 'DiskFull' })
      expect(await leftovers(small)).toEqual(before)
      await full.close()
      process.env.PATH = '/nowhere'
      await expect(driver.create(spec(), source())).rejects.toThrow("'qemu-system-x86_64' is not installed")
    } finally {
      process.env.PATH = path
      await run('umount', [small])
    }
  })

  it('ends its create at once when it is destroyed while its image arrives', async () => {
    const guest = spec({ image: { id: world.random.uuid(), diskFormat: 'raw', sizeBytes: 2 ** 20 } })
    const silent = new Readable({ read() {} })
    const created = expect(driver.create(guest, { image: { open: async () => silent } })).rejects.toThrow(
      'destroyed while it was made',
    )
    while (!silent.listenerCount('readable') && !silent.listenerCount('data')) await world.timers.sleep(5)
    await driver.destroy(guest.id)
    await created
    silent.destroy(new Error('the server went away'))
    expect(await driver.state(guest.id)).toBeUndefined()
  })
})

// A whole Linux guest under the qemu driver: it boots from its overlay, reads its config drive, sees volumes and
// ports come and go, and powers itself off when it is asked.
import { execFile } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { GuestEvent, GuestSpec, VirtDriver } from '#drivers/virt/driver.ts'
import { loadVirtDriver } from '#drivers/virt/load.ts'
import { defaultGuestUid } from '#drivers/virt/qemu/host.ts'
import { silentLog } from '#kit/log/log.ts'
import { realWorld } from '#kit/world/real.ts'
import { tinyImage } from './guest-image.ts'

const run = promisify(execFile)
const world = realWorld()
const id = world.random.uuid()
const volumeId = world.random.uuid()
const portId = world.random.uuid()
const tap = `tap${portId.slice(0, 11)}`

/** Tells on the console what comes and goes, and writes on the volume: the guest's own view of things. */
const userData = `#!/bin/sh
tell() { echo "guest: $1" > /dev/ttyS0; }
watch() {
  disk= nic=
  while sleep 0.2; do
    now=$(cat /sys/block/vdb/serial 2>/dev/null)
    if [ "$now" != "$disk" ]; then
      tell "disk [$now]"
      [ -n "$now" ] && tell "reads [$(head -c 9 /dev/vdb)]" && printf 'from the guest' | dd of=/dev/vdb bs=512 seek=2 conv=notrunc 2>/dev/null && sync && tell wrote
      disk=$now
    fi
    now=$(cat /sys/class/net/eth0/address 2>/dev/null)
    if [ "$now" != "$nic" ]; then tell "nic [$now] $(cat /sys/class/net/eth0/mtu 2>/dev/null)"; nic=$now; fi
  done
}
watch &
tell ready
`

describe('a Linux guest', () => {
  let folder: string
  let driver: VirtDriver
  let spec: GuestSpec
  let image: string
  const events: GuestEvent[] = []

  beforeAll(async () => {
    expect(process.getuid?.(), 'real guests need root').toBe(0)
    folder = await mkdtemp('/tmp/nimbo-virt-guest-')
    await chmod(folder, 0o711)
    image = process.env.NIMBO_TEST_IMAGE ?? (await tinyImage(`${folder}/tiny.qcow2`)).path
    driver = await loadVirtDriver('qemu', world, silentLog, {
      folder: `${folder}/instances`,
      host: 'node1',
      accel: 'auto',
    })
    driver.events((event) => events.push(event))
    await run('ip', ['tuntap', 'add', 'dev', tap, 'mode', 'tap', 'user', String(defaultGuestUid)])
    const metadata = { uuid: id, name: 'hello', hostname: 'hello.novalocal', public_keys: {} }
    spec = {
      id,
      number: 42,
      name: 'hello',
      hostname: 'hello',
      generation: 1,
      projectId: 'p',
      flavorName: 'm1.tiny',
      vcpus: 1,
      memoryMb: 128,
      rootGb: 1,
      ephemeralGb: 0,
      swapMb: 0,
      image: { id: world.random.uuid(), diskFormat: 'qcow2', sizeBytes: (await stat(image)).size },
      nics: [],
      volumes: [],
      configDrive: {
        'ec2/2009-04-04/meta-data.json': JSON.stringify({
          'instance-id': 'i-0000002a',
          hostname: 'hello.novalocal',
        }),
        'openstack/latest/meta_data.json': JSON.stringify(metadata),
        'openstack/latest/user_data': userData,
      },
      createdAt: world.clock.now(),
    }
  })
  afterAll(async () => {
    await driver?.destroy(id)
    await driver?.close()
    await run('ip', ['link', 'delete', tap]).catch((error: unknown) =>
      expect(String(error)).toContain('Cannot find device'),
    )
    if (folder) await rm(folder, { recursive: true, force: true })
  })

  /** Waits for text on the console, from a place that it had before. */
  async function says(text: string, from = 0): Promise<void> {
    const deadline = world.clock.monotonic() + 240_000
    for (;;) {
      const console = (await driver.consoleOutput(id)).slice(from)
      if (console.includes(text)) return
      expect(world.clock.monotonic(), `no '${text}' on the console:\n${console.slice(-2000)}`).toBeLessThan(
        deadline,
      )
      await world.timers.sleep(100)
    }
  }

  it('boots, is emulated or not as the host can, and takes its name from the config drive', async () => {
    await driver.create(spec, { image: { open: async () => world.files.readStream(image) } })
    await says('hello login:')
    await says('guest: ready')
    expect((await driver.info()).accel).toMatch(/^(kvm|tcg)$/)
    const usage = await driver.usage(id)
    expect(usage?.cpuNs).toBeGreaterThan(0)
    expect(usage?.residentBytes).toBeGreaterThan(50 * 2 ** 20)
    expect(usage?.residentBytes).toBeLessThan(400 * 2 ** 20)
  })

  it('sees a volume come with its serial number and its bytes, and lets it go', async () => {
    const path = `${folder}/volume`
    await writeFile(path, Buffer.concat([Buffer.from('precious!'), Buffer.alloc(2 ** 20)]))
    const volume = { volumeId, path, format: 'raw' as const, device: '/dev/vdb', serial: volumeId }
    await driver.attachVolume(id, volume)
    await says(`guest: disk [${volumeId.slice(0, 20)}]`)
    await says('guest: reads [precious!]')
    await says('guest: wrote')
    await driver.detachVolume(id, volumeId)
    await says('guest: disk []')
    expect((await readFile(path)).toString('latin1', 1024, 1038)).toBe('from the guest')
    expect((await stat(path)).uid).toBe(0)
    expect((await driver.state(id))?.volumes).toEqual([])
  })

  it('lets a volume go that is taken back before it was taken in', async () => {
    const path = `${folder}/short-visit`
    await writeFile(path, Buffer.alloc(2 ** 20))
    const volume = { volumeId, path, format: 'raw' as const, device: '/dev/vdb', serial: volumeId }
    await driver.attachVolume(id, volume)
    await driver.detachVolume(id, volumeId)
    expect((await driver.state(id))?.volumes).toEqual([])
  })

  it('sees a port come with its address and MTU, and lets it go', async () => {
    await driver.attachInterface(id, {
      portId,
      mac: 'fa:16:3e:0a:0b:0c',
      tap,
      mtu: 1450,
      linkType: 'ovs',
      networkId: 'n',
    })
    await says('guest: nic [fa:16:3e:0a:0b:0c] 1450')
    await driver.detachInterface(id, portId)
    await says('guest: nic []')
    expect((await driver.state(id))?.nics).toEqual([])
  })

  it('restarts itself when it is asked softly', async () => {
    events.length = 0
    const before = (await driver.consoleOutput(id)).length
    expect((await driver.reboot(id, 'soft')).power).toBe('running')
    expect(events.map(({ kind, reason }) => `${kind}: ${reason}`)).toEqual([
      'stopped: the guest powered itself off',
      'started: the guest was started',
    ])
    await says('hello login:', before)
  })

  it('powers itself off when it is asked', async () => {
    events.length = 0
    expect((await driver.stop(id, { graceful: true, timeoutMs: 60_000 })).power).toBe('shutdown')
    expect(events.map(({ kind, reason }) => `${kind}: ${reason}`)).toEqual([
      'stopped: the guest powered itself off',
    ])
  })
})

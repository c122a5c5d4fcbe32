// The offline guest image: built from the distribution's packages, booted by QEMU under emulation, entered by ssh.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ed25519KeyPair } from '#cli/key-pair.ts'
import { buildCdImage } from '#kit/iso9660/iso9660.ts'
import { connectQmp } from '#kit/qmp/qmp.ts'
import { realWorld } from '#kit/world/real.ts'
import type { StartedProcess } from '#kit/world/world.ts'
import { readDistribution } from '#main/package.ts'
import { buildTinyImage } from '#main/tiny-image/build.ts'
import { freePort } from '#test/port.ts'
import { emulated } from './guest-image.ts'

const world = realWorld()
const keys = ed25519KeyPair(Buffer.alloc(32, 7), Buffer.alloc(4), 'test')
let sshPort: number
let folder: string
let guest: StartedProcess
let distribution: string
let image: Awaited<ReturnType<typeof buildTinyImage>>

beforeAll(async () => {
  folder = mkdtempSync(`${tmpdir()}/nimbo-tiny-`)
  sshPort = await freePort()
  distribution = (await readDistribution(world)).id
  image = await buildTinyImage(world, { out: `${folder}/tiny.qcow2`, cache: `${folder}/cache`, distribution })
  const metadata = {
    uuid: 'f00d',
    name: 'hello',
    hostname: 'hello.novalocal',
    public_keys: { test: keys.publicKey },
  }
  const files = {
    'openstack/latest/meta_data.json': JSON.stringify(metadata),
    'openstack/latest/user_data': '#!/bin/sh\necho "user data on $(hostname)"\n',
  }
  await world.files.write(
    `${folder}/drive.iso`,
    buildCdImage({ label: 'config-2', files, at: world.clock.now() }),
  )
  await world.files.write(`${folder}/key`, keys.privateKey, { mode: 0o600 })
  guest = await world.processes.start('qemu-system-x86_64', [
    ...[...emulated, '-m', String(image.minRamMegabytes), '-display', 'none'],
    ...[
      '-drive',
      `file=${folder}/tiny.qcow2,if=virtio,snapshot=on`,
      '-drive',
      `file=${folder}/drive.iso,media=cdrom`,
    ],
    ...['-netdev', `user,id=n,hostfwd=tcp:127.0.0.1:${sshPort}-:22`, '-device', 'virtio-net-pci,netdev=n'],
    ...['-serial', `file:${folder}/console`, '-qmp', `unix:${folder}/qmp,server=on,wait=off`],
  ])
})
afterAll(() => {
  guest?.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

async function consoleShows(text: RegExp): Promise<string> {
  for (;;) {
    const shown = (await world.files.exists(`${folder}/console`))
      ? await world.files.readText(`${folder}/console`)
      : ''
    if (text.test(shown)) return shown
    await world.timers.sleep(50)
  }
}

function ssh(...more: string[]) {
  const options = [
    'StrictHostKeyChecking=no',
    'UserKnownHostsFile=/dev/null',
    'BatchMode=yes',
    'LogLevel=ERROR',
  ]
  const args = [...options.flatMap((option) => ['-o', option]), '-p', String(sshPort), ...more]
  return world.processes.run('ssh', args)
}

it('is small enough to carry along', () => {
  expect(image.bytes).toBeLessThan(25_000_000)
})

it('is not built again while it is made of the same', async () => {
  const said: string[] = []
  const out = `${folder}/again.qcow2`
  await buildTinyImage(world, { out, cache: `${folder}/cache`, distribution, say: (line) => said.push(line) })
  expect(said.join('\n')).toContain('already built')
  expect((await world.files.read(out)).equals(await world.files.read(`${folder}/tiny.qcow2`))).toBe(true)
})

it('reads its config drive, runs its user data once and offers a login', async () => {
  const shown = await consoleShows(/hello login: $/)
  expect(shown).toMatch(/udhcpc: eth0 lease of 10\.0\.2\.15 obtained/)
  expect(shown).toContain('=== datasource: config-drive /dev/sr0 ===')
  expect(shown).toContain('user data on hello')
  expect(shown).toContain('user-data ended: 0')
})

it('lets its key in over ssh, makes it root, and lets no one in without', async () => {
  const entered = await ssh(
    '-i',
    `${folder}/key`,
    'cirros@127.0.0.1',
    'id -un; sudo id -un; hostname; ping -c 1 10.0.2.2 > /dev/null && echo pong',
  )
  expect(entered.stdout).toBe('cirros\nroot\nhello\npong\n')
  const refused = await ssh('-o', 'PubkeyAuthentication=no', 'cirros@127.0.0.1', 'true')
  expect(refused.stderr).toContain('Permission denied (publickey)')
})

it('turns itself off when its power button is pressed', async () => {
  const qmp = await connectQmp(world, `${folder}/qmp`)
  await qmp.execute('system_powerdown')
  expect(await guest.exited).toEqual({ code: 0, signal: null })
  expect(await consoleShows(/Power down/)).toContain('=== tinyguest: down ===')
})

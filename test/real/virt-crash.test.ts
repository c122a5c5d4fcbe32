// An agent that is killed at any moment of a create: the next one completes it or clears it away, and nothing is left.
// Every touch of the host is a kill point, each tried with a driver process of its own.
import { spawn } from 'node:child_process'
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { GuestSpec, VirtDriver } from '#drivers/virt/driver.ts'
import { loadVirtDriver } from '#drivers/virt/load.ts'
import { silentLog } from '#kit/log/log.ts'
import { realWorld } from '#kit/world/real.ts'
import { bootText, talkingDisk } from './boot-image.ts'

const world = realWorld()
const image = talkingDisk()

function spec(): GuestSpec {
  return {
    id: world.random.uuid(),
    number: 7,
    name: 'mortal',
    hostname: 'mortal',
    generation: 1,
    projectId: 'p',
    flavorName: 'm1.nano',
    vcpus: 1,
    memoryMb: 32,
    rootGb: 1,
    ephemeralGb: 0,
    swapMb: 16,
    image: { id: world.random.uuid(), diskFormat: 'raw', sizeBytes: image.length },
    nics: [],
    volumes: [],
    configDrive: { 'openstack/latest/meta_data.json': '{}' },
    createdAt: 0,
  }
}

describe('a create that is killed', () => {
  let root: string
  let folder: string
  beforeAll(async () => {
    expect(process.getuid?.(), 'real guests need root').toBe(0)
    root = await mkdtemp('/tmp/nimbo-virt-crash-')
    await chmod(root, 0o711)
    folder = `${root}/instances`
  })
  afterAll(async () => {
    if (root) await rm(root, { recursive: true, force: true })
  })

  /** Runs the mortal agent; gives what it printed, '' where it was killed. */
  function agent(guest: GuestSpec, dieAt: number): Promise<string> {
    const script = new URL('./virt-crash-child.ts', import.meta.url).pathname
    const args = [script, folder, JSON.stringify(guest), String(dieAt)]
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
      let said = ''
      child.stdout.on('data', (text: Buffer) => {
        said += text.toString()
      })
      child.once('close', (code, signal) =>
        code === 0 || signal === 'SIGKILL'
          ? resolve(said)
          : reject(new Error(`the agent ended with ${code}`)),
      )
    })
  }

  const open = (): Promise<VirtDriver> =>
    loadVirtDriver('qemu', world, silentLog, { folder, host: 'node1', accel: 'tcg' })
  const source = { image: { open: async () => Readable.from([image]) } }

  async function leftovers(): Promise<string[]> {
    const files = (await readdir(folder, { recursive: true })).filter(
      (path) => !/^_base\/[0-9a-f]{40}$/.test(path),
    )
    const processes = await world.processes.find([folder])
    return [...files.sort(), ...processes.map((one) => one.command.join(' '))]
  }

  it.each(['completed', 'cleared away'])('is %s by the next agent wherever it was killed', async (how) => {
    const first = spec()
    const touches = Number(await agent(first, 0))
    expect(touches).toBeGreaterThan(40)
    const cleaner = await open()
    await cleaner.destroy(first.id)
    await cleaner.close()
    const clean = await leftovers()

    for (let dieAt = 1; dieAt <= touches; dieAt++) {
      const guest = spec()
      await agent(guest, dieAt)
      const driver = await open()
      try {
        if (how === 'completed') {
          const state = await driver.create(guest, source)
          expect(state.power, `killed at touch ${dieAt}`).toBe('running')
          expect(await driver.list()).toEqual([state])
          expect(
            await world.processes.find([`${folder}/${guest.id}`]),
            `killed at touch ${dieAt}`,
          ).toHaveLength(1)
          while (!(await driver.consoleOutput(guest.id)).includes(bootText)) await world.timers.sleep(20)
        }
        await driver.destroy(guest.id)
      } finally {
        await driver.close()
      }
      expect(await leftovers(), `killed at touch ${dieAt}`).toEqual(clean)
    }
  })
})

// An agent that is killed at any moment of a create: the next one completes it or clears it away, and nothing is left.
// Every touch of the host that changes something is a kill point, each tried with a driver process of its own, which dies
// in two creates at once.
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

/** Of different sizes: what is made once for all guests of a size holds up no other. */
function spec(swapMb: number): GuestSpec {
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
    swapMb,
    image: { id: world.random.uuid(), diskFormat: 'raw', sizeBytes: image.length },
    nics: [],
    volumes: [],
    configDrive: { 'openstack/latest/meta_data.json': '{}' },
    createdAt: 0,
  }
}

const pair = (): [GuestSpec, GuestSpec] => [spec(16), spec(17)]

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

  /** A mortal agent that is being started and waits; what it runs gives what it printed, '' where it was killed. */
  function agent(): (guests: [GuestSpec, GuestSpec], dieAt: number) => Promise<string> {
    const script = new URL('./virt-crash-child.ts', import.meta.url).pathname
    // What the first of them compiled the others have from a file: there are a hundred.
    const env = { ...process.env, NODE_COMPILE_CACHE: `${root}/compiled` }
    const child = spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', 'inherit'], env })
    let said = ''
    child.stdout.on('data', (text: Buffer) => {
      said += text.toString()
    })
    const ended = new Promise<string>((resolve, reject) => {
      child.once('close', (code, signal) =>
        code === 0 || signal === 'SIGKILL'
          ? resolve(said)
          : reject(new Error(`the agent ended with ${code}`)),
      )
    })
    return (guests, dieAt) => {
      child.stdin.end(JSON.stringify({ folder, guests, dieAt }))
      return ended
    }
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

  it('is cleared away or completed by the next agent wherever it was killed', async () => {
    const first = pair()
    const touches = Number(await agent()(first, 0))
    expect(touches).toBeGreaterThan(40)
    const cleaner = await open()
    for (const { id } of first) await cleaner.destroy(id)
    await cleaner.close()
    const clean = await leftovers()

    let mortal = agent()
    for (let dieAt = 1; dieAt <= touches; dieAt++) {
      const [unwanted, wanted] = pair()
      const when = `killed at touch ${dieAt}`
      await mortal([unwanted, wanted], dieAt)
      // The next one starts beside what is looked at here.
      if (dieAt < touches) mortal = agent()
      const driver = await open()
      try {
        await driver.destroy(unwanted.id)
        const state = await driver.create(wanted, source)
        expect(state.power, when).toBe('running')
        expect(await driver.list(), when).toEqual([state])
        expect(await world.processes.find([`${folder}/${wanted.id}`]), when).toHaveLength(1)
        while (!(await driver.consoleOutput(wanted.id)).includes(bootText)) await world.timers.sleep(20)
        await driver.destroy(wanted.id)
      } finally {
        await driver.close()
      }
      expect(await leftovers(), when).toEqual(clean)
    }
  })
})

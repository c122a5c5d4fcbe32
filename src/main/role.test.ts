// Processes under their supervisors, for real: what a killed, a stopped and a misconfigured one do.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { realWorld } from '#kit/world/real.ts'
import type { World } from '#kit/world/world.ts'
import { type Cloud, prepareCloud } from './data-folder.ts'
import { withLock } from './lock.ts'
import { type Role, roleState, startRole, stopRole, supervisorState } from './role.ts'
import { keepSupervised } from './supervision.ts'

const world = realWorld()
let root: string
let cloud: Cloud
beforeEach(async () => {
  root = mkdtempSync(`${tmpdir()}/nimbo-role-`)
  cloud = await prepareCloud(world, root, {})
})
afterEach(async () => {
  await stopRole(world, cloud.folder, 'controller', 1000)
  rmSync(root, { recursive: true })
})

/** A program that announces itself as roles do, and then lives until it is told to end. */
function program(body: string): string[] {
  const announce = `ticks=$(sed 's/.*) //' /proc/$$/stat | cut -d ' ' -f 20); echo "$$ $ticks" > ${root}/run/$1.pid`
  writeFileSync(`${root}/program.sh`, `${announce}\n${body}\n`)
  return ['/bin/sh', `${root}/program.sh`]
}

async function until<T>(ask: () => Promise<T | undefined | false>): Promise<T> {
  for (;;) {
    const answer = await ask()
    if (answer) return answer
    await new Promise((resolve) => setImmediate(resolve))
  }
}
const worldOf = (self: number): World => ({ ...world, processes: { ...world.processes, self } })
const running = (role: Role = 'controller') =>
  until(async () => (await roleState(world, cloud.folder, role)).process)

describe('a role under its supervisor', () => {
  it('is started once, is started again when it is killed, and stays down when it is stopped', async () => {
    const lives = program('exec sleep 1000')
    expect(await startRole(world, cloud, 'controller', lives)).toBe(true)
    const first = await running()
    expect(await startRole(world, cloud, 'controller', lives)).toBe(false)
    world.processes.signal(first.pid, 'SIGKILL')
    const second = await until(async () => {
      const { process } = await roleState(world, cloud.folder, 'controller')
      return process?.pid !== first.pid && process
    })
    expect(await stopRole(world, cloud.folder, 'controller', 2000)).toBe(true)
    expect(world.processes.alive(second.pid)).toBe(false)
    expect(await roleState(world, cloud.folder, 'controller')).toMatchObject({
      process: undefined,
      supervisor: undefined,
    })
    expect(await stopRole(world, cloud.folder, 'controller')).toBe(false)
    expect(readFileSync(`${root}/log/controller.log`, 'utf8')).toContain('supervisor: ended with 137')
  })

  it('is killed where it does not end when asked', async () => {
    await startRole(world, cloud, 'controller', program("trap '' TERM; exec sleep 1000"))
    const { pid } = await running()
    await stopRole(world, cloud.folder, 'controller', 50)
    await until(async () => !world.processes.alive(pid))
  })

  it('is left alone where its configuration is at fault', async () => {
    await startRole(world, cloud, 'controller', program('echo "nimbo.yaml:1: wrong"; exit 78'))
    await until(async () => (await roleState(world, cloud.folder, 'controller')).supervisor === undefined)
    const log = readFileSync(`${root}/log/controller.log`, 'utf8')
    expect(log).toMatch(/wrong\nsupervisor: it can't run with this configuration/)
  })

  it('starts another supervisor for itself where that was killed, and none where it was stopped', async () => {
    const lives = program('exec sleep 1000')
    await startRole(world, cloud, 'controller', lives)
    const { pid } = await running()
    const supervisorOf = async () => (await roleState(world, cloud.folder, 'controller')).supervisor
    const first = (await supervisorOf())!
    // The role is a shell script here, so the test stands in for it.
    const looks = await keepSupervised(worldOf(pid), cloud, 'controller', { program: lives, say: () => {} })
    try {
      world.processes.signal(first.pid, 'SIGKILL')
      const second = await until(async () => {
        const now = await supervisorOf()
        return now && now.pid !== first.pid && now
      })
      expect((await running()).pid).toBe(pid)
      world.processes.signal(pid, 'SIGKILL')
      await until(async () => (await running()).pid !== pid)
      expect(await stopRole(world, cloud.folder, 'controller', 2000)).toBe(true)
      expect(world.processes.alive(second.pid)).toBe(false)
      expect(await supervisorState(world, cloud.folder, 'controller')).toBe('none')
    } finally {
      looks.stop()
    }
  })

  it('is not mistaken for another process that got its number', async () => {
    writeFileSync(`${root}/run/controller.pid`, `${process.pid} 1\n`)
    expect((await roleState(world, cloud.folder, 'controller')).process).toBeUndefined()
  })
})

describe('the lock', () => {
  it('keeps a second command out while the first is at work, and lets it in afterwards', async () => {
    await withLock(world, cloud.folder, 'up', async () => {
      await expect(withLock(world, cloud.folder, 'down', async () => 1)).rejects.toThrow(
        "'nimbo up' is at work",
      )
    })
    expect(await withLock(world, cloud.folder, 'down', async () => 2)).toBe(2)
    expect(existsSync(`${root}/lock`)).toBe(false)
  })

  it('is taken over from a command that was killed', async () => {
    writeFileSync(`${root}/lock`, '4194304 1 up\n')
    expect(await withLock(world, cloud.folder, 'down', async () => 3)).toBe(3)
  })
})

// Test hosts on one machine: each is a set of namespaces (network, mounts, processes, name) that the program under test
// can't tell from a machine of its own, with its own /etc, /var and /run and so its own Open vSwitch, joined to the others
// by a card eth0 on one wire. The test itself is on that wire, too. Needs root; ending a machine is cutting its power.
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { fullMessage } from '#kit/errors/cloud-error.ts'
import { realWorld } from '#kit/world/real.ts'
import type { RunOptions, StartedProcess } from '#kit/world/world.ts'
import { type Said, succeeded, until } from '#test/interop/live-cloud.ts'

const world = realWorld()
const launcher = new URL('../../nimbo', import.meta.url).pathname
const firstProcess = new URL('machine.sh', import.meta.url).pathname

export type Machine = {
  readonly name: string
  /** Of eth0, without prefix. */
  readonly address: string
  /** Of its first process, as the real machine numbers it. */
  readonly pid: number
  /** Where the test sees the machine's /etc and /var as they differ from the real machine's. */
  readonly folder: string
  run(command: string, args: readonly string[], options?: RunOptions): Promise<Said>
  /** ./nimbo VERB ..., on the usual data folder. */
  nimbo(...args: string[]): Promise<Said>
  /** Fails the test where the program fails. Standard output. */
  text(command: string, ...args: string[]): Promise<string>
}

export type Lab = {
  readonly machines: readonly Machine[]
  /** For the test's own files, which the machines see under the same path. */
  readonly folder: string
  /** The test's own address on the wire. */
  readonly address: string
  /** Ends all machines and removes what they were made of; returns what is left of it, which should be nothing. */
  dispose(): Promise<string[]>
}

export async function raiseMachines(names: readonly string[]): Promise<Lab> {
  const id = world.random.hexId().slice(0, 6)
  const folder = mkdtempSync(`/tmp/nimbo-hosts-${id}-`)
  // Guests run as another user, who has to get through to their disks.
  chmodSync(folder, 0o711)
  const wire = `nbh${id}`
  const prefix = await freePrefix()
  const processes: StartedProcess[] = []
  const dispose = async () => {
    for (const process of processes) {
      process.kill('SIGKILL')
      await process.exited
    }
    await until('the machines are gone', async () => (await machinePids(folder)).length === 0)
    for (const link of await linksOf(wire)) await world.processes.run('ip', ['link', 'del', link])
    // The kernel lets go of a namespace a little after its last process.
    const deadline = world.clock.monotonic() + 60_000
    let left = await leftovers(wire, folder)
    while (left.length > 0 && world.clock.monotonic() < deadline) {
      await world.timers.sleep(50)
      left = await leftovers(wire, folder)
    }
    rmSync(folder, { recursive: true, force: true })
    return left
  }
  try {
    await host('ip', 'link', 'add', wire, 'type', 'bridge')
    await host('ip', 'address', 'add', `${prefix}.254/24`, 'dev', wire)
    await host('ip', 'link', 'set', wire, 'up')
    const machines: Machine[] = []
    for (const [index, name] of names.entries()) {
      const address = `${prefix}.${index + 1}`
      const own = `${folder}/${name}`
      await world.files.makeFolder(own, { mode: 0o711 })
      const process = await startMachine(own, name)
      processes.push(process)
      const pid = await firstPid(process.pid)
      await plug(wire, `${wire}${index + 1}`, pid, `${address}/24`)
      machines.push(machine(name, address, own, pid))
    }
    for (const one of machines) await one.text('sh', '-c', `echo '${hostsFile(machines)}' >> /etc/hosts`)
    return { machines, folder, address: `${prefix}.254`, dispose }
  } catch (error) {
    const left = await dispose()
    throw new Error(`The test hosts could not be raised: ${fullMessage(error)} ${left.join(' ')}`, {
      cause: error,
    })
  }
}

function machine(name: string, address: string, folder: string, pid: number): Machine {
  const run = async (command: string, args: readonly string[], options: RunOptions = {}): Promise<Said> => {
    const ran = await world.processes.run(
      'nsenter',
      ['--target', String(pid), '--mount', '--uts', '--ipc', '--net', '--pid', '--', command, ...args],
      { ...options, env: { ...environment(), ...options.env } },
    )
    return { ...ran, line: `${name}: ${command} ${args.join(' ')}` }
  }
  return {
    name,
    address,
    pid,
    folder,
    run,
    nimbo: (...args) => run(launcher, args, { timeoutMs: 600_000 }),
    text: async (command, ...args) => succeeded(await run(command, args, { timeoutMs: 120_000 })).stdout,
  }
}

/** Its processes end with us: they must not outlive a test run that was killed. */
async function startMachine(folder: string, name: string): Promise<StartedProcess> {
  const spaces = ['--net', '--mount', '--uts', '--ipc', '--pid', '--fork', '--kill-child', '--mount-proc']
  const words = [...spaces, '--propagation', 'private', '/bin/bash', firstProcess, folder, name]
  const process = await world.processes.start('setpriv', ['--pdeathsig', 'KILL', 'unshare', ...words], {
    env: environment(),
    logFile: `${folder}/log`,
  })
  await until(`${name} is up`, async () => {
    if (!world.processes.alive(process.pid)) throw new Error(readFileSync(`${folder}/log`, 'utf8'))
    return world.files.exists(`${folder}/ready`)
  })
  return process
}

/** Of the machine's first process, as the real machine numbers it. */
async function firstPid(unshare: number): Promise<number> {
  return Number(readFileSync(`/proc/${unshare}/task/${unshare}/children`, 'utf8').trim().split(' ')[0])
}

async function plug(wire: string, end: string, pid: number, address: string): Promise<void> {
  await host('ip', ...['link', 'add', end, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(pid)])
  await host('ip', 'link', 'set', end, 'master', wire, 'up')
  for (const args of [
    ['address', 'add', address, 'dev', 'eth0'],
    ['link', 'set', 'eth0', 'up'],
  ])
    await host('nsenter', '--target', String(pid), '--net', 'ip', ...args)
}

async function linksOf(wire: string): Promise<string[]> {
  const links = JSON.parse(await host('ip', '-j', 'link')) as { ifname: string }[]
  return links.map(({ ifname }) => ifname).filter((name) => name.startsWith(wire))
}

async function leftovers(wire: string, folder: string): Promise<string[]> {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n')
  return [...(await linksOf(wire)), ...mounts.filter((line) => line.includes(folder))]
}

/** By pgrep: `find` leaves out what lives in a pid namespace of its own, as machines do. */
async function machinePids(folder: string): Promise<number[]> {
  const { stdout } = await world.processes.run('pgrep', ['-f', `${firstProcess} ${folder}/`])
  return stdout.split('\n').filter(Boolean).map(Number)
}

/** From the block for tests of network devices (RFC 2544), one that no device here has. */
async function freePrefix(): Promise<string> {
  const taken = await host('ip', '-o', '-4', 'address')
  for (let tries = 0; tries < 50; tries++) {
    const prefix = `198.18.${world.random.int(0, 256)}`
    if (!taken.includes(` ${prefix}.`)) return prefix
  }
  throw new Error('There is no free network for the wire between the machines.')
}

function hostsFile(machines: readonly Machine[]): string {
  return machines.map(({ address, name }) => `${address} ${name}`).join('\n')
}

async function host(command: string, ...args: string[]): Promise<string> {
  const ran = await world.processes.run(command, args)
  return succeeded({ ...ran, line: `${command} ${args.join(' ')}` }).stdout
}

function environment(): Record<string, string> {
  return { PATH: process.env.PATH ?? '', HOME: '/root', LANG: 'C.UTF-8', NO_COLOR: '1' }
}

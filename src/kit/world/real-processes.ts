// Processes of the host. Arguments go as they are, never through a shell; nothing waits without a limit.
import { spawn } from 'node:child_process'
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { totalmem } from 'node:os'
import { CloudError } from '../errors/cloud-error.ts'
import type { Exit, Processes, ProcessInfo, RunResult } from './world.ts'

const defaultTimeoutMs = 30_000
/** Tools print little; a runaway one must not fill our memory. */
const maxOutputBytes = 16 * 1024 * 1024

/** Of a container, where one bounds us; some kernels answer with more than there is. */
const memoryLimit = Math.min(process.constrainedMemory() || totalmem(), totalmem())

export const realProcesses: Processes = {
  self: process.pid,

  run(command, args, options = {}) {
    return new Promise<RunResult>((resolve, reject) => {
      const child = spawn(command, [...args], {
        cwd: options.cwd,
        env: environment(options.env),
        uid: options.uid,
        gid: options.gid,
        stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      })
      const out = gather()
      const err = gather()
      child.stdout!.on('data', out.add)
      child.stderr!.on('data', err.add)
      let late = false
      const timer = setTimeout(() => {
        late = true
        child.kill('SIGKILL')
        // What it has started may hold its output open for ever.
        child.stdout!.destroy()
        child.stderr!.destroy()
      }, options.timeoutMs ?? defaultTimeoutMs)
      child.once('error', (error) => {
        clearTimeout(timer)
        reject(startFailure(command, error))
      })
      child.once('close', (code, signal) => {
        clearTimeout(timer)
        if (late)
          reject(
            new CloudError('timeout', `'${command}' did not end in time and was killed`, {
              detail: args.join(' '),
            }),
          )
        else resolve({ code: code ?? -1, signal, stdout: out.text(), stderr: err.text() })
      })
      if (options.input !== undefined) {
        // A tool that ends without reading its input closes the pipe; its exit code tells more than EPIPE.
        child.stdin!.once('error', () => {})
        child.stdin!.end(options.input)
      }
    })
  },

  start(command, args, options = {}) {
    return new Promise((resolve, reject) => {
      const log = options.logFile ? openSync(options.logFile, 'a', 0o600) : undefined
      const child = spawn(command, [...args], {
        cwd: options.cwd,
        env: environment(options.env),
        uid: options.uid,
        gid: options.gid,
        detached: options.detached ?? false,
        stdio: ['ignore', log ?? 'ignore', log ?? 'ignore'],
      })
      if (log !== undefined) closeSync(log)
      const exited = new Promise<Exit>((end) => child.once('exit', (code, signal) => end({ code, signal })))
      child.once('error', (error) => reject(startFailure(command, error)))
      child.once('spawn', () => {
        if (options.detached) child.unref()
        resolve({ pid: child.pid!, exited, kill: (signal = 'SIGTERM') => void child.kill(signal) })
      })
    })
  },

  alive(pid) {
    const stat = readStat(pid)
    return stat !== undefined && stat.state !== 'Z'
  },

  signal(pid, signal) {
    try {
      return process.kill(pid, signal)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
      throw error
    }
  },

  async info(pid) {
    const stat = readStat(pid)
    const command = readCommand(pid)
    if (!stat || !command || stat.state === 'Z') return undefined
    return { pid, parent: stat.parent, startTicks: stat.startTicks, command }
  },

  memory: readPss,
  ownMemory: () => ({ residentBytes: process.memoryUsage.rss(), limitBytes: memoryLimit }),

  async find(words) {
    const found: ProcessInfo[] = []
    for (const name of readdirSync('/proc')) {
      const pid = Number(name)
      if (!Number.isInteger(pid)) continue
      const command = readCommand(pid)
      if (!command || !words.every((word) => command.some((part) => part.includes(word)))) continue
      const stat = readStat(pid)
      if (stat && stat.state !== 'Z' && !isOfAnother(pid))
        found.push({ pid, parent: stat.parent, startTicks: stat.startTicks, command })
    }
    return found
  },
}

function environment(env: Record<string, string> | undefined): NodeJS.ProcessEnv {
  return env ? { PATH: process.env.PATH, ...env } : process.env
}

function startFailure(command: string, error: Error): CloudError {
  const code = (error as NodeJS.ErrnoException).code
  if (code === 'ENOENT') {
    return new CloudError('unavailable', `The program '${command}' is not installed on this host`, {
      type: 'MissingProgram',
      cause: error,
    })
  }
  return new CloudError('internal', `'${command}' could not be started`, { cause: error })
}

function gather() {
  const chunks: Buffer[] = []
  let size = 0
  return {
    add(chunk: Buffer) {
      if (size < maxOutputBytes) chunks.push(chunk)
      size += chunk.length
    },
    text: () => Buffer.concat(chunks).toString('utf8'),
  }
}

/**
 * Whether it lives in a pid namespace below ours, as a container's do: its paths are others than ours, though they read the same.
 * Such a process has a number in each (proc(5), NSpid).
 */
function isOfAnother(pid: number): boolean {
  try {
    const numbers = /^NSpid:(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]
    return (numbers?.trim().split(/\s+/).length ?? 1) > 1
  } catch {
    return false
  }
}

function readStat(pid: number): { state: string; parent: number; startTicks: number } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name in parentheses may hold spaces and parentheses itself; proc(5) says to take the last one.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return { state: fields[0]!, parent: Number(fields[1]), startTicks: Number(fields[19]) }
  } catch {
    return undefined // the process is gone
  }
}

function readCommand(pid: number): string[] | undefined {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
    if (words.at(-1) === '') words.pop()
    return words
  } catch {
    return undefined // the process is gone
  }
}

async function readPss(pid: number): Promise<number | undefined> {
  try {
    const kib = /^Pss:\s+(\d+) kB/m.exec(await readFile(`/proc/${pid}/smaps_rollup`, 'latin1'))?.[1]
    return kib === undefined ? undefined : Number(kib) * 1024
  } catch {
    return undefined // gone, or another user's
  }
}

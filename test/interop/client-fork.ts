// Debian's clients without their start: client-fork.py has imported their modules, and each command is a fork of it. There is
// one for each of vitest's workers, from the first command on until the worker ends, whose files share what is imported.
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import type { RunResult } from '#kit/world/world.ts'

export type ClientOptions = {
  /** HOME is the one of this process: where the client's modules look for its settings is settled when they are imported. */
  env: Record<string, string>
  cwd?: string
  input?: string
  /** Standard input is a terminal at which nobody types, instead of nothing. */
  terminal?: boolean
  timeoutMs: number
}
type Answer = RunResult & { id: number; late: boolean }
type Forks = ChildProcessByStdio<Writable, Readable, null>
type Waiting = { resolve(answer: Answer): void; reject(error: Error): void }

const program = new URL('client-fork.py', import.meta.url).pathname
const waiting = new Map<number, Waiting>()
let forks: Forks | undefined
let last = 0

/** `program` is a Python program: one of PATH, or a path. Rejects where it does not end in time, after it was killed. */
export async function runClient(
  program: string,
  args: readonly string[],
  options: ClientOptions,
): Promise<RunResult> {
  const { timeoutMs, ...given } = options
  const id = ++last
  forks ??= start()
  const { stdin } = forks
  const answer = await new Promise<Answer>((resolve, reject) => {
    waiting.set(id, { resolve, reject })
    stdin.write(`${JSON.stringify({ id, program, args, ...given, seconds: timeoutMs / 1000 })}\n`)
  })
  const { code, signal, stdout, stderr } = answer
  if (answer.late)
    throw new Error(
      `'${program} ${args.join(' ')}' did not end within ${timeoutMs / 1000} s and was killed.\n${stderr}\n${stdout}`,
    )
  return { code: signal ? -1 : code, signal, stdout, stderr }
}

/** Those of the test's own environment that a client may have, with nothing of a login. */
export function clientEnv(): Record<string, string> {
  const { PATH = '', HOME = '/root', LANG = 'C.UTF-8' } = process.env
  return { PATH, HOME, LANG, NO_COLOR: '1' }
}

function start(): Forks {
  const started = spawn('/usr/bin/python3', [program], {
    env: clientEnv(),
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const end = (why: string) => {
    if (forks === started) forks = undefined
    for (const { reject } of waiting.values()) reject(new Error(`The process of stock clients ${why}`))
    waiting.clear()
  }
  started.once('error', (error) => end(`did not start: ${error.message}`))
  started.once('exit', (code, signal) => end(`ended with ${signal ?? code}`))
  started.stdin.on('error', () => {})
  createInterface(started.stdout).on('line', (line) => {
    const answer = JSON.parse(line) as Answer
    waiting.get(answer.id)?.resolve(answer)
    waiting.delete(answer.id)
  })
  return started
}

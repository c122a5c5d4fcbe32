// Where every process of Nimbo begins: a command of somebody's, or a role that `up` starts.
import { createInterface } from 'node:readline/promises'
import type { Terminal } from '#cli/terminal.ts'
import { atSource } from '#kit/log/source-line.ts'
import { realWorld } from '#kit/world/real.ts'
import { runCommand } from './command.ts'
import type { Program } from './role.ts'
import { standardInput } from './standard-input.ts'

/** The launcher: it knows where a bundle is, and finds the sources where there is none any more. */
const program: Program = [
  `${import.meta.dirname.slice(0, import.meta.dirname.lastIndexOf('/src/main'))}/nimbo`,
]

const terminal: Terminal = {
  print: (line) => void process.stdout.write(`${line}\n`),
  say: (line) => void process.stderr.write(`${line}\n`),
  colors: Boolean(process.stdout.isTTY) && !process.env.NO_COLOR,
  ask: process.stdin.isTTY ? ask : undefined,
  ...standardInput,
}

async function ask(question: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return await lines.question(question)
  } finally {
    lines.close()
  }
}

process.on('uncaughtExceptionMonitor', (error) => {
  // What Node prints of it next.
  if (error instanceof Error && error.stack) error.stack = atSource(error.stack)
})

// A reader that went away (`nimbo logs | head`) is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})
process.exitCode = await runCommand(process.argv.slice(2), { world: realWorld(), terminal, program })

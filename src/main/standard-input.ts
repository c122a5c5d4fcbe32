// What comes in from standard input: a password that a person types unseen, or all that a program sends.
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import type { Terminal } from '#cli/terminal.ts'

/** Unseen where a person sits before it; elsewhere only what is piped in. */
export const standardInput: Pick<Terminal, 'askSecret' | 'input'> = {
  askSecret: process.stdin.isTTY ? askSecret : undefined,
  input: process.stdin.isTTY ? undefined : readAll,
}

async function askSecret(question: string): Promise<string> {
  process.stderr.write(question)
  // It takes the terminal's echo over, and what it would show goes nowhere.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true })
  try {
    return await lines.question('')
  } finally {
    lines.close()
    process.stderr.write('\n')
  }
}

async function readAll(): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}

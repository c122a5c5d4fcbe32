// A password that isn't on the command line: asked without showing it, or the first line of standard input.
import type { Terminal } from '../terminal.ts'
import { mqError } from './exit.ts'

export async function askSecret(terminal: Terminal, question: string): Promise<string> {
  if (terminal.askSecret) return terminal.askSecret(question)
  const [line] = (await readInput(terminal)).split('\n', 1)
  return line!.replace(/\r$/, '')
}

/** All of standard input. */
export async function readInput(terminal: Terminal): Promise<string> {
  if (!terminal.input) throw mqError('usage', 'not enough arguments, and nothing to read from')
  return terminal.input()
}

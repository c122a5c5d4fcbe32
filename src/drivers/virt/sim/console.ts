// The serial console of a simulated guest: its last lines, as many as Nova would show anyhow.
import { consoleLimitBytes } from '../driver.ts'

export type GuestConsole = {
  /** A whole line. */
  line(text: string): void
  /** Without an end: a login prompt. */
  prompt(text: string): void
  text(): string
  clear(): void
}

/** `changed` hears each text that is added, and nothing where all was cleared, to keep it elsewhere. */
export function openConsole(kept: string, changed: (added?: string) => void): GuestConsole {
  const tail = kept.slice(-consoleLimitBytes)
  // Most lines are the same in every guest: a list of them is smaller than a text of them.
  let lines = tail === '' ? [] : tail.split(/(?<=\n)/)
  let size = tail.length
  const add = (text: string) => {
    lines.push(text)
    size += text.length
    changed(text)
    if (size <= consoleLimitBytes) return
    let dropped = 0
    while (size > consoleLimitBytes / 2) size -= lines[dropped++]!.length
    lines = lines.slice(dropped)
  }
  return {
    line: (text) => {
      if (lines.at(-1)?.endsWith('\n') === false) add('\n')
      add(`${text}\n`)
    },
    prompt: add,
    text: () => lines.join(''),
    clear() {
      lines = []
      size = 0
      changed()
    },
  }
}

/** EC2 name of a server, from its number: i-0000002a. */
export function ec2Id(number: number): string {
  return `i-${number.toString(16).padStart(8, '0')}`
}

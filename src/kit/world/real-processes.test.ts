// Programs run for real, where what they leave behind could hold us up.
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { realProcesses } from './real-processes.ts'

it('gives up on a program in time though one that it started holds its output open', async () => {
  const ran = realProcesses.run('sh', ['-c', 'sleep 20 & wait'], { timeoutMs: 100 })
  await expect(ran).rejects.toMatchObject({ kind: 'timeout' })
})

it('finds no process of a container, though its command line reads the same', async () => {
  const mark = `${86_400 + process.pid}.${realProcesses.self}`
  const asRoot = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user']
  const outside = spawn('unshare', [...asRoot, '--pid', '--fork', '--kill-child', 'sleep', mark])
  try {
    await expect.poll(() => running(mark)).toContain('sleep')
    expect((await realProcesses.find([mark])).map(({ pid }) => pid)).toEqual([outside.pid])
  } finally {
    outside.kill('SIGKILL')
  }
})

/** Names of all programs on the machine with this word on their command line. */
function running(word: string): string[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return []
    try {
      const words = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0')
      return words.includes(word) ? [words[0]!] : []
    } catch {
      return []
    }
  })
}

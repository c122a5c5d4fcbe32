// What a fork gets, and how it ends. That it is the client itself is shown in openstack-cli.test.ts.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runClient } from './client-fork.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync('/tmp/nimbo-fork-')
})
afterAll(() => rmSync(folder, { recursive: true }))

const write = (name: string, text: string) => {
  const path = `${folder}/${name}.py`
  writeFileSync(path, text)
  return path
}
const env = { PATH: '/usr/bin', HOME: '/root' }

describe('a fork', () => {
  it('has arguments, environment, folder and input of its own, beside others', async () => {
    const shows = `
import json, os, sys
os.environ['SEEN'] = sys.argv[1]
print(json.dumps([sys.argv, dict(os.environ), os.getcwd(), os.isatty(0), sys.stdin.read() if not os.isatty(0) else None]))
print('done', file=sys.stderr)`
    const program = write('shows', shows)
    const said = await Promise.all([
      runClient(program, ['one'], { env: { ...env, OS_TOKEN: 'a' }, input: 'line\n', timeoutMs: 20_000 }),
      runClient(program, ['two', '--x'], { env, cwd: folder, terminal: true, timeoutMs: 20_000 }),
      runClient(program, ['three'], { env, timeoutMs: 20_000 }),
    ])
    expect(said.map(({ stdout }) => JSON.parse(stdout) as unknown)).toEqual([
      [[program, 'one'], { ...env, OS_TOKEN: 'a', SEEN: 'one' }, '/', false, 'line\n'],
      [[program, 'two', '--x'], { ...env, SEEN: 'two' }, folder, true, null],
      [[program, 'three'], { ...env, SEEN: 'three' }, '/', false, ''],
    ])
    for (const { code, signal, stderr } of said) expect([code, signal, stderr]).toEqual([0, null, 'done\n'])
  })

  it.each([
    ['an exit code', 'raise SystemExit(3)', 3, ''],
    ['words', "import sys; sys.exit('no way')", 1, 'no way\n'],
    [
      'an error',
      "raise ValueError('odd')",
      1,
      expect.stringMatching(/^Traceback(?:.|\n)*ValueError: odd\n$/),
    ],
    ['what is left for the exit', 'import atexit; atexit.register(print, "bye")', 0, ''],
  ])('ends as a program of Python does, with %s', async (_, text, code, stderr) => {
    const ran = await runClient(write('ends', text), [], { env, timeoutMs: 20_000 })
    expect(ran).toEqual({ code, signal: null, stderr, stdout: text.includes('bye') ? 'bye\n' : '' })
  })

  it('is killed where it does not end in time; others are not', async () => {
    const sleeps = write('sleeps', "import time\nprint('first', flush=True)\ntime.sleep(600)")
    const late = expect(runClient(sleeps, ['x'], { env, timeoutMs: 200 })).rejects.toThrow(
      `'${sleeps} x' did not end within 0.2 s and was killed.`,
    )
    const killed = write('killed', 'import os\nos.kill(os.getpid(), 9)')
    expect(await runClient(killed, [], { env, timeoutMs: 20_000 })).toMatchObject({
      code: -1,
      signal: 'SIGKILL',
    })
    await late
  })
})

// What a tool can do that runs on a stranger's bytes; where the host allows no namespaces, the limits alone.
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { realWorld } from '../world/real.ts'
import { openSandbox, sandboxCommand } from './sandbox.ts'

const limits = { memoryBytes: 2 ** 31, cpuSeconds: 10, fileBytes: 100_000, timeoutMs: 30_000 }

test('the limits come first, then the namespaces, then the loss of all powers', () => {
  const command = sandboxCommand('root', '/work folder', ['tool', '$(reboot)'], limits).join(' ')
  expect(command).toMatch(/^prlimit --as=2147483648 --cpu=10 --fsize=100000 .* unshare --net .* --pid /)
  expect(command).toMatch(
    /\/work folder --reuid=65534 .*--no-new-privs .*--bounding-set=-all -- tool \$\(reboot\)$/,
  )
  expect(sandboxCommand('none', '/work', ['tool'], limits).join(' ')).toMatch(/^prlimit .* -- tool$/)
})

test('a tool writes to its folder up to the limit, without our environment', async () => {
  const world = realWorld()
  const folder = mkdtempSync(join(tmpdir(), 'nimbo-sandbox-'))
  const sandbox = await openSandbox(world)
  if (sandbox.owner) await world.files.chown(folder, sandbox.owner.uid, sandbox.owner.gid)
  const run = (script: string) => sandbox.run(folder, ['sh', '-c', script], limits)
  expect((await run('echo made > out && cat out')).stdout).toBe('made\n')
  expect((await run('head -c 200000 /dev/zero > big')).code).not.toBe(0)
  expect((await world.files.info(join(folder, 'big')))?.size).toBe(100_000)
  expect((await run('printenv HOME || echo none')).stdout).toBe('none\n')
  if (sandbox.isolation === 'root') expect((await run('id -u; cat /etc/shadow')).stdout).toBe('65534\n')
  if (sandbox.isolation !== 'none') expect((await run('grep -c : /proc/net/dev')).stdout).toBe('1\n')
  await rm(folder, { recursive: true })
})

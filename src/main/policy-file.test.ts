// Operators' policy files, as services meet them while they run: in force at once, and never a broken one.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { withDefaults } from '#kit/config/section.ts'
import { openPolicy } from '#kit/policy/engine.ts'
import { rule } from '#kit/policy/policy.ts'
import { testPlatform } from '#kit/service/test-platform.ts'
import { policySection } from './api-settings.ts'
import { openPolicyFiles } from './policy-file.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nimbo-policy-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const boot = rule('boot', 'role:member', 'Boot')
const stop = rule('stop', 'role:member', 'Stop', ['project'])
const credentials = { userId: 'u', projectId: 'p', roles: ['reader'] }

function write(name: string, text: string): void {
  mkdirSync(join(folder, name, '..'), { recursive: true })
  writeFileSync(join(folder, name), text)
}

async function open(given: Partial<ReturnType<typeof withDefaults<typeof policySection>>> = {}) {
  const platform = testPlatform()
  const config = withDefaults(policySection, given)
  const files = openPolicyFiles({ ...platform, config, folder })
  const policy = openPolicy({ rules: [boot, stop] })
  await files.attach('compute', policy)
  return {
    files,
    policy,
    /** Until changes are seen. */
    look: () => platform.world.advance(config.reloadInterval + 1),
    told: async () => {
      await platform.journal.flush()
      return platform.events.filter((event) => event.name === 'policy.reload')
    },
  }
}

describe('policy files', () => {
  it('are in force from the start, those of the folder over the one file, in order', async () => {
    write('compute.yaml', 'boot: role:a\nstop: role:a')
    write('compute.d/20-b.yaml', 'boot: role:reader')
    write('compute.d/10-a.yaml', 'boot: role:nobody')
    write('compute.d/notes.txt', 'boot: (')
    write('network.yaml', 'boot: (')
    const { policy, files } = await open()
    expect(policy.allows(boot, credentials, {})).toBe(true)
    expect(policy.inForce().map(({ name, from }) => [name, from])).toEqual([
      ['boot', 'compute.d/20-b.yaml:1:1'],
      ['stop', 'compute.yaml:2:1'],
    ])
    await files.stop()
  })

  it('keep a cloud from starting where they are broken', async () => {
    write('compute.yaml', 'boot: (')
    await expect(open()).rejects.toThrow('cannot be used')
  })

  it('come into force when they are written, changed and removed, without a restart', async () => {
    const { policy, look, told, files } = await open()
    expect(policy.allows(boot, credentials, {})).toBe(false)
    write('compute.yaml', 'boot: role:reader')
    await look()
    expect(policy.allows(boot, credentials, {})).toBe(true)
    write('compute.d/a.yaml', 'boot: role:nobody')
    await look()
    expect(policy.allows(boot, credentials, {})).toBe(false)
    rmSync(join(folder, 'compute.d'), { recursive: true })
    await look()
    expect(policy.allows(boot, credentials, {})).toBe(true)
    expect((await told()).map(({ outcome }) => outcome)).toEqual(['ok', 'ok', 'ok'])
    await look()
    expect(await told()).toHaveLength(3)
    await files.stop()
  })

  it('leave what was in force where they are broken, and say so in the journal', async () => {
    write('compute.yaml', 'boot: role:reader')
    const { policy, look, told, files } = await open()
    write('compute.yaml', 'boot: role:reader and\nstop: rule:stop')
    await look()
    expect(policy.allows(boot, credentials, {})).toBe(true)
    expect(await told()).toMatchObject([
      {
        outcome: 'error',
        subject: 'policy:compute',
        error: expect.stringMatching(/compute\.yaml:1:1: boot: .*\ncompute\.yaml:2:1: stop refers to itself/),
      },
    ])
    write('compute.yaml', 'boot: role:a')
    await look()
    expect(policy.allows(boot, credentials, {})).toBe(false)
    await files.stop()
  })

  it('stand beside what the configuration says of scopes', async () => {
    const system = { userId: 'u', systemScope: 'all', roles: ['member'] } as const
    for (const enforceScope of [true, false]) {
      const { policy, files } = await open({ enforceScope })
      expect(policy.allows(stop, system, {})).toBe(!enforceScope)
      await files.stop()
    }
  })
})

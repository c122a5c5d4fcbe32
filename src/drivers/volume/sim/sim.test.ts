import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { virtualWorld } from '#kit/world/virtual.ts'
import { volumeConformance } from '../conformance.ts'
import { openSimVolumes } from './sim.ts'

async function rig() {
  const root = mkdtempSync(join(tmpdir(), 'nimbo-volume-sim-'))
  const folder = join(root, 'volumes')
  const driver = await openSimVolumes(virtualWorld(), { folder })
  return {
    driver,
    reopen: () => openSimVolumes(virtualWorld(), { folder }),
    dispose: async () => rmSync(root, { recursive: true, force: true }),
  }
}

volumeConformance('sim', rig)

describe('the simulated driver', () => {
  it('fails when it is told to, and only then', async () => {
    const { driver, dispose } = await rig()
    driver.fail('create', 2)
    await driver.create('a', 1)
    await expect(driver.create('b', 1)).rejects.toMatchObject({ kind: 'unavailable' })
    await driver.create('b', 1)
    expect(await driver.list()).toEqual(['a', 'b'])
    await dispose()
  })
})

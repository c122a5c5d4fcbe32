import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openUniverse } from '#kit/world/universe/universe.ts'
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

it('a full disk fails what is asked meanwhile, and what is asked again afterwards is kept', async () => {
  const universe = openUniverse({ seed: 1 })
  const machine = universe.machine('node1')
  const open = () => openSimVolumes(machine.start('agent').world, { folder: '/volumes' })
  const volumes = await universe.until(open())
  const free = machine.disk.fill()
  await expect(universe.until(volumes.create('a', 1))).rejects.toThrow()
  free()
  await universe.until(volumes.create('a', 1))
  for (const process of machine.processes) process.kill()
  const later = await universe.until(open())
  expect(await universe.until(later.list())).toEqual(['a'])
  universe.close()
})

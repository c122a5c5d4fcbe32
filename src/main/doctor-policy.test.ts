// What `nimbo doctor` says of the files that decide who may do what.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { withDefaults } from '#kit/config/section.ts'
import { realWorld } from '#kit/world/real.ts'
import { policySection } from './api-settings.ts'
import { policyFindings } from './doctor-policy.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nimbo-doctor-policy-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const find = (propertyProtectionFile?: string) =>
  policyFindings(realWorld(), join(folder, 'policy'), withDefaults(policySection), {
    propertyProtectionFile,
    propertyProtectionFormat: 'roles',
  })
function write(name: string, text: string): string {
  const path = join(folder, name)
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, text)
  return path
}

test('says nothing where there are no such files', async () => {
  expect(await find()).toEqual([])
})

test('tells which files can be used, and what is wrong with those that cannot', async () => {
  write('policy/image.yaml', 'get_image: role:reader')
  write('policy/compute.d/10.yaml', 'os_compute_api:servers:index: (')
  const file = write('protection.conf', '[x]\nread = @\nlook = @\n')
  expect(await find(file)).toEqual([
    { check: 'policy', state: 'ok', text: "image's policy (image.yaml) can be used" },
    {
      check: 'policy',
      state: 'problem',
      text: expect.stringMatching(
        /^compute's policy \(compute.d\/10.yaml\) can't be used.*compute.d\/10.yaml:1:1/,
      ),
      remedy: "'nimbo policy check' tells more.",
    },
    {
      check: 'policy',
      state: 'problem',
      text: expect.stringContaining(`stays: ${file}:3: expected one of create, read, update, delete`),
      remedy: `Mend ${file}; the image service reads it again by itself.`,
    },
  ])
})

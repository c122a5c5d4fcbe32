// Who may create, read, change and delete which properties, by a file in Glance's form.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parsePropertyProtections } from './ops/property-protection.ts'
import { type TestImage, testImage } from './test-image.ts'

const byRoles = `
# What operators note down
[^x_secret$]
create = admin
read = admin
update = admin
delete = admin

[^x_.*]
create = admin,Member
read = @
update = admin
delete = !

[^license$]
read: reader

[.*]
create = @
read = @
update = @
delete = @
`
const byRules = `
[^y_]
create = context_is_admin
read = default
update = no_such_rule
delete = !
`

function fileOf(text: string): string {
  const file = join(mkdtempSync(join(tmpdir(), 'nimbo-protection-')), 'protections.conf')
  writeFileSync(file, text)
  return file
}

describe('properties protected by roles', () => {
  let rig: TestImage
  beforeAll(async () => {
    rig = await testImage({ propertyProtectionFile: fileOf(byRoles) })
  })
  afterAll(() => rig.stop())
  const add = (path: string, value = 'v') => [{ op: 'add', path, value }]

  test('what may not be read is not shown, listed, found or replaced', async () => {
    const id = await rig.create({ x_secret: 's', x_open: 'o', plain: 'p', visibility: 'public' }, 'admin')
    const shown = (await rig.as.owner('GET', `/v2/images/${id}`)).body
    expect(shown).toMatchObject({ x_open: 'o', plain: 'p' })
    expect(shown).not.toHaveProperty('x_secret')
    expect((await rig.as.admin('GET', `/v2/images/${id}`)).body.x_secret).toBe('s')
    const found = async (name: 'admin' | 'owner', query: string) =>
      (await rig.as[name]('GET', `/v2/images?${query}`)).body.images.length
    expect([await found('admin', 'x_secret=s'), await found('owner', 'x_secret=s')]).toEqual([1, 0])
    expect((await rig.as.owner('GET', '/v2/images?plain=p')).body.images[0]).not.toHaveProperty('x_secret')
  })

  test('create, update and delete are each refused by themselves, and nothing is changed', async () => {
    const id = await rig.create({ x_a: 'v', plain: 'p' })
    expect((await rig.as.owner('POST', '/v2/images', { x_secret: 's' })).status).toBe(403)
    expect((await rig.as.owner('POST', '/v2/images', { license: 's' })).status).toBe(403)
    expect((await rig.patch(id, add('/x_b'))).status).toBe(200)
    const both = await rig.patch(id, [...add('/plain', 'q'), ...add('/x_b', 'w')])
    expect([both.status, both.body.message]).toEqual([403, expect.stringContaining("'x_b' is reserved")])
    expect((await rig.patch(id, [{ op: 'remove', path: '/x_b' }])).status).toBe(403)
    expect((await rig.patch(id, [{ op: 'remove', path: '/x_b' }], 'admin')).status).toBe(403)
    expect((await rig.patch(id, add('/x_b', 'w'), 'admin')).body.x_b).toBe('w')
    expect((await rig.as.owner('GET', `/v2/images/${id}`)).body).toMatchObject({ plain: 'p', x_b: 'w' })
  })

  test('a hidden property outlives changes by those who do not see it', async () => {
    const id = await rig.create()
    await rig.patch(id, add('/x_secret', 's'), 'admin')
    expect((await rig.patch(id, add('/plain'))).status).toBe(200)
    expect((await rig.patch(id, [{ op: 'remove', path: '/x_secret' }])).status).toBe(409)
    expect((await rig.patch(id, add('/x_secret', 'mine'))).status).toBe(403)
    expect((await rig.as.admin('GET', `/v2/images/${id}`)).body).toMatchObject({ x_secret: 's', plain: 'v' })
  })
})

test('properties are protected by rules of the policy, and what no section fits is nobody’s', async () => {
  const file = fileOf(byRules)
  const rig = await testImage({ propertyProtectionFile: file, propertyProtectionFormat: 'policies' })
  try {
    expect((await rig.as.owner('POST', '/v2/images', { y_a: 'v' })).status).toBe(403)
    expect((await rig.as.admin('POST', '/v2/images', { other: 'v' })).status).toBe(403)
    const id = await rig.create({ y_a: 'v', visibility: 'public' }, 'admin')
    expect((await rig.as.other('GET', `/v2/images/${id}`)).body.y_a).toBe('v')
    const change = [{ op: 'replace', path: '/y_a', value: 'w' }]
    expect((await rig.patch(id, change, 'admin')).status).toBe(403)
  } finally {
    await rig.stop()
  }
})

test.each(['roles', 'policies'] as const)(
  'a changed file is in force without a restart, by %s; a broken one changes nothing and is told of',
  async (format) => {
    const anybody = '[.*]\ncreate = @\nread = @\nupdate = @\ndelete = @\n'
    const nobodyElse = format === 'roles' ? 'admin' : 'context_is_admin'
    const file = fileOf(anybody)
    const rig = await testImage({ propertyProtectionFile: file, propertyProtectionFormat: format })
    const look = () => rig.platform.world.advance(2_001)
    const told = async () => {
      await rig.platform.journal.flush()
      return rig.platform.events.filter((event) => event.name === 'property_protection.reload')
    }
    const create = async () =>
      (await rig.as.owner('POST', '/v2/images', { container_format: 'bare', secret: 'v' })).status
    try {
      expect(await create()).toBe(201)
      writeFileSync(file, `[^secret$]\ncreate = ${nobodyElse}\nread = @\n${anybody}`)
      await look()
      expect(await create()).toBe(403)
      writeFileSync(file, `${anybody}[broken(]\ncreate = @\n`)
      await look()
      await look()
      expect(await create()).toBe(403)
      writeFileSync(file, anybody.repeat(2))
      await look()
      expect(await create()).toBe(201)
      expect((await told()).map(({ outcome }) => outcome)).toEqual(['ok', 'error', 'ok'])
      expect((await told())[1]!.error).toContain(`${file}:6: broken( is no regular expression`)
      rmSync(file)
      await look()
      expect(await create()).toBe(201)
    } finally {
      await rig.stop()
    }
  },
)

test.each([
  ['create = @', 'roles', 'a section such as'],
  ['[(]', 'roles', 'no regular expression'],
  ['[a]\nmake = @', 'roles', 'expected one of'],
  ['[a]\nread = @, admin', 'roles', 'stand alone'],
  ['[a]\nread = one, two', 'policies', 'one rule'],
] as const)('a file that says %j is refused with its line', (text, format, words) => {
  expect(() => parsePropertyProtections(text, format, 'file.conf')).toThrow(words)
  expect(() => parsePropertyProtections(text, format, 'file.conf')).toThrow(/^file\.conf:\d: /)
})

test('a file that is not there stops the start', async () => {
  await expect(testImage({ propertyProtectionFile: '/nonexistent/file' })).rejects.toThrow(
    '/nonexistent/file can',
  )
})

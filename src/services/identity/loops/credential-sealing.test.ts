// Keys of credentials turned while running: everything stays readable, is sealed anew, and the old key goes then.
import { afterEach, expect, it } from 'vitest'
import { fernetKeys, rotateKeys } from '#kit/fernet/key-repository.ts'
import { realWorld } from '#kit/world/real.ts'
import { type TestIdentity, testIdentity } from '../test-identity.ts'

const hour = 3_600_000
let identity: TestIdentity
afterEach(() => identity.close())

const folder = () => identity.keyFolder.replace('token-keys', 'credential-keys')
const keys = async () => (await identity.world.files.list(folder())).sort()
async function sealedTexts(): Promise<string[]> {
  const { sql } = identity.service.app.db
  const credentials = await sql.selectFrom('credential').select('sealed_blob').execute()
  const options = await sql.selectFrom('domain_option').select('sealed_value').execute()
  const consumers = await sql.selectFrom('consumer').select('sealed_secret').execute()
  return [
    ...credentials.map((row) => String(row.sealed_blob)),
    ...options.map((row) => String(row.sealed_value)),
    ...consumers.map((row) => String(row.sealed_secret)),
  ]
}
async function fill(): Promise<() => Promise<unknown[]>> {
  const admin = await identity.admin()
  const user = (await identity.ask(admin, 'GET', '/v3/users?name=admin')).body.users[0].id
  const given = { type: 'cert', blob: 'open sesame', user_id: user }
  const { id } = (await identity.ask(admin, 'POST', '/v3/credentials', { credential: given })).body.credential
  const config = { ldap: { url: 'ldap://bag.end' } }
  await identity.ask(admin, 'PUT', '/v3/domains/default/config', { config })
  await identity.ask(admin, 'POST', '/v3/OS-OAUTH1/consumers', { consumer: {} })
  return async () => {
    const token = await identity.admin()
    const credential = await identity.ask(token, 'GET', `/v3/credentials/${id}`)
    const url = await identity.ask(token, 'GET', '/v3/domains/default/config/ldap/url')
    return [credential.body.credential.blob, url.body.config.url]
  }
}

it('follows a turn by the command line: seals all anew, and then drops the old key', async () => {
  identity = await testIdentity({}, { now: realWorld().clock.now() })
  const read = await fill()
  const before = await sealedTexts()
  await rotateKeys(identity.world, folder(), fernetKeys, { maxActiveKeys: 100 })
  expect(await read()).toEqual(['open sesame', 'ldap://bag.end'])
  await identity.world.advance(hour / 2)
  const after = await sealedTexts()
  expect(after).toHaveLength(3)
  expect(after.filter((text) => before.includes(text))).toEqual([])
  expect(after.every((text) => identity.service.app.safe.isCurrent(text))).toBe(true)
  // Another controller may still seal with it.
  expect(await keys()).toEqual(['0', '1', '2'])
  await identity.world.advance(hour)
  expect(await keys()).toEqual(['0', '2'])
  expect(await read()).toEqual(['open sesame', 'ldap://bag.end'])
})

it('turns the keys itself when their time has come', async () => {
  identity = await testIdentity({ credentialKeyRotation: 48 * hour }, { now: realWorld().clock.now() })
  const read = await fill()
  await identity.world.advance(47 * hour)
  expect(await keys()).toEqual(['0', '1'])
  await identity.world.advance(3 * hour)
  expect(await keys()).toEqual(['0', '2'])
  expect(await read()).toEqual(['open sesame', 'ldap://bag.end'])
})

// OAuth 2's access tokens for programs: what a client gets, and how it is refused.
import { afterEach, expect, it } from 'vitest'
import { type TestIdentity, testIdentity } from './test-identity.ts'

let identity: TestIdentity
afterEach(() => identity.close())

const form = 'application/x-www-form-urlencoded'
async function ask(body: string, client: string | undefined, type = form) {
  const answer = await identity.service.http.inject({
    method: 'POST',
    url: '/v3/OS-OAUTH2/token',
    headers: {
      'content-type': type,
      ...(client !== undefined && { authorization: `Basic ${Buffer.from(client).toString('base64')}` }),
    },
    body,
  })
  return { ...answer, body: JSON.parse(answer.body.toString()) }
}

it('gives a client a token of its project, and tells nobody else why not', async () => {
  identity = await testIdentity()
  const admin = await identity.admin()
  const me = (await identity.ask(admin, 'GET', '/v3/auth/tokens', undefined, { 'x-subject-token': admin }))
    .body.token
  const { id, secret } = (
    await identity.ask(admin, 'POST', `/v3/users/${me.user.id}/application_credentials`, {
      application_credential: { name: 'program' },
    })
  ).body.application_credential
  const wish = 'grant_type=client_credentials'
  const { status, headers, body } = await ask(wish, `${id}:${secret}`)
  expect([status, headers['cache-control'], body.token_type]).toEqual([200, 'no-store', 'Bearer'])
  expect(body.expires_in).toBeGreaterThan(0)
  const given = body.access_token
  const shown = await identity.ask(given, 'GET', '/v3/auth/tokens', undefined, { 'x-subject-token': given })
  expect(shown.body.token).toMatchObject({ project: { id: me.project.id }, application_credential: { id } })

  for (const client of [undefined, '', id, `${id}:wrong`, `nobody:${secret}`, ':', `:${secret}`]) {
    const refused = await ask(wish, client)
    expect([refused.status, refused.body.error]).toEqual([401, 'invalid_client'])
    expect(refused.headers['www-authenticate']).toMatch(/^Basic /)
  }
  const errorOf = async (body: string, type?: string) => (await ask(body, `${id}:${secret}`, type)).body.error
  expect(await errorOf('')).toBe('invalid_request')
  expect(await errorOf('grant_type=password')).toBe('unsupported_grant_type')
  expect(await errorOf(wish, 'text/plain')).toBe('invalid_request')
  expect((await ask('x'.repeat(10_000), `${id}:${secret}`)).status).toBe(413)
})

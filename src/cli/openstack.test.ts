// The client against answers as services give them: the catalog is followed, refusals are told in their words.
import { describe, expect, it } from 'vitest'
import type { HttpClient, Request, Response } from '#kit/http/client.ts'
import { openSession } from './openstack.ts'

const credentials = {
  authUrl: 'http://cloud:5000/v3',
  username: 'demo',
  password: 'secret',
  project: 'demo',
  region: 'RegionOne',
}
const endpoint = (region: string, url: string) => ({ interface: 'public', region, url })
const token = {
  token: {
    project: { id: 'p1' },
    user: { id: 'u1' },
    catalog: [
      {
        type: 'compute',
        endpoints: [endpoint('Elsewhere', 'http://far/v2.1'), endpoint('RegionOne', 'http://near/v2.1/')],
      },
      { type: 'network', endpoints: [endpoint('RegionOne', 'http://net')] },
    ],
  },
}

/** The network's far end: answers by method and URL, and notes what came. */
function cloudOf(answers: Record<string, Partial<Response>>): HttpClient & { seen: Request[] } {
  const seen: Request[] = []
  return {
    seen,
    async request(request) {
      seen.push(request)
      return { status: 404, headers: {}, body: undefined, ...answers[`${request.method} ${request.url}`] }
    },
    close() {},
  }
}
const login = {
  'POST http://cloud:5000/v3/auth/tokens': { status: 201, headers: { 'x-subject-token': 't1' }, body: token },
}

describe('openSession', () => {
  it("speaks to its own region's endpoint with the token", async () => {
    const http = cloudOf({ ...login, 'GET http://near/v2.1/servers': { status: 200, body: { servers: [] } } })
    const session = await openSession(http, credentials)
    expect(await session.call('compute', { path: '/servers' })).toEqual({ servers: [] })
    expect(http.seen[1]!.headers).toMatchObject({
      'x-auth-token': 't1',
      'openstack-api-version': 'compute 2.93',
    })
  })

  it.each([
    [
      { error: { code: 401, message: 'The request you have made requires authentication.' } },
      'requires authentication',
    ],
    [
      { NeutronError: { type: 'IpAddressGenerationFailure', message: 'No more IP addresses', detail: '' } },
      'No more IP addresses',
    ],
    [{ errors: [{ status: 409, title: 'Conflict', detail: 'Provider is in use' }] }, 'Provider is in use'],
    ['<html><title>400</title><body>Bad  name</body></html>', 'Bad name'],
  ])('tells a refusal in the service’s own words: %j', async (body, words) => {
    const http = cloudOf({ ...login, 'GET http://net/v2.0/ports': { status: 409, body } })
    const session = await openSession(http, credentials)
    await expect(session.call('network', { path: '/v2.0/ports' })).rejects.toThrow(words)
  })

  it('takes "not there" for an answer where it was asked whether it is there', async () => {
    const session = await openSession(cloudOf(login), credentials)
    expect(await session.find('compute', '/os-keypairs/demo-key')).toBeUndefined()
    await expect(session.call('compute', { path: '/os-keypairs/demo-key' })).rejects.toMatchObject({
      kind: 'notFound',
    })
  })

  it('says which endpoint the catalog lacks', async () => {
    const session = await openSession(cloudOf(login), credentials)
    await expect(session.call('image', { path: '/v2/images' })).rejects.toThrow(
      'no public endpoint of type image in RegionOne',
    )
  })

  it('tells why the login was refused', async () => {
    const http = cloudOf({
      'POST http://cloud:5000/v3/auth/tokens': { status: 401, body: { error: { message: 'Wrong.' } } },
    })
    await expect(openSession(http, credentials)).rejects.toThrow('answered 401: Wrong.')
  })
})

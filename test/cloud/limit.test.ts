// Limits of every service on the wire: too many requests and too large bodies, each in the service's own words.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { usualLimits } from '#kit/http/rate.ts'
import { type TestCloud, testCloud } from './test-cloud.ts'

let cloud: TestCloud
beforeAll(async () => {
  cloud = await testCloud()
})
afterAll(() => cloud.stop())

const words = (body: unknown) => JSON.stringify(body)
/** By service: a list, something to be made, and what a status looks like. */
const services: Record<string, { list: string; make: string; shape: (status: number) => unknown }> = {
  identity: {
    list: '/v3/auth/projects',
    make: '/v3/projects',
    shape: (code) => ({ error: { code, message: expect.any(String), title: expect.any(String) } }),
  },
  image: {
    list: '/v2/images',
    make: '/v2/images',
    shape: (status) => ({ code: expect.stringContaining(`${status} `), title: expect.any(String) }),
  },
  placement: {
    list: '/resource_providers',
    make: '/resource_providers',
    shape: (status) => ({ errors: [{ status, title: expect.any(String), detail: expect.any(String) }] }),
  },
  compute: {
    list: '/v2.1/servers',
    make: '/v2.1/servers',
    shape: (code) => ({ overLimit: { code, ...(code === 429 && { retryAfter: '1' }) } }),
  },
  network: {
    list: '/v2.0/networks',
    make: '/v2.0/networks',
    shape: () => ({ NeutronError: { type: expect.any(String), message: expect.any(String), detail: '' } }),
  },
  volume: {
    list: '/v3/volumes',
    make: '/v3/volumes',
    shape: (code) => ({ overLimit: { code, ...(code === 429 && { retryAfter: '1' }) } }),
  },
}

async function call(type: string, method: string, url: string, body?: string) {
  const headers = {
    'x-auth-token': cloud.admin.token,
    accept: 'application/json',
    ...(body !== undefined && { 'content-type': 'application/json' }),
  }
  const answer = await cloud.services.get(type)!.inject({ method, url, headers, body })
  return { status: answer.status, headers: answer.headers, body: JSON.parse(answer.body.toString()) }
}

describe.each(Object.entries(services))('%s', (type, { list, make, shape }) => {
  test('says that there were too many requests, and when to come again', async () => {
    const service = cloud.services.get(type)!
    service.govern({ ...usualLimits, projectRate: 1, projectBurst: 1 })
    await call(type, 'GET', list)
    const refused = await call(type, 'GET', list)
    service.govern(usualLimits)
    expect(refused).toMatchObject({
      status: 429,
      headers: { 'retry-after': '1', 'x-openstack-request-id': expect.stringMatching(/^req-/) },
      body: shape(429),
    })
    expect((await call(type, 'GET', list)).status).not.toBe(429)
  })

  test('says that a body is too large, and changes nothing', async () => {
    const before = words(await call(type, 'GET', list).then(({ body }) => body))
    const refused = await call(type, 'POST', make, JSON.stringify({ filler: 'x'.repeat(1_100_000) }))
    expect(refused).toMatchObject({ status: 413, body: shape(413) })
    expect(words((await call(type, 'GET', list)).body)).toBe(before)
  })
})

// HTTPS with a certificate of the cloud's own authority, over real sockets of the loopback: who trusts whom, and renewal.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { Type } from 'typebox'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Authority, openAuthority } from '../certificate/authority.ts'
import { makeKey, makeRequest } from '../certificate/openssl.ts'
import { memorySink } from '../journal/memory-sink.ts'
import { openJournal } from '../journal/store.ts'
import { silentLog } from '../log/log.ts'
import { openPolicy } from '../policy/engine.ts'
import { realWorld } from '../world/real.ts'
import { described } from './body.ts'
import { httpClient } from './client.ts'
import { routeOf } from './route.ts'
import { type HttpService, httpService, type ServerTls } from './server.ts'

const world = realWorld()
const route = routeOf<object>()
let folder: string
let ours: Authority
let foreign: Authority
let service: HttpService
let url: string

async function serverOf(authority: Authority, names: string[]): Promise<ServerTls> {
  const key = `${folder}/server.key`
  await makeKey(world, key)
  const request = await makeRequest(world, key, 'server')
  const order = { request, commonName: 'server', usage: 'server', validMs: 3_600_000 } as const
  return { cert: await authority.issue({ ...order, names }), key: readFileSync(key) }
}

beforeAll(async () => {
  folder = mkdtempSync(`${tmpdir()}/nimbo-https-`)
  ours = await openAuthority(world, `${folder}/ours`, 'ours')
  foreign = await openAuthority(world, `${folder}/foreign`, 'foreign')
  const journal = openJournal({ world, log: silentLog, host: 'node1', service: 'test', sink: memorySink() })
  service = await httpService({
    name: 'test',
    app: {},
    world,
    log: silentLog,
    journal,
    routes: [
      route('GET', '/origin', { policy: 'public', handle: async ({ origin }) => ({ origin }) }),
      route('POST', '/size', {
        policy: 'public',
        body: described(Type.Array(Type.Unknown())),
        handle: async (_, { body }) => ({ size: JSON.stringify(body).length }),
      }),
    ],
    prefixes: [''],
    faults: { fault: ({ status, message }) => ({ status, body: { message } }) },
    policy: openPolicy({ rules: [] }),
    authenticate: async () => Promise.reject(new Error('nobody asks')),
    authUri: () => '',
  })
  const bound = await service.listen({ host: '127.0.0.1', port: 0 }, await serverOf(ours, ['127.0.0.1']))
  url = `https://127.0.0.1:${bound.port}`
})
afterAll(async () => {
  await service.close()
  rmSync(folder, { recursive: true })
})

/** A client of its own for each question: kept connections know no new certificate. */
async function ask(options: Parameters<typeof httpClient>[0], path = '/origin', body?: unknown) {
  const http = httpClient(options)
  try {
    return await http.request({ method: body ? 'POST' : 'GET', url: url + path, body })
  } finally {
    http.close()
  }
}

describe('HTTPS', () => {
  it('answers who trusts its authority, with links that begin with https', async () => {
    expect(await ask({ ca: ours.certificate })).toMatchObject({ status: 200, body: { origin: url } })
    const large = { text: 'x'.repeat(200_000) }
    expect(await ask({ ca: ours.certificate }, '/size', large)).toMatchObject({ body: { size: 200_011 } })
  })

  it('is refused by who trusts another authority, or only those of the host', async () => {
    for (const options of [{ ca: foreign.certificate }, {}])
      await expect(ask(options)).rejects.toMatchObject({ kind: 'unavailable' })
    expect(await ask({ unverified: true })).toMatchObject({ status: 200 })
  })

  it('shows a new certificate from the next connection on, and is refused under a name that it lacks', async () => {
    const open = httpClient({ ca: ours.certificate })
    expect(await open.request({ method: 'GET', url: `${url}/origin` })).toMatchObject({ status: 200 })
    service.renew(await serverOf(ours, ['192.0.2.1']))
    expect(await open.request({ method: 'GET', url: `${url}/origin` })).toMatchObject({ status: 200 })
    open.close()
    await expect(ask({ ca: ours.certificate })).rejects.toMatchObject({ kind: 'unavailable' })
    service.renew(await serverOf(ours, ['127.0.0.1']))
    expect(await ask({ ca: ours.certificate })).toMatchObject({ status: 200 })
  })

  it('does not speak plain HTTP', async () => {
    const http = httpClient()
    await expect(
      http.request({ method: 'GET', url: `${url.replace('https', 'http')}/origin` }),
    ).rejects.toMatchObject({ kind: 'unavailable' })
    http.close()
  })
})

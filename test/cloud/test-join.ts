// A cloud with a host of its own that others join over the API, for tests of how they come, what they may do, and how they go.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { expect } from 'vitest'
import { openBus } from '#kit/bus/client.ts'
import { makeKey, makeRequest } from '#kit/certificate/openssl.ts'
import { silentLog } from '#kit/log/log.ts'
import type { BusLogin } from '#main/bus-access.ts'
import { testCloud } from './test-cloud.ts'

export type Joined = {
  status: number
  certificate: string
  authority: string
  bus: BusLogin
  message: string
}
export type Shown = {
  name: string
  address: string
  state: string
  status: string
  servers: number
  own: boolean
  services: unknown[]
}
export type TestJoin = Awaited<ReturnType<typeof testJoin>>

export async function testJoin() {
  const cloud = await testCloud({ hosts: 1 })
  const { world, admin } = cloud
  const folder = mkdtempSync(`${tmpdir()}/nimbo-join-`)

  async function createToken(wish: { ttl?: number; host?: string } = {}) {
    const answer = await admin.call<{ join_token: { id: string; token: string } }>('hosts', {
      method: 'POST',
      path: '/join-tokens',
      body: { join_token: wish },
    })
    return answer.join_token
  }
  async function requestOf(name: string): Promise<string> {
    const key = `${folder}/${name}.key`
    if (!(await world.files.exists(key))) await makeKey(world, key)
    return makeRequest(world, key, name)
  }
  async function join(token: string, name: string, change: Record<string, unknown> = {}): Promise<Joined> {
    const fields = { token, name, request: await requestOf(name), address: '192.0.2.7', version: '0.1.0' }
    const url = `${cloud.platform.endpoint('hosts')}/v1/hosts`
    const answer = await cloud.http.request({ method: 'POST', url, body: { join: { ...fields, ...change } } })
    const body = answer.body as Joined & { error?: { message: string } }
    return { ...body, status: answer.status, message: body.error?.message ?? '' }
  }
  /** A line of one's own to the bus, as whoever has these words would have it. */
  async function busOf(login: BusLogin, patienceMs?: number) {
    const { journal } = cloud.platform
    return openBus({ world, log: silentLog, journal, name: 'test', patienceMs, ...cloud.lineOf(login) })
  }

  return {
    cloud,
    /** For keys and certificates. */
    folder,
    createToken,
    /** A certificate request under that name, of a key of its own. */
    requestOf,
    join,
    /** With a token made for this. */
    joinAnew: async (name: string) => join((await createToken()).token, name),
    busOf,
    async expectNoWayIn(login: BusLogin): Promise<void> {
      const refused = expect(busOf(login, 2_000)).rejects.toMatchObject({ kind: 'unavailable' })
      await world.advance(3_000)
      await refused
    },
    async shown(name: string) {
      const { hosts } = await admin.call<{ hosts: Shown[] }>('hosts', { path: '/hosts' })
      return hosts.find((each) => each.name === name)
    },
    put: (path: string, body?: object) => admin.call('hosts', { method: 'PUT', path, body }),
    remove: (name: string, force = false) =>
      admin.call('hosts', { method: 'DELETE', path: `/hosts/${name}${force ? '?force=true' : ''}` }),
    async stop() {
      await cloud.stop()
      rmSync(folder, { recursive: true })
    },
  }
}

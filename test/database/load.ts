// Servers asked for while databases die: what each request is answered, that all of it comes to an end, and that nothing
// is left of it.
import { expect } from 'vitest'
import type { Session } from '#cli/openstack.ts'
import { type HttpClient, httpClient } from '#kit/http/client.ts'
import { type LiveCloud, until, world } from '#test/interop/live-cloud.ts'
import { heldByServices } from '#test/kill/leftover.ts'
import { patiently } from '#test/kill/patience.ts'
import { liftQuotas, makeNetwork, uploadBlankImage } from '../../bench/project.ts'

type Shown = { id: string; status: string; 'OS-EXT-STS:task_state': string | null }

export type Load = {
  /** Asks for so many servers one after the other, and lists all of them after each. */
  ask(count: number): Promise<void>
  /** What was asked so far was answered well, or 503 in compute's own words; by status. */
  judge(): Record<string, number>
  /** Nothing is under way, nothing that was accepted is missing; by server status. */
  settled(): Promise<Record<string, number>>
  /** Deletes them all and their network, until the services hold no more than at the beginning. */
  removed(): Promise<void>
  close(): void
}

/** Retries of tasks and of agents, the longest of which come after half a minute. */
const restMs = 240_000

export async function openLoad(cloud: LiveCloud): Promise<Load> {
  const admin = await cloud.session('admin')
  await liftQuotas(admin)
  const parts = { imageRef: await uploadBlankImage(admin), flavorRef: '0' }
  const before = await heldByServices(admin)
  const network = await makeNetwork(admin, 'private', '10.0.0.0/24')
  const networks = [{ uuid: network }]
  const http = httpClient()
  const answers: { status: number; body: unknown }[] = []
  let names = 0

  const ask = async (method: string, path: string, body?: object) => {
    const answer = await askCompute(http, admin, method, path, body)
    answers.push(answer)
    // Whoever was told to come back does.
    if (answer.status === 503) await world.timers.sleep(100)
  }
  const servers = () =>
    patiently(
      async () => (await admin.call<{ servers: Shown[] }>('compute', { path: '/servers/detail' })).servers,
    )
  return {
    async ask(count) {
      for (let n = 0; n < count; n++) {
        await ask('POST', '/servers', { server: { name: `s${names++}`, ...parts, networks } })
        await ask('GET', '/servers/detail')
      }
    },
    judge() {
      for (const { status, body } of answers)
        if (status === 503)
          expect(body).toEqual({ serviceUnavailable: { code: 503, message: expect.any(String) } })
        else expect([200, 202], JSON.stringify(body)).toContain(status)
      return countBy(answers, ({ status }) => String(status))
    },
    async settled() {
      const accepted = answers.filter(({ status }) => status === 202).length
      const ended = await until(
        'no server is under way',
        async () => {
          const all = await servers()
          return all.every((each) => each['OS-EXT-STS:task_state'] === null && each.status !== 'BUILD') && all
        },
        restMs,
      )
      expect(ended.length).toBeGreaterThanOrEqual(accepted)
      return countBy(ended, ({ status }) => status)
    },
    async removed() {
      for (const { id } of await servers())
        await patiently(() => admin.call('compute', { method: 'DELETE', path: `/servers/${id}` }))
      await until('no server is left', async () => (await servers()).length === 0, restMs)
      await patiently(() => admin.call('network', { method: 'DELETE', path: `/v2.0/networks/${network}` }))
      let held: string[] = []
      const isEmpty = async () => {
        held = await heldByServices(admin)
        return JSON.stringify(held.toSorted()) === JSON.stringify(before.toSorted())
      }
      await until('nothing is left', isEmpty, restMs, 1000).catch(() => expect(held).toEqual(before))
    },
    close: () => http.close(),
  }
}

async function askCompute(http: HttpClient, as: Session, method: string, path: string, body?: object) {
  const headers = {
    'x-auth-token': as.token,
    accept: 'application/json',
    'openstack-api-version': 'compute 2.90',
  }
  const url = `${as.endpoint('compute')}${path}`
  const { status, body: said } = await http.request({ method, url, headers, body })
  return { status, body: said }
}

function countBy<T>(all: readonly T[], key: (each: T) => string): Record<string, number> {
  const groups = Object.entries(Object.groupBy(all, key))
  return Object.fromEntries(groups.map(([name, group]) => [name, group!.length]))
}

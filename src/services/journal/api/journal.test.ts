// The journal over HTTP, as admins, users and strangers meet it.
import { describe, expect, it } from 'vitest'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { type Caller, nobody } from '#kit/http/caller.ts'
import { httpService } from '#kit/http/server.ts'
import { memorySink } from '#kit/journal/memory-sink.ts'
import { openJournal } from '#kit/journal/store.ts'
import { silentLog } from '#kit/log/log.ts'
import { openPolicy } from '#kit/policy/engine.ts'
import { virtualWorld } from '#kit/world/virtual.ts'
import { journalFaults } from '../fault.ts'
import { sampleBoot } from '../ops/test-boot.ts'
import { journalRules } from '../rule.ts'
import { journalRoutes } from './journal.ts'

const callers: Record<string, Caller> = {
  admin: { ...nobody, userId: 'u1', projectId: 'p9', roles: ['admin', 'member', 'reader'] },
  owner: { ...nobody, userId: 'u2', projectId: 'p1', roles: ['member', 'reader'] },
  stranger: { ...nobody, userId: 'u3', projectId: 'p2', roles: ['member', 'reader'] },
}

async function open() {
  const world = virtualWorld()
  const store = memorySink()
  await store.append(await sampleBoot())
  const journal = openJournal({ world, log: silentLog, host: 'node1', service: 'journal', sink: store })
  const http = await httpService({
    name: 'journal',
    app: { world, journal, store },
    world,
    log: silentLog,
    journal,
    routes: journalRoutes,
    prefixes: ['/v1'],
    faults: journalFaults,
    policy: openPolicy({ rules: Object.values(journalRules) }),
    authenticate: async (token) => {
      const caller = callers[token]
      if (!caller) throw new CloudError('unauthorized', 'The request you have made requires authentication.')
      return caller
    },
    authUri: () => 'http://127.0.0.1:5000',
  })
  return async (as: string, url: string) => {
    const answer = await http.inject({ method: 'GET', url, headers: { 'x-auth-token': as } })
    return { status: answer.status, body: JSON.parse(String(answer.body)) }
  }
}

describe('GET /v1/servers/{id}/boot-trace', () => {
  it('shows the boot to admins and to the project of the server', async () => {
    const get = await open()
    for (const as of ['admin', 'owner']) {
      const { status, body } = await get(as, '/v1/servers/s1/boot-trace')
      expect(status).toBe(200)
      const steps = body.phases.flatMap((phase: { steps: { missing?: boolean }[] }) => phase.steps)
      expect(steps).toHaveLength(29)
      expect(steps.filter((step: { missing?: boolean }) => step.missing)).toEqual([])
    }
  })

  it('is not found for strangers and for what never was, in the same words', async () => {
    const get = await open()
    const foreign = await get('stranger', '/v1/servers/s1/boot-trace')
    const unknown = await get('stranger', '/v1/servers/s2/boot-trace')
    expect(foreign.status).toBe(404)
    expect(foreign.body.error.message.replace('s1', 's2')).toBe(unknown.body.error.message)
    expect((await get('admin', '/v1/servers/s2/boot-trace')).status).toBe(404)
    expect((await get('nobody', '/v1/servers/s1/boot-trace')).status).toBe(401)
  })
})

describe('GET /v1/events', () => {
  it('is for admins', async () => {
    const get = await open()
    expect((await get('owner', '/v1/events')).status).toBe(403)
    const { status, body } = await get('admin', '/v1/events?subject=server:s1&name=server.insert')
    expect(status).toBe(200)
    expect(body.events).toMatchObject([{ name: 'server.insert', service: 'nova-api', subject: 'server:s1' }])
  })

  it('refuses filters that it does not know and numbers that are none', async () => {
    const get = await open()
    for (const query of ['colour=red', 'limit=0', 'limit=x', 'since=yesterday'])
      expect((await get('admin', `/v1/events?${query}`)).status).toBe(400)
  })

  it('gives the newest where there are more than asked for', async () => {
    const get = await open()
    const { body } = await get('admin', '/v1/events?name=server.insert&name=virt.create&limit=1')
    expect(body.events).toMatchObject([{ name: 'virt.create' }])
  })
})

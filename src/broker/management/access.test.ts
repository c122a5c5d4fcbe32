// Who may ask what: every route with every tag, and what each sees of others.
import { describe, expect, test } from 'vitest'
import { routes } from './management.ts'
import { testManagement } from './test-management.ts'

/** Which tags each kind of access is open to. */
const open = {
  management: ['management', 'policymaker', 'monitoring', 'administrator'],
  policymaker: ['policymaker', 'administrator'],
  monitoring: ['monitoring', 'administrator'],
  administrator: ['administrator'],
}
const refusals = {
  management: 'Not management user',
  policymaker: 'User not authorised to access object',
  monitoring: 'Not monitor user',
  administrator: 'Not administrator user',
}
/** Stopping and resetting would end the test's broker; each has a test of its own. */
const drastic = ['nimbo/stop-app', 'nimbo/reset']

describe('every route', () => {
  test.each(Object.keys(refusals).filter((tag) => tag !== 'administrator'))('%s', async (tag) => {
    const it = await testManagement()
    it.addUser('ann', tag)
    for (const { method, path, access } of routes) {
      if (drastic.includes(path.join('/')) && open[access].includes(tag)) continue
      const url = path.map((part) => (part.startsWith(':') ? 'none' : part)).join('/')
      const { status, json } = await it.ask(method, url, method === 'GET' ? undefined : {}, { user: 'ann' })
      if (open[access].includes(tag))
        expect([200, 201, 204, 400, 404, 503], `${method} ${url}`).toContain(status)
      else
        expect([status, json], `${method} ${url}`).toEqual([
          401,
          { error: 'not_authorised', reason: refusals[access] },
        ])
    }
  })

  test('is shut to users without a tag, to wrong passwords and to nobody', async () => {
    const it = await testManagement()
    it.addUser('ann')
    for (const { method, path } of routes) {
      const url = path.map((part) => (part.startsWith(':') ? 'none' : part)).join('/')
      const untagged = await it.ask(method, url, undefined, { user: 'ann' })
      expect([untagged.status, untagged.json.reason]).toEqual([401, 'Not management user'])
      const wrong = await it.ask(method, url, undefined, { password: 'wrong' })
      expect([wrong.status, wrong.json.reason]).toEqual([401, 'Login failed'])
      const nobody = await it.ask(method, url, undefined, { anonymous: true })
      expect([nobody.status, nobody.headers['www-authenticate']]).toEqual([
        401,
        'Basic realm="RabbitMQ Management"',
      ])
    }
  })
})

test('a user sees the virtual hosts that it has rights in, and its own connections', async () => {
  const it = await testManagement()
  it.addUser('ann', 'management')
  it.addUser('max', 'monitoring')
  await it.ask('PUT', 'vhosts/other')
  await it.ask('PUT', 'queues/other/q', {})
  await it.ask('PUT', 'queues/%2F/q', {})
  await it.connect()
  await it.connect({ user: 'ann' })
  const names = async (path: string, user: string) =>
    (await it.ask('GET', path, undefined, { user })).json.map(
      (each: { name: string; vhost?: string; user?: string }) =>
        each.user ?? `${each.vhost ?? ''}${each.name}`,
    )
  expect(await names('queues', 'ann')).toEqual(['/q'])
  expect(await names('queues', 'max')).toEqual(['/q', 'otherq'])
  expect(await names('vhosts', 'ann')).toEqual(['/'])
  expect(await names('connections', 'ann')).toEqual(['ann'])
  expect((await names('connections', 'max')).sort()).toEqual(['ann', 'nimbo'])
  const refused = { error: 'not_authorised', reason: 'User not authorised to access virtual host' }
  expect((await it.ask('GET', 'queues/other', undefined, { user: 'ann' })).json).toEqual(refused)
  expect((await it.ask('PUT', 'queues/other/x', {}, { user: 'max' })).json).toEqual(refused)
  expect((await it.ask('GET', 'overview', undefined, { user: 'ann' })).json).toMatchObject({
    object_totals: { queues: 1, connections: 1 },
  })
  expect((await it.ask('GET', 'overview', undefined, { user: 'ann' })).json.listeners).toBeUndefined()
  const channel = await (await it.connect({ vhost: 'other' })).openChannel()
  for (let i = 0; i < 10; i++) await channel.publish('', 'q', {}, Buffer.from('x'))
  await it.world.advance(10_000)
  const totals = async (user: string) =>
    (await it.ask('GET', 'overview?lengths_age=60&lengths_incr=5', undefined, { user })).json.queue_totals
  expect(await totals('ann')).toMatchObject({ messages: 0, messages_details: { rate: 0 } })
  expect((await totals('ann')).messages_details.samples).toBeUndefined()
  expect((await totals('max')).messages).toBe(10)
})

test('a policymaker sets policies where it has rights, and nothing else', async () => {
  const it = await testManagement()
  it.addUser('ann', 'policymaker')
  await it.ask('PUT', 'vhosts/other')
  const policy = { pattern: 'x', definition: { 'max-length': 1 } }
  const as = { user: 'ann' }
  expect((await it.ask('PUT', 'policies/%2F/p', policy, as)).status).toBe(201)
  expect((await it.ask('PUT', 'policies/other/p', policy, as)).status).toBe(401)
  expect((await it.ask('PUT', 'operator-policies/%2F/p', policy, as)).status).toBe(401)
  expect((await it.ask('PUT', 'users/x', { tags: '' }, as)).status).toBe(401)
})

test('the rights of AMQP hold here too', async () => {
  const it = await testManagement()
  it.addUser('ann', 'management')
  await it.ask('PUT', 'permissions/%2F/ann', { configure: '^a', write: '^a$', read: '^a' })
  await it.ask('PUT', 'queues/%2F/b', {})
  const as = { user: 'ann' }
  const look = { count: 1, ackmode: 'ack_requeue_true', encoding: 'auto' }
  expect((await it.ask('PUT', 'queues/%2F/a', {}, as)).status).toBe(201)
  expect((await it.ask('PUT', 'queues/%2F/c', {}, as)).json).toEqual({
    error: 'not_authorised',
    reason: "configure access to queue 'c' in vhost '/' refused for user 'ann'",
  })
  for (const [method, path, body] of [
    ['POST', 'queues/%2F/b/get', look],
    ['DELETE', 'queues/%2F/b', undefined],
    ['DELETE', 'queues/%2F/b/contents', undefined],
    ['POST', 'bindings/%2F/e/amq.topic/q/b', {}],
    ['PUT', 'exchanges/%2F/amq.mine', {}],
    ['DELETE', 'exchanges/%2F/amq.topic', undefined],
  ] as const)
    expect((await it.ask(method, path, body, as)).status, path).toBe(401)
  const message = { routing_key: 'b', payload: 'x', payload_encoding: 'string', properties: {} }
  expect((await it.ask('POST', 'exchanges/%2F/amq.default/publish', message, as)).json.reason).toMatch(
    '403 ACCESS_REFUSED',
  )
})

test('a page from elsewhere can not make a browser change anything', async () => {
  const { ask } = await testManagement()
  const from = (site: string) => ask('PUT', 'queues/%2F/q', {}, { headers: { 'sec-fetch-site': site } })
  expect((await from('cross-site')).status).toBe(401)
  expect((await from('same-site')).json.reason).toBe('Requests of pages from elsewhere are refused')
  expect((await from('same-origin')).status).toBe(201)
})

// Users, rights, virtual hosts, policies, parameters and definitions through the management API.
import { describe, expect, test } from 'vitest'
import { testManagement } from './test-management.ts'

test('users come with passwords or hashes, and are changed, limited and deleted', async () => {
  const it = await testManagement()
  const { ask } = it
  expect((await ask('PUT', 'users/ann', { password: 'one', tags: 'management, monitoring' })).status).toBe(
    201,
  )
  const { password_hash, ...shown } = (await ask('GET', 'users/ann')).json
  expect(shown).toEqual({
    name: 'ann',
    hashing_algorithm: 'rabbit_password_hashing_sha256',
    tags: ['management', 'monitoring'],
    limits: {},
  })
  expect(await ask('PUT', 'users/bob', { password_hash, tags: ['management'] })).toMatchObject({
    status: 201,
  })
  expect((await ask('GET', 'whoami', undefined, { user: 'bob', password: 'one' })).json).toEqual({
    name: 'bob',
    tags: ['management'],
  })
  expect((await ask('GET', 'users/without-permissions')).json).toHaveLength(2)
  await ask('PUT', 'users/ann', {
    password: 'zwei',
    tags: '',
    hashing_algorithm: 'rabbit_password_hashing_sha512',
  })
  expect((await ask('POST', 'nimbo/authenticate', { username: 'ann', password: 'zwei' })).json).toEqual({
    ok: true,
  })
  expect((await ask('POST', 'nimbo/authenticate', { username: 'ann', password: 'one' })).json).toEqual({
    ok: false,
  })
  await ask('PUT', 'users/ann', { tags: '' })
  expect((await ask('POST', 'nimbo/authenticate', { username: 'ann', password: '' })).json).toEqual({
    ok: false,
  })
  await ask('PUT', 'user-limits/ann/max-channels', { value: 5 })
  expect((await ask('GET', 'user-limits')).json).toEqual([{ user: 'ann', value: { 'max-channels': 5 } }])
  await ask('DELETE', 'user-limits/ann/max-channels')
  expect((await ask('GET', 'user-limits/ann')).json).toEqual([])
  expect((await ask('POST', 'users/bulk-delete', { users: ['ann', 'bob', 'none'] })).status).toBe(204)
  expect((await ask('GET', 'users')).json).toHaveLength(1)
})

test.each([
  ['PUT', 'users/x', {}, 'tags_not_present'],
  ['PUT', 'users/x', { tags: '', password_hash: 'a*b' }, 'password_hash is not base64'],
  [
    'PUT',
    'users/x',
    { tags: '', password: 'a', password_hash: '' },
    'both_password_and_password_hash_are_provided',
  ],
  [
    'PUT',
    'users/x',
    { tags: '', password_hash: 'YWJj', hashing_algorithm: 'x' },
    'hashing algorithm x is not supported',
  ],
  ['PUT', 'users/x', { tags: 5 }, 'tags should be a string or a list of strings'],
  ['PUT', 'users/x', '[]', 'not_json'],
  ['PUT', 'users/x', '{', 'not_json'],
  ['PUT', 'permissions/%2F/nimbo', { configure: '' }, '[{key_missing,write},{key_missing,read}]'],
  ['PUT', 'permissions/%2F/none', { configure: '', write: '', read: '' }, 'vhost_or_user_not_found'],
  ['PUT', 'permissions/%2F/nimbo', { configure: '[', write: '', read: '' }, "invalid regular expression '['"],
  ['PUT', 'topic-permissions/%2F/nimbo', { write: '', read: '' }, '[{key_missing,exchange}]'],
  ['PUT', 'user-limits/nimbo/max-x', { value: 1 }, 'Unrecognised terms [{<<"max-x">>,1}] in user-limits'],
  ['PUT', 'vhost-limits/%2F/max-x', { value: 1 }, 'Unrecognised terms [{<<"max-x">>,1}] in limits'],
  [
    'PUT',
    'vhost-limits/%2F/max-queues',
    { value: 'a' },
    'max-queues should be a number, actually was <<"a">>',
  ],
  ['PUT', 'policies/%2F/p', { pattern: 'a' }, '[{key_missing,definition}]'],
  [
    'PUT',
    'operator-policies/%2F/p',
    { pattern: 'a', definition: { overflow: 'drop-head' } },
    'not recognised policy',
  ],
  ['PUT', 'parameters/shovel/%2F/s', { value: {} }, 'component shovel not found'],
  ['PUT', 'global-parameters/x', {}, '[{key_missing,value}]'],
  ['PUT', 'vhosts/v', { default_queue_type: 'stream' }, 'default queue type "stream" is not supported'],
  ['PUT', 'queues/%2F/q', { durable: 'maybe' }, 'durable should be a boolean'],
  ['PUT', 'queues/%2F/q', { arguments: 5 }, 'arguments should be an object'],
])('%s %s %j is refused: %s', async (method, path, body, words) => {
  const { ask } = await testManagement()
  const { status, json } = await ask(method, path, body)
  expect([status, json.error]).toEqual([400, 'bad_request'])
  expect(json.reason).toContain(words)
})

test('rights are set, listed by user and virtual host, and cleared', async () => {
  const it = await testManagement()
  const { ask } = it
  await ask('PUT', 'vhosts/v', { description: 'second', tags: 'a,b' })
  await ask('PUT', 'users/ann', { password: 'x', tags: '' })
  const rights = { configure: '^a', write: '', read: '.*' }
  expect((await ask('PUT', 'permissions/v/ann', rights)).status).toBe(201)
  expect((await ask('PUT', 'permissions/v/ann', rights)).status).toBe(204)
  const shown = { user: 'ann', vhost: 'v', ...rights }
  expect((await ask('GET', 'permissions/v/ann')).json).toEqual(shown)
  expect((await ask('GET', 'users/ann/permissions')).json).toEqual([shown])
  // Who made the virtual host may use it.
  expect((await ask('GET', 'vhosts/v/permissions')).json).toEqual([
    shown,
    { user: 'nimbo', vhost: 'v', configure: '.*', write: '.*', read: '.*' },
  ])
  const topic = { exchange: 'amq.topic', write: '^w', read: '^r' }
  await ask('PUT', 'topic-permissions/v/ann', topic)
  await ask('PUT', 'topic-permissions/v/ann', { ...topic, exchange: 'other' })
  expect((await ask('GET', 'topic-permissions/v/ann')).json).toHaveLength(2)
  await ask('DELETE', 'topic-permissions/v/ann/other')
  expect((await ask('GET', 'users/ann/topic-permissions')).json).toEqual([
    { user: 'ann', vhost: 'v', ...topic },
  ])
  expect((await ask('DELETE', 'topic-permissions/v/ann')).status).toBe(204)
  expect((await ask('DELETE', 'permissions/v/ann')).status).toBe(204)
  expect((await ask('DELETE', 'permissions/v/ann')).status).toBe(404)
  expect((await ask('GET', 'vhosts/v')).json).toMatchObject({
    name: 'v',
    description: 'second',
    tags: ['a', 'b'],
    metadata: { description: 'second', tags: ['a', 'b'] },
    tracing: false,
    messages: 0,
  })
  expect((await ask('DELETE', 'vhosts/v')).status).toBe(204)
  expect((await ask('GET', 'vhosts/v')).status).toBe(404)
  expect((await ask('PUT', 'queues/v/q', {})).json).toEqual({ error: 'not_found', reason: 'vhost_not_found' })
})

test('policies are shown where they hold', async () => {
  const { ask } = await testManagement()
  await ask('PUT', 'queues/%2F/q', {})
  const mirrored = { pattern: '^q', 'apply-to': 'queues', definition: { 'ha-mode': 'all' }, priority: 3 }
  expect((await ask('PUT', 'policies/%2F/ha', mirrored)).status).toBe(201)
  expect((await ask('PUT', 'policies/%2F/ha', mirrored)).status).toBe(204)
  await ask('PUT', 'operator-policies/%2F/cap', { pattern: '', definition: { 'max-length': 9 } })
  expect((await ask('GET', 'queues/%2F/q')).json).toMatchObject({
    policy: 'ha',
    operator_policy: 'cap',
    effective_policy_definition: { 'ha-mode': 'all', 'max-length': 9 },
  })
  expect((await ask('GET', 'policies')).json).toEqual([{ vhost: '/', name: 'ha', ...mirrored }])
  expect((await ask('GET', 'parameters/operator_policy/%2F/cap')).json.value).toMatchObject({
    definition: { 'max-length': 9 },
  })
  expect((await ask('DELETE', 'parameters/operator_policy/%2F/cap')).status).toBe(204)
  expect((await ask('DELETE', 'policies/%2F/ha')).status).toBe(204)
  expect((await ask('GET', 'queues/%2F/q')).json).toMatchObject({ policy: null, operator_policy: null })
  expect((await ask('DELETE', 'policies/%2F/ha')).status).toBe(404)
})

test('a virtual host has a default type of its durable queues, and limits', async () => {
  const { ask } = await testManagement()
  await ask('PUT', 'vhosts/v', { default_queue_type: 'quorum' })
  await ask('PUT', 'queues/v/durable', { durable: true })
  await ask('PUT', 'queues/v/durable', { durable: true })
  await ask('PUT', 'queues/v/transient', {})
  expect((await ask('GET', 'queues/v?columns=name,type')).json).toEqual([
    { name: 'durable', type: 'quorum' },
    { name: 'transient', type: 'classic' },
  ])
  await ask('PUT', 'vhost-limits/v/max-queues', { value: 2 })
  expect((await ask('PUT', 'queues/v/more', {})).json.reason).toBe(
    "cannot declare queue 'more': queue limit in vhost 'v' (2) is reached",
  )
  expect((await ask('GET', 'vhost-limits/v')).json).toEqual([{ vhost: 'v', value: { 'max-queues': 2 } }])
  await ask('DELETE', 'vhost-limits/v/max-queues')
  expect((await ask('PUT', 'queues/v/more', {})).status).toBe(201)
})

test('the cluster has a name, and global parameters of any shape', async () => {
  const { ask } = await testManagement()
  expect((await ask('GET', 'cluster-name')).json).toEqual({ name: 'rabbit@node1' })
  await ask('PUT', 'cluster-name', { name: 'main' })
  expect((await ask('GET', 'overview')).json.cluster_name).toBe('main')
  expect((await ask('PUT', 'global-parameters/mine', { value: { a: [1] } })).status).toBe(201)
  expect((await ask('GET', 'global-parameters/mine')).json).toEqual({ name: 'mine', value: { a: [1] } })
  expect((await ask('DELETE', 'global-parameters/mine')).status).toBe(204)
  expect((await ask('GET', 'global-parameters/mine')).status).toBe(404)
})

/** In the form in which RabbitMQ 3.10 exports it. */
const exported = {
  rabbit_version: '3.10.8',
  users: [
    {
      name: 'moved',
      // Of 'secret', salted with the octets 1 to 4.
      password_hash: 'AQIDBDB9kM21iEUzN1lZ+6VReCsdNqS0sERdAQTcY6Xs3PMz',
      hashing_algorithm: 'rabbit_password_hashing_sha256',
      tags: ['management'],
      limits: {},
    },
  ],
  vhosts: [{ name: '/' }, { name: 'v' }],
  permissions: [{ user: 'moved', vhost: 'v', configure: '.*', write: '.*', read: '.*' }],
  topic_permissions: [{ user: 'moved', vhost: 'v', exchange: 'amq.topic', write: 'a', read: 'b' }],
  parameters: [{ value: { 'max-connections': 3 }, vhost: 'v', component: 'vhost-limits', name: 'limits' }],
  global_parameters: [
    { name: 'internal_cluster_id', value: 'rabbitmq-cluster-id-5PyjTGkps9ya17x2zPqZ5w' },
    { name: 'cluster_name', value: 'x@y' },
  ],
  policies: [
    { vhost: 'v', name: 'p', pattern: 'q', 'apply-to': 'all', definition: { 'max-length': 5 }, priority: 0 },
  ],
  queues: [
    { name: 'q', vhost: 'v', durable: true, auto_delete: false, arguments: { 'x-message-ttl': 60000 } },
  ],
  exchanges: [
    {
      name: 'e',
      vhost: 'v',
      type: 'headers',
      durable: true,
      auto_delete: false,
      internal: false,
      arguments: {},
    },
  ],
  bindings: [
    {
      source: 'e',
      vhost: 'v',
      destination: 'q',
      destination_type: 'queue',
      routing_key: '',
      arguments: { x: 1, 'x-match': 'all' },
    },
  ],
}

describe('definitions', () => {
  test('of RabbitMQ come in and go out as they were', async () => {
    const { ask } = await testManagement()
    expect((await ask('POST', 'definitions', exported)).status).toBe(204)
    const { rabbit_version: _, users, vhosts, permissions, ...rest } = exported
    const out = (await ask('GET', 'definitions')).json
    expect(out).toMatchObject(rest)
    expect(out.users).toEqual(expect.arrayContaining(users))
    expect(out.permissions).toEqual(expect.arrayContaining(permissions))
    expect(out.vhosts).toMatchObject(vhosts)
    expect((await ask('POST', 'definitions', out)).status).toBe(204)
    expect((await ask('GET', 'whoami', undefined, { user: 'moved' })).status).toBe(200)
    expect((await ask('GET', 'queues/v/q')).json).toMatchObject({ durable: true, policy: 'p' })
  })

  test('of one virtual host go into another', async () => {
    const { ask } = await testManagement()
    await ask('POST', 'definitions', exported)
    await ask('PUT', 'vhosts/w')
    const own = (await ask('GET', 'definitions/v')).json
    expect(own.users).toBeUndefined()
    expect(own.queues).toEqual([
      { name: 'q', durable: true, auto_delete: false, arguments: { 'x-message-ttl': 60000 } },
    ])
    expect((await ask('POST', 'definitions/w', own)).status).toBe(204)
    expect((await ask('GET', 'definitions/w')).json).toEqual(own)
  })

  test('come as a file of a form', async () => {
    const { ask } = await testManagement()
    const form = `--bound\r\nContent-Disposition: form-data; name="file"; filename="d.json"\r\n\r\n${JSON.stringify(exported)}\r\n--bound--\r\n`
    const headers = { 'content-type': 'multipart/form-data; boundary=bound' }
    expect((await ask('POST', 'definitions', form, { headers })).status).toBe(204)
    expect((await ask('GET', 'queues/v/q')).status).toBe(200)
  })

  test('that differ from what is there are refused', async () => {
    const { ask } = await testManagement()
    await ask('PUT', 'queues/%2F/q', {})
    const queues = [{ name: 'q', vhost: '/', durable: true }]
    expect((await ask('POST', 'definitions', { queues })).json.reason).toContain("inequivalent arg 'durable'")
    expect((await ask('POST', 'definitions', { queues: 5 })).json.reason).toBe(
      'queues should be a list of objects',
    )
  })
})

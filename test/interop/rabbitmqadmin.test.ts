// rabbitmqadmin, from Debian's rabbitmq-server package, against our management API and, where one is named by
// NIMBO_RABBITMQ_MANAGEMENT_URL (http://guest:guest@127.0.0.1:15672), against a real RabbitMQ's: the same words and answers.
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { clientEnv, runClient } from './client-fork.ts'
import { type ManagedBroker, ourManagedBroker } from './managed-broker.ts'

/** Where Debian has it, or a copy of it: the package also starts a RabbitMQ, which not everyone wants. */
const program = process.env.NIMBO_RABBITMQADMIN ?? '/usr/bin/rabbitmqadmin'
const real = process.env.NIMBO_RABBITMQ_MANAGEMENT_URL

type Target = Pick<ManagedBroker, 'url' | 'close'>

const targets: [name: string, open: () => Promise<Target>][] = [['ours', ourManagedBroker]]
if (real) targets.push(['RabbitMQ', async () => ({ url: new URL(real), close: async () => {} })])

/** Rights are of virtual hosts, so each run has its own. */
const vhost = 'rabbitmqadmin'

function runner({ url }: Target) {
  const account = [
    `--username=${decodeURIComponent(url.username)}`,
    `--password=${decodeURIComponent(url.password)}`,
  ]
  const at = [`--host=${url.hostname}`, `--port=${url.port}`, ...account]
  return async (...args: string[]) => {
    const { code, stdout, stderr } = await runClient(program, [...at, ...args], {
      env: clientEnv(),
      timeoutMs: 120_000,
    })
    if (code !== 0) throw new Error(`rabbitmqadmin ${args.join(' ')}: ${stderr} ${stdout}`)
    return stdout.trimEnd()
  }
}

describe.skipIf(!existsSync(program)).each(targets)(`${program}: %s`, (_name, open) => {
  let target: Target
  let run: (...args: string[]) => Promise<string>
  /** In the virtual host; as lines of columns. */
  const list = async (what: string, ...columns: string[]) =>
    (await run('-V', vhost, '-f', 'tsv', 'list', what, ...columns)).split('\n').slice(1)
  let folder: string
  beforeAll(async () => {
    target = await open()
    run = runner(target)
    folder = await mkdtemp(join(tmpdir(), 'nimbo-admin-'))
    await run('delete', 'vhost', `name=${vhost}`).catch(() => {})
    await run('declare', 'vhost', `name=${vhost}`)
  })
  afterAll(async () => {
    await run('delete', 'vhost', `name=${vhost}`)
    await target.close()
    await rm(folder, { recursive: true })
  })
  const v = (...args: string[]) => run('-V', vhost, ...args)

  test('declares, lists and deletes', async () => {
    expect(await v('declare', 'queue', 'name=q', 'durable=true', 'arguments={"x-max-length": 5}')).toBe(
      'queue declared',
    )
    await v('declare', 'queue', 'name=short', 'durable=false', 'auto_delete=false')
    expect(await v('declare', 'exchange', 'name=e', 'type=topic')).toBe('exchange declared')
    expect(await v('declare', 'binding', 'source=e', 'destination=q', 'routing_key=a.#')).toBe(
      'binding declared',
    )
    await v('declare', 'binding', 'source=e', 'destination=amq.fanout', 'destination_type=exchange')
    expect(await list('queues', 'name', 'durable')).toEqual(['q\tTrue', 'short\tFalse'])
    expect(
      await list('bindings', 'source', 'destination', 'destination_type', 'routing_key', 'properties_key'),
    ).toEqual(
      expect.arrayContaining(['\tq\tqueue\tq\tq', 'e\tamq.fanout\texchange\t\t~', 'e\tq\tqueue\ta.#\ta.%23']),
    )
    expect(await list('exchanges', 'name', 'type')).toEqual(
      expect.arrayContaining(['e\ttopic', 'amq.direct\tdirect']),
    )
    expect(
      await v(
        'delete',
        'binding',
        'source=e',
        'destination_type=queue',
        'destination=q',
        'properties_key=a.%23',
      ),
    ).toBe('binding deleted')
    expect(await v('delete', 'queue', 'name=short')).toBe('queue deleted')
    expect(await v('delete', 'exchange', 'name=e')).toBe('exchange deleted')
    expect(await list('queues', 'name')).toEqual(['q'])
    await expect(v('delete', 'queue', 'name=none')).rejects.toThrow(/404|not found/i)
  })

  test('publishes, gets and purges', async () => {
    await v('declare', 'queue', 'name=letters', 'durable=true')
    expect(await v('publish', 'exchange=amq.default', 'routing_key=letters', 'payload=hello, world')).toBe(
      'Message published',
    )
    expect(await v('publish', 'exchange=amq.default', 'routing_key=none', 'payload=x')).toBe(
      'Message published but NOT routed',
    )
    const properties = 'properties={"delivery_mode": 2, "headers": {"n": 1}}'
    await v('publish', 'exchange=amq.default', 'routing_key=letters', 'payload=two', properties)
    const get = async (...how: string[]) =>
      JSON.parse(await v('-f', 'raw_json', 'get', 'queue=letters', ...how))
    expect(await get('count=5', 'ackmode=ack_requeue_true')).toMatchObject([
      { payload: 'hello, world', message_count: 1, redelivered: false, payload_encoding: 'string' },
      { payload: 'two', message_count: 0, properties: { delivery_mode: 2, headers: { n: 1 } } },
    ])
    expect(await get('ackmode=ack_requeue_false')).toMatchObject([
      { payload: 'hello, world', redelivered: true },
    ])
    expect(await v('purge', 'queue', 'name=letters')).toBe('queue purged')
    expect(await get('ackmode=ack_requeue_true')).toEqual([])
    await expect(v('get', 'queue=none', 'ackmode=ack_requeue_true')).rejects.toThrow(/404|not found/i)
  })

  test('sets users, rights, policies, parameters and limits', async () => {
    await run('declare', 'user', 'name=admin-ann', 'password=one', 'tags=management')
    await run(
      'declare',
      'permission',
      `vhost=${vhost}`,
      'user=admin-ann',
      'configure=.*',
      'write=^w',
      'read=',
    )
    expect(
      await run('-f', 'tsv', 'list', 'permissions', 'user', 'vhost', 'configure', 'write', 'read'),
    ).toContain(`admin-ann\t${vhost}\t.*\t^w\t`)
    await v('declare', 'queue', 'name=kept', 'durable=true')
    await v(
      'declare',
      'policy',
      'name=p',
      'pattern=^kept$',
      'definition={"max-length": 7}',
      'priority=3',
      'apply-to=queues',
    )
    await v('declare', 'operator_policy', 'name=op', 'pattern=^kept$', 'definition={"max-length": 4}')
    // RabbitMQ shows it a moment later.
    const policies = async () =>
      JSON.parse(await v('-f', 'raw_json', 'list', 'queues', 'name', 'policy', 'operator_policy'))
    await expect
      .poll(policies, { timeout: 10_000 })
      .toContainEqual({ name: 'kept', policy: 'p', operator_policy: 'op' })
    expect(await list('policies', 'name', 'pattern', 'priority', 'apply-to')).toContain(
      'p\t^kept$\t3\tqueues',
    )
    await run('declare', 'vhost_limit', `vhost=${vhost}`, 'name=max-connections', 'value=5')
    expect(await list('vhost_limits', 'vhost', 'value')).toContain(`${vhost}\t{"max-connections": 5}`)
    await run('delete', 'vhost_limit', `vhost=${vhost}`, 'name=max-connections')
    await v('delete', 'operator_policy', 'name=op')
    expect(await v('delete', 'policy', 'name=p')).toBe('policy deleted')
    await run('delete', 'permission', `vhost=${vhost}`, 'user=admin-ann')
    expect(await run('delete', 'user', 'name=admin-ann')).toBe('user deleted')
  })

  test('exports a virtual host, and imports it after everything in it is gone', async () => {
    await v('declare', 'queue', 'name=moved', 'durable=true', 'arguments={"x-message-ttl": 60000}')
    await v('declare', 'exchange', 'name=from', 'type=headers')
    await v('declare', 'binding', 'source=from', 'destination=moved', 'arguments={"x-match": "any", "a": 1}')
    await v('declare', 'policy', 'name=with', 'pattern=^moved$', 'definition={"expires": 3600000}')
    const file = join(folder, 'definitions.json')
    await v('export', file)
    const exported = JSON.parse(await readFile(file, 'utf8'))
    await run('delete', 'vhost', `name=${vhost}`)
    await run('declare', 'vhost', `name=${vhost}`)
    await v('import', file)
    await v('export', file)
    const again = JSON.parse(await readFile(file, 'utf8'))
    const sorted = (all: object[]) => all.map((each) => JSON.stringify(each, Object.keys(each).sort())).sort()
    for (const part of ['queues', 'exchanges', 'bindings', 'policies']) {
      expect(sorted(again[part]), part).toEqual(sorted(exported[part]))
      expect(again[part].length).toBeGreaterThan(0)
    }
  })

  test('shows the overview, nodes and connections, and says what it cannot close', async () => {
    expect(await run('show', 'overview')).toContain('cluster_name')
    expect((await run('-f', 'tsv', 'list', 'nodes', 'name', 'running')).split('\n')[1]).toMatch(/@.*\tTrue$/)
    expect(await run('list', 'connections')).toBeTruthy()
    await expect(run('close', 'connection', 'name=none')).rejects.toThrow(/404|not found/i)
  })
})

test.skipIf(!real)('the definitions of a whole RabbitMQ come here and go back', async () => {
  const target = await ourManagedBroker()
  const rabbit = { url: new URL(real!), close: async () => {} }
  const folder = await mkdtemp(join(tmpdir(), 'nimbo-admin-'))
  const [theirs, own] = [join(folder, 'theirs.json'), join(folder, 'ours.json')]
  const [here, there] = [runner(target), runner(rabbit)]
  await there(
    'declare',
    'queue',
    'name=rabbitmqadmin-q',
    'durable=true',
    'arguments={"x-queue-type": "quorum"}',
  )
  await there('declare', 'user', 'name=rabbitmqadmin-ann', 'password=one', 'tags=monitoring')
  await there('export', theirs)
  await here('import', theirs)
  await here('export', own)
  const [before, after] = [
    JSON.parse(await readFile(theirs, 'utf8')),
    JSON.parse(await readFile(own, 'utf8')),
  ]
  for (const part of [
    'users',
    'permissions',
    'topic_permissions',
    'queues',
    'exchanges',
    'bindings',
    'policies',
  ])
    expect(after[part], part).toEqual(expect.arrayContaining(before[part]))
  await there('delete', 'queue', 'name=rabbitmqadmin-q')
  await there('delete', 'user', 'name=rabbitmqadmin-ann')
  expect(await there('import', own)).toContain('Uploaded definitions')
  await there('delete', 'queue', 'name=rabbitmqadmin-q')
  await there('delete', 'user', 'name=rabbitmqadmin-ann')
  await there('delete', 'user', 'name=operator')
  await target.close()
  await rm(folder, { recursive: true })
})

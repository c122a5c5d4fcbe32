// Command lines as an operator of RabbitMQ types them, and what comes back: words and codes are rabbitmqctl 3.10's.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type MqBroker, mqBroker, runMqLine, type Said } from './test-mq.ts'
import { openTestClient } from './test-mq-client.ts'

let served: MqBroker
beforeAll(async () => {
  served = await mqBroker()
})
afterAll(() => served.close())

const run = (line: string, options?: Parameters<typeof runMqLine>[2]): Promise<Said> =>
  runMqLine(
    served,
    line.match(/'[^']*'|\S+/g)!.map((word) => word.replace(/^'|'$/g, '')),
    options,
  )
const out = async (line: string) => {
  const said = await run(line)
  expect(said).toMatchObject({ code: 0, err: '' })
  return said.out
}

describe('nimbo mq', () => {
  it('keeps users as rows 260 to 262 have it', async () => {
    expect(await out('add_user ys ys1234')).toMatch(/^Adding user "ys" \.\.\.\nDone\./)
    expect(await run('add_user ys other')).toMatchObject({
      code: 70,
      err: 'Error:\nUser "ys" already exists',
    })
    expect(await out("set_permissions -p / ys '.*' '.*' '.*'")).toBe(
      'Setting permissions for user "ys" in vhost "/" ...',
    )
    expect(await out('set_user_tags ys administrator')).toBe(
      'Setting tags for user "ys" to [administrator] ...',
    )
    expect(await out('-q list_users')).toBe('user\ttags\noperator\t[administrator]\nys\t[administrator]')
    expect(await out('list_user_permissions ys -s')).toBe('/\t.*\t.*\t.*')
    expect(await out('authenticate_user ys ys1234')).toContain('Success')
    expect((await run('authenticate_user ys wrong')).code).toBe(65)
    expect(await out('-q change_password ys changed')).toBe('')
    // Changing one thing leaves the others.
    expect(await out('-s list_users')).toContain('ys\t[administrator]')
    expect(await out('authenticate_user ys changed')).toContain('Success')
    expect((await run('delete_user nobody')).code).toBe(67)
    expect(await out('-q delete_user ys')).toBe('')
  })

  it('takes a password from standard input, so that no list of processes shows it', async () => {
    expect(await run('-q add_user quiet', { input: 'from a pipe\nmore\n' })).toMatchObject({ code: 0 })
    expect(await run('-q authenticate_user quiet', { input: 'from a pipe' })).toMatchObject({ code: 0 })
    expect((await run('add_user nobody')).code).toBe(64)
    await run('delete_user quiet')
  })

  it('lists what is there, in the columns that were asked for', async () => {
    const client = await openTestClient(served.amqpPort)
    await client.channel.ask('queue.declare', {
      queue: 'q1',
      durable: true,
      arguments: { 'x-max-length': 10 },
    })
    await client.channel.ask('exchange.declare', { exchange: 'ex1', type: 'topic' })
    await client.channel.ask('queue.bind', { queue: 'q1', exchange: 'ex1', routingKey: 'a.*' })
    for (let i = 0; i < 3; i++) await client.channel.publish('', 'q1', {}, Buffer.from('x'))
    expect(await out('list_queues -q')).toBe('name\tmessages\nq1\t3')
    expect(await out('list_queues -s name arguments durable')).toBe('q1\t[{"x-max-length",10}]\ttrue')
    expect(JSON.parse(await out('list_queues name arguments --formatter json'))).toEqual([
      { name: 'q1', arguments: [['x-max-length', 'signedint', 10]] },
    ])
    expect(await out('list_exchanges -s name type')).toContain('ex1\ttopic')
    expect(await out('list_bindings -s source_name destination_name routing_key')).toContain('ex1\tq1\ta.*')
    const [name] = (await out('list_connections -s pid user state')).split('\t')
    expect(await out('list_connections -s user state')).toBe('operator\trunning')
    expect(await out('list_channels -s connection number')).toBe(`${name}\t1`)

    expect(await out('purge_queue -q q1')).toBe('')
    expect(await run('purge_queue nope')).toMatchObject({ code: 69, err: 'Error:\nnot_found' })
    expect(await out('delete_queue q1')).toBe(
      "Deleting queue 'q1' on vhost '/' ...\nQueue was successfully deleted with 0 ready messages",
    )
    const ended = client.connection.ended
    expect((await runMqLine(served, ['-q', 'close_connection', name!, 'for maintenance'])).code).toBe(0)
    expect((await ended).message).toContain('for maintenance')
  })

  it('keeps virtual hosts, policies and limits', async () => {
    await out('add_vhost shop --description things')
    expect(await out('list_vhosts -s name description')).toContain('shop\tthings')
    await out(`set_policy -p shop ha '^ha' '{"ha-mode":"all"}' --priority 2 --apply-to queues`)
    expect(await out('list_policies -p shop -s')).toBe('shop\tha\t^ha\tqueues\t{"ha-mode":"all"}\t2')
    expect(await run(`set_policy bad . '{"nonsense":1}'`)).toMatchObject({ code: 69 })
    expect(await run('clear_policy nope')).toMatchObject({
      code: 69,
      err: 'Error:\nParameter does not exist',
    })
    await out(`set_vhost_limits -p shop '{"max-queues": 5}'`)
    expect(await out('list_vhost_limits -p shop -q')).toBe('{"max-queues":5}')
    await out('clear_vhost_limits -p shop')
    expect(await out('list_vhost_limits -p shop -q')).toBe('')
    expect(await run('list_queues -p nowhere')).toMatchObject({ code: 69 })
    await out('delete_vhost shop')
    expect((await run('delete_vhost shop')).code).toBe(65)
  })

  it('stops and starts the broker while management goes on, and resets only what is stopped', async () => {
    expect((await run('reset')).code).toBe(69)
    await out('stop_app')
    expect((await run('check_running')).code).toBe(69)
    await expect(openTestClient(served.amqpPort)).rejects.toThrow()
    await out('start_app')
    await out('await_startup')
    expect(await out('cluster_status')).toContain('Running Nodes')
    const client = await openTestClient(served.amqpPort)
    await client.connection.close()
  })

  it('says how to get more nodes where rabbitmqctl would join them', async () => {
    for (const line of [
      'join_cluster rabbit@node1',
      'forget_cluster_node rabbit@node2',
      'change_cluster_node_type ram',
    ]) {
      const said = await run(line)
      expect(said.code).toBe(69)
      expect(said.err).toContain('nimbo mq migrate')
    }
    // What would be done to another node isn't done to this one.
    expect((await run('-n rabbit@elsewhere list_users')).code).toBe(69)
  })

  it('raises an alarm by its thresholds, and says so', async () => {
    await out('set_vm_memory_high_watermark 0.00001')
    expect((await run('check_alarms')).code).toBe(69)
    expect(await out('status')).toMatch(/Memory alarm on node/)
    await out('set_vm_memory_high_watermark 0.4')
    expect(await out('check_alarms')).toBe('No alarms')
    expect((await run('set_disk_free_limit lots')).code).toBe(65)
  })

  it('writes definitions that it reads again', async () => {
    const definitions = JSON.parse(await out('export_definitions -')) as { vhosts: unknown[] }
    expect(definitions.vhosts).toHaveLength(1)
    const input = JSON.stringify({ ...definitions, vhosts: [...definitions.vhosts, { name: 'imported' }] })
    expect((await run('import_definitions -', { input })).code).toBe(0)
    expect(await out('list_vhosts -s')).toBe('/\nimported')
    await out('delete_vhost imported')
  })

  it('ends with 69 and the reason where nobody answers or lets it in', async () => {
    expect(await run('list_users', { env: { NIMBO_MQ_PASSWORD: 'wrong' } })).toMatchObject({ code: 69 })
    const away = await run('list_users', { env: { NIMBO_MQ_URL: 'http://127.0.0.1:1' } })
    expect(away.code).toBe(69)
    expect(away.err).toContain('http://127.0.0.1:1')
  })

  it('makes a report without a password or its hash', async () => {
    const report = await out('report')
    expect(report).toContain('Listing exchanges for vhost /')
    expect(report).not.toMatch(/a secret|password_hash/)
  })
})

// What a host may do on the bus, word for word: a right more than these is a host more that can be taken over.
import { expect, test } from 'vitest'
import { contracts } from '#contracts/all.ts'
import { hostQueues, hostRights, hostUser } from './bus-rights.ts'

const rights = hostRights('agent@n1.example', ['n1.example'], ['controller'])
const may = (right: 'configure' | 'write' | 'read', name: string) =>
  new RegExp(rights.permission[right], 'u').test(name)
const mayTopic = (right: 'write' | 'read', exchange: string, key: string) =>
  new RegExp(rights.topics.find((each) => each.exchange === exchange)![right], 'u').test(key)
const id = '0123456789abcdef0123456789abcdef'

test("are those of the host's own queues, of asking services, and of answering controllers", () => {
  const topics = '(compute|q-agent-notifier|dhcp_agent|l3_agent|cinder-volume)'
  const own = `${topics}\\.n1\\.example|${topics}_fanout_n1\\.example_[0-9a-f]{32}|reply_agent@n1\\.example_[0-9a-f]{32}`
  const fanouts = topics.slice(1, -1).split('|').join('_fanout|')
  expect(rights).toEqual({
    permission: {
      configure: `^(${own})$`,
      write: `^(${own}|nova|neutron|cinder|nimbo|reply)$`,
      read: `^(${own}|nova_host|neutron_host|cinder_host|${fanouts}_fanout|reply_host)$`,
    },
    topics: [
      { exchange: 'nova', write: '^(conductor|nova\\.dead)$', read: '(?!)' },
      { exchange: 'neutron', write: '^(q-plugin|neutron\\.dead)$', read: '(?!)' },
      { exchange: 'cinder', write: '^(cinder-scheduler|cinder\\.dead)$', read: '(?!)' },
      { exchange: 'nimbo', write: '^(journal|hosts|nimbo\\.dead)$', read: '(?!)' },
      { exchange: 'nova_host', write: '(?!)', read: '^(compute\\.n1\\.example)$' },
      {
        exchange: 'neutron_host',
        write: '(?!)',
        read: '^((q-agent-notifier|dhcp_agent|l3_agent)\\.n1\\.example)$',
      },
      { exchange: 'cinder_host', write: '(?!)', read: '^(cinder-volume\\.n1\\.example)$' },
      { exchange: 'reply', write: '^(reply_controller_[0-9a-f]{32})$', read: '(?!)' },
      { exchange: 'reply_host', write: '(?!)', read: '^(reply_agent@n1\\.example_[0-9a-f]{32})$' },
    ],
  })
})

test('reach no name that is like an own one', () => {
  expect(may('read', 'compute.n1.example')).toBe(true)
  expect(may('configure', `compute_fanout_n1.example_${id}`)).toBe(true)
  for (const queue of [
    'compute',
    'compute.n1',
    'compute.n1xexample',
    'compute.n1.example.org',
    'compute.n2',
    'conductor',
    'nova.dead',
    'notifications.info',
    `compute_fanout_n2_${id}`,
    `compute_fanout_n1.example_n2_${id}`,
    `reply_agent@n1xexample_${id}`,
    `reply_agent@n2_${id}`,
    `reply_controller_${id}`,
    'amq.default',
    '',
  ])
    for (const right of ['configure', 'write', 'read'] as const)
      expect(may(right, queue), `${right} ${queue}`).toBe(false)
  for (const key of ['compute.*', 'compute.#', '#', '*', '', 'compute.n2', 'compute.n1.*'])
    expect(mayTopic('read', 'nova_host', key), key).toBe(false)
  for (const key of ['compute.n2', 'compute.n1.example', 'scheduler', ''])
    expect(mayTopic('write', 'nova', key), key).toBe(false)
})

test('of a process that simulates hosts are those of exactly these hosts', () => {
  const { permission } = hostRights('agent@box', ['box', 'node1', 'node2'], ['controller', 'second'])
  const read = new RegExp(permission.read, 'u')
  expect(['compute.node1', 'compute.node2', 'compute.box'].every((name) => read.test(name))).toBe(true)
  expect(['compute.node3', 'compute.node', 'compute.node12'].some((name) => read.test(name))).toBe(false)
})

test.each(['', '.', '#', '*', 'a*', 'a b', 'n1|n2', '-', 'a/b', 'x'.repeat(300)])(
  "a host can't be called '%s'",
  (name) => {
    expect(() => hostRights(hostUser(name), [name], ['controller'])).toThrow('is no host name')
  },
)

test('each contract that a host serves has a queue that goes with the host', () => {
  expect(hostQueues('n1')).toEqual(
    contracts.filter((each) => each.servedBy === 'host').map(({ topic }) => `${topic}.n1`),
  )
})

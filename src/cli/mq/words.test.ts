import { describe, expect, it } from 'vitest'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { bytesOf } from './app.ts'
import { exitOf } from './exit.ts'
import { near } from './help.ts'
import { mqVerbs } from './verbs.ts'
import { judge, styleOf, takeApart } from './words.ts'

function exitFor(args: string[]): number {
  const given = takeApart(args, mqVerbs)
  try {
    judge(given.verb!, mqVerbs[given.verb!]!, given)
    return 0
  } catch (error) {
    return exitOf(error as CloudError)
  }
}

describe('words of nimbo mq', () => {
  it('takes options before the verb and after it, short and long', () => {
    expect(takeApart(['-q', '-p', 'v 1', 'set_permissions', 'ys', '.*', '', '.*'], mqVerbs)).toEqual({
      verb: 'set_permissions',
      words: ['ys', '.*', '', '.*'],
      options: { quiet: true, vhost: 'v 1' },
    })
    expect(
      takeApart(['set_policy', 'ha', '^q', '{}', '--apply-to', 'queues', '--vhost=v'], mqVerbs).options,
    ).toEqual({
      'apply-to': 'queues',
      vhost: 'v',
    })
  })

  it.each([
    [['set_permissions', 'a'], 64],
    [['set_permissions', 'a', 'b', 'c', 'd', 'e'], 64],
    [['list_users', '--bogus'], 64],
    [['list_users', '--if-empty'], 64],
    [['list_queues', 'name', 'bogus'], 64],
    [['list_queues', 'name,messages', 'type'], 0],
    [['list_queues', '-p'], 64],
    [['list_users', '--timeout', 'soon'], 65],
    [['add_user', 'ys'], 0],
  ])('judges %j with %i', (args, exit) => {
    expect(exitFor(args)).toBe(exit)
  })

  it('knows every verb of the acceptance list by rabbitmqctl’s own name', () => {
    const wanted =
      'add_user set_user_tags set_permissions list_queues list_exchanges list_bindings list_connections set_policy status cluster_status stop_app start_app reset join_cluster forget_cluster_node stop'
    expect(wanted.split(' ').filter((name) => !mqVerbs[name])).toEqual([])
  })

  it('finds what somebody may have meant', () => {
    const names = Object.keys(mqVerbs)
    expect(near('list_queuess', names)).toEqual(['list_queues'])
    expect(near('list-user', names)).toEqual(['list_users'])
    expect(near('frobnicate', names)).toEqual([])
  })

  it('tells programs nothing but the answer', () => {
    expect(styleOf({ formatter: 'json' })).toEqual({ formatter: 'json', headers: true, talks: false })
    expect(styleOf({ silent: true })).toEqual({ formatter: 'table', headers: false, talks: false })
    expect(() => styleOf({ formatter: 'erlang' })).toThrow('there is no formatter')
  })

  it.each([
    ['2GiB', 2 * 1024 ** 3],
    ['50MB', 50_000_000],
    ['1024', 1024],
    ['4k', 4096],
  ])('reads %s as bytes', (text, bytes) => {
    expect(bytesOf(text)).toBe(bytes)
  })

  it('refuses what is no amount of bytes', () => {
    expect(() => bytesOf('lots')).toThrow(CloudError)
  })
})

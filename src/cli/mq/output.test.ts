import { describe, expect, it } from 'vitest'
import { format } from './output.ts'

const answer = {
  columns: ['name', 'messages', 'arguments', 'tags'],
  rows: [
    [
      'q1',
      3,
      { 'x-message-ttl': 100000, 'x-max-length': 2 ** 40, deep: { ok: true, list: [1, 'b'] } },
      ['a', 'b'],
    ],
    ['evil\u001b[2J\ttab\n', undefined, {}, []],
  ],
}

describe('output of nimbo mq', () => {
  it('writes tab-separated columns with Erlang terms, and no control characters that a client put in a name', () => {
    expect(format(answer, 'table', true)).toEqual([
      'name\tmessages\targuments\ttags',
      'q1\t3\t[{"x-message-ttl",100000},{"x-max-length",1099511627776},{"deep",[{"ok",true},{"list",[1,"b"]}]}]\t[a, b]',
      'evil\\033[2J\\011tab\\012\t\t[]\t[]',
    ])
    expect(format(answer, 'table', false)).toHaveLength(2)
  })

  it('writes no headers above nothing', () => {
    expect(format({ columns: ['name'], rows: [] }, 'table', true)).toEqual([])
  })

  it('writes JSON that parses, with typed arguments as rabbitmqctl has them', () => {
    const lines = format(answer, 'json', true)
    expect(lines[0]).toBe('[')
    const [first, second] = JSON.parse(lines.join('\n'))
    expect(first.arguments).toEqual([
      ['x-message-ttl', 'signedint', 100000],
      ['x-max-length', 'long', 1099511627776],
      [
        'deep',
        'table',
        [
          ['ok', 'bool', true],
          ['list', 'array', [1, 'b']],
        ],
      ],
    ])
    expect(first.tags).toEqual(['a', 'b'])
    expect(second).toMatchObject({ name: 'evil\u001b[2J\ttab\n', messages: '' })
  })

  it('writes CSV with quotes doubled', () => {
    expect(format({ columns: ['a', 'b'], rows: [['say "hi", there', 2]] }, 'csv', true)).toEqual([
      '"a","b"',
      '"say ""hi"", there",2',
    ])
  })

  it('draws a table whose lines end together, also with wide characters', () => {
    expect(format({ columns: ['队列', 'n'], rows: [['q', 10]] }, 'pretty_table', true)).toEqual([
      '┌──────┬────┐',
      '│ 队列 │ n  │',
      '├──────┼────┤',
      '│ q    │ 10 │',
      '└──────┴────┘',
    ])
  })
})

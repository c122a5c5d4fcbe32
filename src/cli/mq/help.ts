// What `nimbo mq help` says, and which verb somebody may have meant.
import { groups, type MqVerb } from './verb.ts'

type Verbs = Readonly<Record<string, MqVerb>>

export function overview(verbs: Verbs): string[] {
  const own = Object.entries(verbs)
  const width = Math.max(...own.map(([name]) => name.length)) + 2
  return [
    'Usage',
    '',
    'nimbo mq [--data DIR | --url URL --user USER] [--quiet] <command> [<command options>]',
    '',
    'Available commands:',
    '',
    ...groups.flatMap((group) => {
      const of = own.filter(([, verb]) => verb.group === group).sort(([a], [b]) => a.localeCompare(b))
      return [`${group}:`, '', ...of.map(([name, { summary }]) => `   ${name.padEnd(width)}${summary}`), '']
    }),
    "Use 'nimbo mq help <command>' to learn more about a specific command",
  ]
}

export function usageOf(name: string, verb: MqVerb): string {
  return `nimbo mq [--data DIR | --url URL --user USER] [--quiet] ${name} ${verb.usage}`.trimEnd()
}

const general = [
  ['-p, --vhost VHOST', "virtual host, '/' unless given"],
  ['-q, --quiet', 'only the answer'],
  ['-s, --silent', 'only the answer, without column headers'],
  ['--formatter NAME', 'table, json, csv or pretty_table'],
  ['-t, --timeout SECONDS', 'how long to wait for the broker'],
  ['-n, --node NODE', 'refuse unless the broker has this node'],
  ['--data DIR', "the cloud whose broker is meant (also NIMBO_DATA); the default is this user's cloud"],
  ['--url URL', 'another broker: http://HOST:15672, a RabbitMQ for instance (also NIMBO_MQ_URL)'],
  ['--user USER', 'with --url; its password comes from NIMBO_MQ_PASSWORD, or is asked for'],
] as const

export function verbHelp(name: string, verb: MqVerb): string[] {
  return [
    'Usage',
    '',
    usageOf(name, verb),
    '',
    verb.summary,
    '',
    ...(verb.columns ? ['<column>', `  must be one of ${[...verb.columns].sort().join(', ')}`, ''] : []),
    ...(verb.usage.includes('[<password>]')
      ? [
          '<password>',
          '  as a word it is seen by everybody who lists processes; left out, it is asked for or read from standard input',
          '',
        ]
      : []),
    'General options',
    '',
    ...general.map(([option, meaning]) => `  ${option.padEnd(23)}${meaning}`),
  ]
}

/** Verbs that differ from the word in few letters. */
export function near(word: string, names: readonly string[]): string[] {
  const close = names
    .map((name) => ({ name, distance: distance(word.replaceAll('-', '_'), name) }))
    .filter((each) => each.distance <= Math.max(2, Math.floor(each.name.length / 4)))
    .sort((a, b) => a.distance - b.distance)
  return close.filter((each) => each.distance === close[0]!.distance).map((each) => each.name)
}

/** Levenshtein's: letters to insert, delete or replace. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)))
    row = next
  }
  return row[b.length]!
}

// What the command line of a simulation says.
import { parseArgs } from 'node:util'
import { faultNames } from './fault/table.ts'
import { formatKeep, numbers, parseKeep } from './plan.ts'

export type RunOptions = {
  seeds: readonly number[]
  hosts: number
  minutes: number
  kinds: readonly string[]
  keep: readonly number[] | undefined
  jobs: number
  forever: boolean
  bisect: boolean
  /** Each line as it comes. */
  trace: boolean
  /** One object for a parent process instead of words. */
  json: boolean
}

const usage = `npm run sim -- [--seed S | --seeds FROM-TO | --forever] [--hosts H] [--minutes M]
  --faults none|all|${faultNames.slice(0, 3).join(',')},...   kinds that may come; all of: ${faultNames.join(', ')}
  --keep 0-7,9    only these of the planned faults; none is possible
  --bisect        the fewest faults with which the seed still fails
  --jobs N        processes at a time, with several seeds
  --trace         each event as it comes`

/** Throws with the usage in its message. */
export function readOptions(args: readonly string[]): RunOptions {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        seed: { type: 'string', default: '1' },
        seeds: { type: 'string' },
        hosts: { type: 'string', default: '3' },
        minutes: { type: 'string', default: '30' },
        faults: { type: 'string', default: 'all' },
        keep: { type: 'string' },
        jobs: { type: 'string', default: '1' },
        forever: { type: 'boolean', default: false },
        bisect: { type: 'boolean', default: false },
        trace: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
      },
    })
    return {
      seeds: values.seeds === undefined ? [whole('seed', values.seed)] : numbers(values.seeds),
      hosts: whole('hosts', values.hosts),
      minutes: whole('minutes', values.minutes),
      kinds: kindsOf(values.faults),
      keep: values.keep === undefined ? undefined : parseKeep(values.keep),
      jobs: whole('jobs', values.jobs),
      forever: values.forever,
      bisect: values.bisect,
      trace: values.trace,
      json: values.json,
    }
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${usage}`, { cause: error })
  }
}

/** The options of one run, for another process or a person. */
export function formatRun(
  { hosts, minutes, kinds }: Pick<RunOptions, 'hosts' | 'minutes' | 'kinds'>,
  seed: number,
  keep?: readonly number[],
): string[] {
  const named = kinds.length === 0 ? 'none' : kinds.length === faultNames.length ? 'all' : kinds.join(',')
  return [
    ...['--seed', String(seed), '--hosts', String(hosts), '--minutes', String(minutes), '--faults', named],
    ...(keep ? ['--keep', formatKeep(keep)] : []),
  ]
}

function whole(name: string, text: string): number {
  if (!/^\d+$/.test(text)) throw new Error(`--${name} is a whole number, not '${text}'`)
  return Number(text)
}

function kindsOf(text: string): readonly string[] {
  if (text === 'none') return []
  if (text === 'all') return faultNames
  const kinds = text.split(',')
  for (const kind of kinds)
    if (!faultNames.includes(kind)) throw new Error(`There is no kind of fault '${kind}'`)
  return kinds
}

// What the command line of a simulation says.
import { parseArgs } from 'node:util'
import { faultNames } from './fault/table.ts'
import { type Bursts, formatKeep, numbers, parseKeep } from './plan.ts'

export type RunOptions = {
  seeds: readonly number[]
  hosts: number
  minutes: number
  kinds: readonly string[]
  keep: readonly number[] | undefined
  bursts: Bursts | undefined
  /** A bug of mutation/ that is planted before. */
  plant: string | undefined
  jobs: number
  forever: boolean
  bisect: boolean
  /** Each line as it comes. */
  trace: boolean
  /** One object for a parent process instead of words. */
  json: boolean
}

const usage = `npm run sim -- [--seed S | --seeds FROM-TO,... | --forever] [--hosts H] [--minutes M]
  --faults none|all|${faultNames.slice(0, 3).join(',')},...   kinds that may come; all of: ${faultNames.join(', ')}
  --keep 0-7,9    only these of the planned faults; none is possible
  --pace steady|bursts   clients work all the time (the rule up to ten minutes), or a quarter of a minute of three
  --bisect        the fewest faults with which the seed still fails
  --plant NAME    a bug of test/sim/mutation is there: is it found?
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
        pace: { type: 'string' },
        plant: { type: 'string' },
        jobs: { type: 'string', default: '1' },
        forever: { type: 'boolean', default: false },
        bisect: { type: 'boolean', default: false },
        trace: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
      },
    })
    const minutes = whole('minutes', values.minutes)
    return {
      seeds:
        values.seeds === undefined ? [whole('seed', values.seed)] : values.seeds.split(',').flatMap(numbers),
      hosts: whole('hosts', values.hosts),
      minutes,
      bursts: burstsOf(values.pace ?? usualPace(minutes)),
      kinds: kindsOf(values.faults),
      keep: values.keep === undefined ? undefined : parseKeep(values.keep),
      plant: values.plant,
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

/** What makes a run, besides its seed. */
export type RunChoice = Pick<RunOptions, 'hosts' | 'minutes' | 'kinds' | 'bursts' | 'plant'>

/** The options of runs, for another process or a person. */
export function formatRun(
  { hosts, minutes, kinds, bursts }: Omit<RunChoice, 'plant'>,
  seeds: readonly number[],
  keep?: readonly number[],
): string[] {
  const named = kinds.length === 0 ? 'none' : kinds.length === faultNames.length ? 'all' : kinds.join(',')
  const pace = bursts ? 'bursts' : 'steady'
  const which = seeds.length === 1 ? ['--seed', String(seeds[0])] : ['--seeds', seeds.join(',')]
  return [
    ...which,
    ...['--hosts', String(hosts), '--minutes', String(minutes), '--faults', named],
    ...(pace === usualPace(minutes) ? [] : ['--pace', pace]),
    ...(keep ? ['--keep', formatKeep(keep)] : []),
  ]
}

function whole(name: string, text: string): number {
  if (!/^\d+$/.test(text)) throw new Error(`--${name} is a whole number, not '${text}'`)
  return Number(text)
}

/** A client at work costs far more than one that waits: long runs have the same number of operations in more time. */
const someBursts: Bursts = { lastMs: 15_000, everyMs: 180_000 }

function usualPace(minutes: number): 'steady' | 'bursts' {
  return minutes > 10 ? 'bursts' : 'steady'
}

function burstsOf(pace: string): Bursts | undefined {
  if (pace !== 'steady' && pace !== 'bursts') throw new Error(`--pace is steady or bursts, not '${pace}'`)
  return pace === 'bursts' ? someBursts : undefined
}

function kindsOf(text: string): readonly string[] {
  if (text === 'none') return []
  if (text === 'all') return faultNames
  const kinds = text.split(',')
  for (const kind of kinds)
    if (!faultNames.includes(kind)) throw new Error(`There is no kind of fault '${kind}'`)
  return kinds
}

// Does a seed give the same run twice? `node test/sim/same.ts --seed 5 --minutes 5` runs it in two processes with heaps of
// different sizes and shows the first event in which they differ, with what came before: there something was not the seed's.
import { realWorld } from '#kit/world/real.ts'

const program = `${import.meta.dirname}/run.ts`
const timeoutMs = 900_000
const shown = 15
/** Collected at other moments, so that what depends on it differs too. */
const heaps = [['--max-semi-space-size=1'], ['--max-semi-space-size=64']]

async function trace(heap: readonly string[], words: readonly string[]): Promise<string[]> {
  const { stdout, stderr } = await realWorld().processes.run(
    process.execPath,
    [...heap, program, ...words, '--trace'],
    { timeoutMs },
  )
  if (stdout === '') throw new Error(`The run said nothing: ${stderr}`)
  // The last lines tell how long it took.
  return stdout.split('\n').filter((line) => !/ of processor\)| events, \d+ a second/.test(line))
}

/** Undefined where the two agree. */
export function firstDifference(one: readonly string[], other: readonly string[]): string | undefined {
  const length = Math.max(one.length, other.length)
  for (let at = 0; at < length; at++) {
    if (one[at] === other[at]) continue
    const before = one.slice(Math.max(0, at - shown), at).map((line) => `  ${line}`)
    return [...before, `- ${one[at] ?? '(ends)'}`, `+ ${other[at] ?? '(ends)'}`].join('\n')
  }
  return undefined
}

if (import.meta.main) {
  const words = process.argv.slice(2)
  const [one, other] = await Promise.all(heaps.map((heap) => trace(heap, words)))
  const difference = firstDifference(one!, other!)
  process.stdout.write(`${difference ?? `The same, ${one!.length} lines`}\n`)
  process.exitCode = difference === undefined ? 0 : 1
}

// `npm run bench:api [token] [candidate] [image]`: what the APIs reach, each part on a cloud of its own. The machine is shared and noisy: read
// the processor time of one beside the rate.
import { loadavg } from 'node:os'
import { type Figure, formatFigures } from '../figure.ts'
import { measureCandidates } from './candidate.ts'
import { measureImages } from './image.ts'
import { measureTokens } from './token.ts'

/** By the word that asks for one alone; each is given a row of ports that no other bench uses. */
const parts: Record<string, (portBase: string) => Promise<Figure[]>> = {
  token: measureTokens,
  candidate: measureCandidates,
  image: measureImages,
}
const portBase = '22000'

const wanted = process.argv.slice(2)
const unknown = wanted.find((name) => !(name in parts))
if (unknown !== undefined) {
  console.error(`There is no part '${unknown}': there are ${Object.keys(parts).join(', ')}.`)
  process.exitCode = 2
} else {
  for (const [name, measure] of Object.entries(parts)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue
    for (const line of formatFigures(await measure(portBase))) console.log(line)
  }
  console.log(`load average ${loadavg()[0]!.toFixed(1)}`)
}

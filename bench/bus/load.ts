// One scenario against one broker, in a process of its own: `load.ts URL SCENARIO MILLISECONDS`, or `load.ts URL fill|drain JSON`.
// The outcome is one line of JSON.
import { realWorld } from '#kit/world/real.ts'
import { type Backlog, drain, fill, type ScenarioName, scenarios } from './scenario.ts'

const [address = '', what = '', how = ''] = process.argv.slice(2)
const world = realWorld()
const url = new URL(address)
const backlog = () => JSON.parse(how) as Backlog

async function run() {
  if (what === 'fill') return { perSecond: await fill({ world, url }, backlog()) }
  if (what === 'drain') return { perSecond: await drain({ world, url }, backlog()) }
  return scenarios[what as ScenarioName]({ world, url, milliseconds: Number(how) })
}

process.stdout.write(`${JSON.stringify(await run())}\n`)
process.exit(0)

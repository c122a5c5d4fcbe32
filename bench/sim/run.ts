// `npm run bench:sim`: the published figures of simulated clouds, each taken on clouds of its own in temporary folders: starts and
// snapshots in some minutes, then a cloud of many hosts and servers, for which `-- --scale` asks and which takes half an hour.
// On a machine that others keep busy, `chrt -r 1 npm run bench:sim` has it for itself.
import { loadavg } from 'node:os'
import { realWorld } from '#kit/world/real.ts'
import { formatFigures } from '../figure.ts'
import { measureScale } from './scale.ts'
import { measureSnapshot } from './snapshot.ts'
import { measureStart } from './start.ts'

const world = realWorld()
const say = (line: string) => console.error(line)
const showLoad = () => loadavg()[0]!.toFixed(1)
const before = showLoad()
const figures = await measureStart(world, { hosts: 10, rounds: 5, portBase: 27_000 })
figures.push(...(await measureSnapshot(world, { hosts: 10, servers: 50, rounds: 5, portBase: 28_000, say })))
if (process.argv.includes('--scale')) {
  const plan = { hosts: 1000, servers: 10_000, rate: 20, networks: 50, portBase: 29_000, idle: 30 }
  figures.push(...(await measureScale(world, { ...plan, say })))
}
for (const line of formatFigures(figures)) console.log(line)
console.log(`load average ${before} before, ${showLoad()} after, ${world.host.cpus} CPUs`)

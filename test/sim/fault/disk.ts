// The disk of one machine is full for a while, or the databases on it are busy or fail.
import { duration, type Fault, oneOf, seconds } from './fault.ts'

export const fullDisk: Fault = (cloud, random) => {
  const machine = oneOf(random, [...cloud.hosts.map(({ name }) => name), 'controller', 'bus'])
  const lastsMs = duration(random, 200, 30_000)
  const { disk } = cloud.universe.machine(machine)
  return { words: `the disk of ${machine} is full for ${seconds(lastsMs)}`, lastsMs, end: disk.fill() }
}
